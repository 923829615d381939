"""Presets: one loss for all methods and no filter, or each method as it was published."""

from typing import Any

import pytest

from infopo import algorithms
from infopo.algorithms.base import Method
from infopo.algorithms.filters import GroupFilter
from infopo.algorithms.loss_config import LossConfig
from infopo.core import UserError
from infopo.gain import GainSpec
from infopo.rollout import RolloutConfig
from infopo.training.config import TrainConfig
from infopo.training.config_io import config_from_dict, config_to_yaml
from infopo.training.presets import settled

OWN = LossConfig(clip_high=0.28, dual_clip=None, aggregation="seq-mean-token-sum")


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`published(filter=...)`: whatever is asked for is a method of this kind."""

    def make(**changes: Any) -> None:
        honest = algorithms.get("grpo")
        fields = {"name": "own", "summary": "for tests", "credit": honest.credit, "loss": OWN} | changes
        monkeypatch.setattr(algorithms, "get", lambda name, **options: Method(**fields))

    return make


def test_matched_is_the_default_and_changes_nothing(published: Any) -> None:
    published(filter=GroupFilter(kind="std", keep=0.25))
    config = TrainConfig(loss=LossConfig(clip_low=0.1))
    assert config.preset == "matched"
    assert settled(config) is config


def test_as_published_takes_loss_and_filter_of_the_method(published: Any) -> None:
    published(filter=GroupFilter(kind="std", keep=0.4))
    config = settled(TrainConfig(preset="as-published", updates=2))
    assert config.loss == OWN
    assert (config.filter, config.filter_keep, config.updates) == ("std", 0.4, 2)
    assert settled(config) == config
    published()
    assert settled(TrainConfig(preset="as-published", loss=OWN)).filter == "none"


def test_a_settled_configuration_survives_its_file(published: Any) -> None:
    import yaml

    published(filter=GroupFilter(kind="dynamic"))
    config = settled(TrainConfig(preset="as-published"))
    again = config_from_dict(yaml.safe_load(config_to_yaml(config)))
    assert settled(again) == again == config


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"loss": LossConfig(clip_low=0.1)}, r"leave loss\.\* out"), ({"filter": "std"}, "comes with filter dynamic")],
)
def test_what_would_be_replaced_is_refused(published: Any, changes: dict[str, Any], said: str) -> None:
    published(filter=GroupFilter(kind="dynamic"))
    with pytest.raises(UserError, match=said):
        settled(TrainConfig(preset="as-published", **changes))


@pytest.mark.parametrize("algo", algorithms.names())
def test_a_kl_in_the_reward_is_refused_where_it_would_be_lost(algo: str) -> None:
    method = algorithms.get(algo)
    if "loss" in method.defining:
        with pytest.raises(UserError, match=r"leave loss\.\* out"):
            settled(TrainConfig(algo=algo, loss=LossConfig(kl_coefficient=0.1, kl_in="reward")))
        return
    config = TrainConfig(algo=algo, loss=LossConfig(kl_coefficient=0.1, kl_in="reward"))
    if method.token_costs:
        assert settled(config) is config
    else:
        with pytest.raises(UserError, match=rf"{algo} reads no reward token by token.*loss\.kl_in to loss"):
            settled(config)
    assert settled(TrainConfig(algo=algo, loss=LossConfig(kl_in="reward"))).algo == algo  # no KL: nothing to lose


@pytest.mark.parametrize("algo", algorithms.names())
@pytest.mark.parametrize("preset", ["matched", "as-published"])
def test_every_method_can_be_settled(algo: str, preset: Any) -> None:
    config = settled(TrainConfig(algo=algo, preset=preset))
    method = algorithms.get(algo)
    if preset == "as-published":
        assert config.loss == method.loss
    assert (config.filter == "none") == (method.filter is None) or preset == "matched"


def test_a_gain_for_which_nothing_would_be_drawn_is_refused() -> None:
    """Before anything is played: a method without gains does not mind."""
    resample = GainSpec(counterfactual="resample")
    with pytest.raises(UserError, match=r"--rollout\.alternatives 32"):
        settled(TrainConfig(algo="infopo", gain=resample))
    assert settled(TrainConfig(algo="infopo", gain=resample, rollout=RolloutConfig(alternatives=4)))
    assert settled(TrainConfig(algo="grpo", gain=resample))
