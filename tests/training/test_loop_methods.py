"""Every method makes a real step on the one loop, under both presets where they differ."""

import itertools
import math
from dataclasses import replace
from typing import Any

import pytest

from infopo import algorithms
from infopo.algorithms.loss_config import LossConfig
from infopo.core import UserError
from infopo.envs import Env
from infopo.gain import GainSpec
from infopo.rollout import RolloutConfig, TaskSpec
from infopo.samplers.load import load_policy
from infopo.training.config import CriticConfig
from infopo.training.loop import Trainer

from .conftest import MakeTrainer, any_gain_matters, distance, records, weights


def made(make_trainer: MakeTrainer, name: str, options: dict[str, Any], **changes: Any) -> Trainer:
    """One step of six episodes of four tasks, under the reward scheme that is the default."""
    settings = {"steps": 1, "group_size": 6, "critic": CriticConfig(passes=2), "env_options": options}
    return make_trainer("a", algo=name, **settings | changes)


@pytest.mark.parametrize("name", algorithms.names())
def test_a_method_makes_a_step(make_trainer: MakeTrainer, slots_options: dict[str, Any], name: str) -> None:
    trainer = made(make_trainer, name, slots_options)
    before = weights(trainer)
    trainer.run()
    assert distance(weights(trainer), before) > 1e-4
    (line,) = records(trainer, "metrics")
    assert line["optimizer/grad_norm"] > 0
    assert line["optimizer/skipped"] == line["rollout/failed_episodes"] == 0
    assert line["loss/ratio_error_first"] < 1e-5
    assert all(math.isfinite(value) for key, value in line.items() if key != "run")
    needs = trainer.method.needs
    assert ("critic/loss" in line) == ("critic" in needs)
    assert ("info/turn_gain_mean" in line) == any_gain_matters(trainer)
    assert ("belief/gain_mean" in line) == ("reference_answer" in needs)
    assert ("filter/kept_groups" in line) == ("filter" in trainer.method.defining)
    learnt = [turn["advantage"] for row in records(trainer, "trajectories") for turn in row["turns"]]
    assert any(value is not None and abs(value) > 1e-3 for value in learnt)


@pytest.mark.parametrize("name", [name for name in algorithms.names() if algorithms.get(name).loss != LossConfig()])
def test_a_method_makes_a_step_as_published(
    make_trainer: MakeTrainer, slots_options: dict[str, Any], slots_folder: Any, name: str
) -> None:
    reference = load_policy(str(slots_folder)).model if algorithms.get(name).loss.kl_coefficient else None
    trainer = made(make_trainer, name, slots_options, preset="as-published", trainer={"reference": reference})
    before = weights(trainer)
    trainer.run()
    assert trainer.config.loss == trainer.method.loss
    assert distance(weights(trainer), before) > 1e-5
    (line,) = records(trainer, "metrics")
    assert ("loss/kl_to_reference" in line) == bool(trainer.method.loss.kl_coefficient)


@pytest.mark.parametrize("name", ["starpo-s", "bi-level-gae", "turn-ppo"])
def test_a_critic_learns_what_the_method_tells_it(
    make_trainer: MakeTrainer, slots_options: dict[str, Any], name: str
) -> None:
    trainer = made(make_trainer, name, slots_options, steps=3, filter="none", critic=CriticConfig(passes=8))
    trainer.run()
    values = [line["critic/value_mean"] for line in records(trainer, "metrics")]
    assert values[0] == 0.0
    assert values[-1] > 0.01, "rewards are not negative, so the values must rise"


@pytest.mark.parametrize("name", ["igpo", "igpo-2025", "sweet-rl"])
def test_a_task_without_reference_answer_is_not_for_methods_of_belief(
    make_trainer: MakeTrainer, slots_options: dict[str, Any], name: str
) -> None:
    def make(task: TaskSpec, episode: int) -> Env:
        env: Any = task.make(episode)
        env.reference_answer = lambda: None
        found: Env = env
        return found

    trainer = made(make_trainer, name, slots_options, trainer={"make": make})
    with pytest.raises(UserError, match=rf"{name} needs a ground truth.*toy/slots.*use another method"):
        trainer.run()


@pytest.mark.parametrize("counterfactual", ["message", "swap", "resample"])
def test_gains_are_scored_only_where_they_matter(make_trainer: MakeTrainer, counterfactual: Any) -> None:
    """And are what they are beside others: the episodes without a score still lend their replies."""
    rollout = RolloutConfig(max_turns=4, alternatives=4 if counterfactual == "resample" else 0)
    gain = GainSpec(counterfactual=counterfactual)
    whole, part = (make_trainer(name, steps=1, rollout=rollout, gain=gain) for name in "ab")
    order = itertools.count()
    part.method = replace(part.method, gain_matters=lambda _: next(order) % 2 == 1)
    whole.run()
    part.run()
    scored = 0
    for measured, line in zip(records(whole, "trajectories"), records(part, "trajectories"), strict=True):
        expected, gains = ([turn["gain"] for turn in one["turns"]] for one in (measured, line))
        needed = int(line["group_id"].partition("/")[2]) % 2 == 1
        assert gains == (pytest.approx(expected, abs=1e-5) if needed else [None] * len(expected))
        scored += needed and any(value is not None for value in expected)
    assert scored > 0


def test_a_step_whose_gains_matter_nowhere(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer("a", steps=1, algo="infopo-return", algo_options={"beta": 0.0})
    trainer.run()
    (line,) = records(trainer, "metrics")
    assert line["info/scored_turns_frac"] == 0
    assert not line.keys() & {"info/turn_gain_mean", "info/return_mean"}


def test_progress_runs_from_the_first_step_to_the_last(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer("a", algo="grpo", steps=4)
    seen: list[float] = []
    credit = trainer.method.credit

    def watch(batch: algorithms.CreditBatch) -> algorithms.Credit:
        seen.append(batch.progress)
        return credit(batch)

    trainer.method = replace(trainer.method, credit=watch)
    trainer.run()
    assert seen == [0.0, 0.25, 0.5, 0.75]
