"""Methods that look at turns, states, beliefs or a critic: what each promises, as properties and by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infopo import algorithms
from infopo.algorithms import CreditBatch
from infopo.algorithms.loss_config import LossConfig
from infopo.core import InfopoError, UserError

from .full_batch import full_batch

BY_GROUP = ["starpo", "search-r1", "igpo", "igpo-2025", "gigpo", "mt-grpo", "collabllm", "sweet-rl"]
CRITICS = ["starpo-s", "bi-level-gae", "turn-ppo"]
TWO = [[(0, 2), (3, 4)], [(0, 1), (2, 5)]]


def advantages(name: str, batch: CreditBatch, **options: Any) -> Any:
    return algorithms.get(name, **options).credit(batch).advantages


@pytest.mark.parametrize("name", BY_GROUP)
def test_a_group_of_one_learns_nothing(name: str) -> None:
    batch = full_batch([3], [0.7], [[(0, 2), (3, 4)]], beliefs=[[-2.0, -1.0]], rewards=[[0.2, 0.9]])
    credit = algorithms.get(name).credit(batch)
    assert (credit.advantages == 0).all()
    assert credit.stats["adv/singleton_groups"] == 1


@pytest.mark.parametrize("name", ["starpo", "search-r1", "collabllm"])
@given(scale=st.floats(0.5, 4), shift=st.floats(-2, 2))
def test_standard_scores_ignore_where_outcomes_start(name: str, scale: float, shift: float) -> None:
    outcomes = np.array([0.0, 0.4, 1.0])
    batch = replace(full_batch([0, 0, 0], outcomes, [[(0, 2)], [(0, 2)], [(0, 2)]]), turn_reward_mask=None)
    moved = replace(batch, outcome=outcomes * scale + shift)
    np.testing.assert_allclose(advantages(name, moved), advantages(name, batch), atol=1e-5)


@pytest.mark.parametrize("name", BY_GROUP)
def test_equal_outcomes_and_signals_teach_nothing(name: str) -> None:
    layout = [[(0, 2), (3, 4)]] * 3
    batch = full_batch([0] * 3, [0.1 + 0.2, 0.3, 0.3], layout, beliefs=[[-2.0, -1.0]] * 3, rewards=[[0.5, 0.5]] * 3)
    np.testing.assert_allclose(advantages(name, batch), 0.0, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "without", "says"),
    [
        ("igpo", {"signals": {}}, "igpo needs the signal 'belief'"),
        ("igpo-2025", {"signals": {}}, "igpo-2025 needs the signal 'belief'"),
        ("sweet-rl", {"signals": {}}, "sweet-rl needs the signal 'belief'"),
        ("starpo-s", {"values": None}, "starpo-s needs a critic"),
        ("bi-level-gae", {"values": None}, "bi-level-gae needs a critic"),
        ("turn-ppo", {"values": None}, "turn-ppo needs a critic"),
        ("gigpo", {"state_keys": (("start", None), ("start", None))}, "gigpo needs the state"),
    ],
)
def test_what_is_missing_is_named(name: str, without: dict[str, Any], says: str) -> None:
    batch = replace(full_batch([0, 0], [0.0, 1.0], TWO), **without)
    with pytest.raises(InfopoError, match=says):
        algorithms.get(name).credit(batch)


@pytest.mark.parametrize("unscored", ["no rewards", "no scored turn", "one episode of two"])
@pytest.mark.parametrize("name", algorithms.names())
def test_without_scored_turns_the_outcome_is_the_last_turns_reward(name: str, unscored: str) -> None:
    batch = full_batch([0, 0], [0.25, 1.0], TWO, rewards=[[0.0, 0.25], [0.0, 1.0]])
    mask = np.zeros((2, 2), dtype=bool)
    mask[1] = unscored == "one episode of two"
    changes: dict[str, Any] = {"turn_reward_mask": mask}
    if unscored == "no rewards":
        changes = {"turn_rewards": None, "turn_reward_mask": None}
    found = advantages(name, replace(batch, **changes))
    np.testing.assert_array_equal(found, advantages(name, batch))
    assert np.abs(found).sum() > 0


@pytest.mark.parametrize("name", algorithms.names())
def test_a_method_says_whether_it_takes_costs_of_tokens_off(name: str) -> None:
    batch = full_batch([0, 0], [0.25, 1.0], TWO)
    costs = np.where(batch.sampled, 0.1 * np.arange(batch.sampled.shape[1]), np.nan)
    changed = not np.array_equal(advantages(name, replace(batch, token_penalty=costs)), advantages(name, batch))
    assert changed == algorithms.get(name).token_costs


def test_mt_grpo_without_scored_turns_is_grpo() -> None:
    batch = replace(full_batch([0, 0], [0.25, 1.0], TWO), turn_rewards=None, turn_reward_mask=None)
    np.testing.assert_array_equal(advantages("mt-grpo", batch), advantages("grpo", batch))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("starpo", {"normalisation": "z"}),
        ("starpo", {"grouping": "all"}),
        ("starpo", {"length_weight": 1}),
        ("starpo-s", {"keep": 0.0}),
        ("starpo-s", {"gamma": 1.1}),
        ("bi-level-gae", {"gamma_high": -0.1}),
        ("bi-level-gae", {"zero_ends_turn": "no"}),
        ("turn-ppo", {"lam": None}),
        ("igpo", {"kind": "diff"}),
        ("igpo", {"normalisation": "none"}),
        ("igpo", {"gamma": float("nan")}),
        ("igpo", {"zero": 0}),
        ("igpo", {"gain_weight_end": -1.0}),
        ("igpo-2025", {"kind": "ratio"}),
        ("gigpo", {"mode": "std"}),
        ("gigpo", {"omega": -1.0}),
        ("gigpo", {"episode_stats_over": "turns"}),
        ("mt-grpo", {"singleton": "drop"}),
        ("mt-grpo", {"lam": True}),
        ("collabllm", {"lam": -1e-4}),
        ("sweet-rl", {"weight": "1"}),
    ],
)
def test_bad_values_are_refused_by_name(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"{name if name != 'starpo-s' else ''}.*{next(iter(options))}|filter"):
        algorithms.get(name, **options)


def test_starpo_is_grpo_up_to_a_factor_and_its_options_are_others() -> None:
    batch = full_batch([0, 0, 1, 1], [0.0, 1.0, 0.2, 0.6], [*TWO, *TWO], rewards=[[None] * 2] * 4)
    np.testing.assert_allclose(advantages("starpo", batch) * (1 + 1e-6), advantages("grpo", batch), atol=1e-12)
    np.testing.assert_allclose(advantages("search-r1", batch), advantages("grpo", batch), atol=1e-12)
    raw = advantages("starpo", batch, normalisation="identity")[:, 0]
    np.testing.assert_allclose(raw, batch.outcome / (1 + 1e-6))
    np.testing.assert_allclose(
        advantages("starpo", batch, normalisation="mean", grouping="batch")[:, 0], batch.outcome - 0.45, atol=1e-6
    )
    weighted = advantages("starpo", batch, length_weight=True)
    np.testing.assert_allclose(weighted[0], advantages("starpo", batch)[0] / (3 / 3.5), atol=1e-9)


def test_starpo_sums_the_rewards_of_scored_turns() -> None:
    batch = full_batch([0, 0], [1.0, 0.0], TWO, rewards=[[0.1, None], [0.4, 0.4]])
    np.testing.assert_allclose(advantages("starpo", batch, normalisation="identity")[:, 0], [0.1, 0.8], atol=1e-6)


@pytest.mark.parametrize("name", CRITICS)
def test_a_cost_of_tokens_lowers_what_the_critic_is_to_predict(name: str) -> None:
    batch = full_batch([0, 0], [1.0, 0.0], TWO)
    costly = replace(batch, token_penalty=np.where(batch.sampled, 0.1, 0.0))
    plain, found = (algorithms.get(name).credit(one).returns for one in (batch, costly))
    assert plain is not None
    assert found is not None
    assert (found[batch.sampled] < plain[batch.sampled]).all()


def test_starpo_s_and_search_r1_come_with_their_loss() -> None:
    starpo_s, search = algorithms.get("starpo-s", keep=0.5), algorithms.get("search-r1")
    assert starpo_s.filter is not None
    assert (starpo_s.filter.kind, starpo_s.filter.keep) == ("std", 0.5)
    assert starpo_s.defining == {"loss", "filter"}
    assert starpo_s.loss == LossConfig(clip_high=0.28)
    assert (search.loss.dual_clip, search.loss.kl_coefficient, search.loss.kl_estimator) == (None, 0.001, "k3")
    assert search.defining == frozenset()


def test_gigpo_compares_steps_from_the_same_state_of_the_same_task() -> None:
    layout = [[(0, 1), (2, 3)]] * 4
    keys = [["start", "x"], ["start", "x"], ["start", "y"], ["start", "x"]]
    batch = full_batch([0, 0, 0, 1], [0.0, 1.0, 0.5, 1.0], layout, rewards=[[None] * 2] * 4, keys=keys)
    found, plain = (advantages("gigpo", batch, omega=omega) for omega in (1.0, 0.0))
    step = found - plain
    np.testing.assert_allclose(plain[:, 0], [-0.5, 0.5, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(step[:, 0], [-0.475, 0.475, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(step[:, 2], [-0.5, 0.5, 0.0, 0.0], atol=1e-12)
    assert algorithms.get("gigpo").credit(batch).stats["gigpo/shared_steps_frac"] == pytest.approx(5 / 8)


def test_gigpo_knows_the_state_before_an_action_not_the_one_behind() -> None:
    keys = [["start", None], ["start", None], ["start", "x"]]
    layout = [[(0, 1), (2, 3)]] * 3
    batch = full_batch([0] * 3, [0.0, 1.0, 0.5], layout, rewards=[[None] * 2] * 3, keys=keys)
    step = advantages("gigpo", batch) - advantages("gigpo", batch, omega=0.0)
    assert (step[:, 2] == 0).all(), "states that are not known are not the same state"
    assert (step[:2, 0] != 0).all()


def test_mt_grpo_compares_each_turn_at_its_place_and_leaves_the_last_to_the_outcome() -> None:
    layout = [[(0, 1), (2, 3), (4, 5)], [(0, 1), (2, 3), (4, 5)], [(0, 1), (2, 3)]]
    batch = full_batch([0] * 3, [1.0, 0.0, 0.5], layout, rewards=[[0.2, 0.0, 9.0], [0.4, None, 7.0], [0.6, 5.0]])
    found, outcome = advantages("mt-grpo", batch, lam=0.5), advantages("grpo", batch)
    np.testing.assert_allclose(found[:, 0] - 0.5 * outcome[:, 0], [-1, 0, 1], atol=1e-4)
    np.testing.assert_allclose(found[:2, 2], 0.5 * outcome[:2, 2], atol=1e-9)
    np.testing.assert_allclose([found[0, 4], found[1, 4], found[2, 2]], [1, -1, 0], atol=1e-4)


def test_collabllm_takes_a_price_for_words() -> None:
    batch = full_batch([0, 0], [1.0, 1.0], [[(0, 10)], [(0, 30)]])
    found = advantages("collabllm", batch)
    assert found[0, 0] > 0 > found[1, 0]
    assert (advantages("collabllm", batch, lam=0.0) == 0).all()


def test_sweet_rl_pays_the_turn_that_spoke_for_the_answer() -> None:
    layout = [[(0, 1), (2, 3), (4, 5)]] * 2
    batch = full_batch([0, 0], [1.0, 0.0], layout, beliefs=[[-3.0, -1.0, -1.0], [-3.0, -3.0, None]])
    extra = advantages("sweet-rl", batch) - advantages("grpo", batch)
    assert extra[0, 0] > 0 > extra[0, 2]
    assert extra[0, 2] == pytest.approx(extra[1, 0])
    assert extra[0, 4] == extra[1, 2] == extra[1, 4] == 0
    np.testing.assert_array_equal(advantages("sweet-rl", batch, weight=0.0), advantages("grpo", batch))
