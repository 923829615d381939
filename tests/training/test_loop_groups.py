"""Group truth: a failed episode is not in its group. The others get exactly what they would have got without it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infopo import algorithms
from infopo.core import Group, InfopoError, Trajectory
from infopo.envs import Env
from infopo.gain import information_gain
from infopo.rollout import RolloutBatch, RolloutConfig, TaskSpec, play_groups
from infopo.samplers.hf import HFSampler
from infopo.samplers.load import load_policy
from infopo.testing.faults import FaultyEnv, Kind, Stage
from infopo.tokens.language_model import LanguageModel

from .conftest import PLAYABLE, MakeTrainer, assert_equal_weights, records, weights

SIZE = 6
Place = tuple[str, int]  # group id, episode


@pytest.fixture(scope="module")
def policy(slots_folder: Path) -> LanguageModel:
    return load_policy(str(slots_folder))


def play(
    policy: LanguageModel,
    options: dict[str, Any],
    *,
    size: int = SIZE,
    broken: dict[Place, dict[str, Any]] | None = None,
) -> RolloutBatch:
    def make(task: TaskSpec, episode: int) -> Env:
        fault = (broken or {}).get((task.group_id, episode))
        return FaultyEnv(task.make(episode), **fault) if fault else task.make(episode)

    paid = options | {"reward": "upstream"}  # for methods that read turn rewards
    tasks = [TaskSpec(env_id="toy/slots", task=k, seed=k, options=paid, group_id=f"1/{k}") for k in range(3)]
    config = RolloutConfig(max_new_tokens=12, start_seconds=0.1, step_seconds=0.1, outcome_seconds=0.1)
    return asyncio.run(play_groups(HFSampler(policy), tasks, group_size=size, config=config, make=make))


def advantages(
    policy: LanguageModel, algo: str, groups: Sequence[Group], batch: RolloutBatch | None
) -> dict[Place, list[float]]:
    """What each surviving episode is given, as the loop works it out."""
    method = algorithms.get(algo)
    rows = algorithms.credit_rows(groups)
    signals = {}
    if "gain" in method.needs:
        gains = information_gain(policy, rows, cache=batch.cache if batch else None)
        signals = {"gain": [[None if gain is None else gain.value for gain in row] for row in gains]}
    credit = method.credit(algorithms.credit_batch(groups, signals))
    return {
        (row.group_id, row.episode): values[: len(row.token_ids)].tolist()
        for row, values in zip(rows, credit.advantages, strict=True)
    }


def without(groups: Sequence[Group], broken: set[Place]) -> list[Group]:
    """The same episodes in groups that never had the broken ones."""

    def kept(trajectories: Sequence[Trajectory]) -> tuple[Trajectory, ...]:
        return tuple(one for one in trajectories if (one.group_id, one.episode) not in broken)

    return [Group(group_id=group.group_id, trajectories=kept(group.trajectories)) for group in groups]


STAGES: list[tuple[Stage, Kind]] = [("start", "raise"), ("step", "hang"), ("step", "cancel"), ("outcome", "raise")]


@pytest.mark.parametrize("algo", PLAYABLE)
@pytest.mark.parametrize(("stage", "kind"), STAGES)
def test_survivors_get_what_a_group_without_the_failed_one_gives(
    policy: LanguageModel, slots_options: dict[str, Any], algo: str, stage: Stage, kind: Kind
) -> None:
    broken: dict[Place, dict[str, Any]] = {
        place: {"stage": stage, "kind": kind} for place in (("1/0", 2), ("1/0", 5), ("1/2", 0))
    }
    batch = play(policy, slots_options, broken=broken)
    found = advantages(policy, algo, batch.groups, None)
    assert len(found) == 3 * SIZE - len(broken)
    never = without(batch.groups, set(broken))
    assert [len(group.trajectories) for group in never] == [4, 6, 5]
    assert found == advantages(policy, algo, never, None)
    assert any(any(row) for row in found.values())


@pytest.mark.parametrize("algo", PLAYABLE)
def test_a_group_whose_last_episode_never_started_is_a_smaller_group(
    policy: LanguageModel, slots_options: dict[str, Any], algo: str
) -> None:
    """Against an independent rollout of smaller groups: every id, log-prob and advantage, bit by bit."""
    broken = {(f"1/{k}", SIZE - 1): {"stage": "start"} for k in range(3)}
    one, other = play(policy, slots_options, broken=broken), play(policy, slots_options, size=SIZE - 1)
    for group, smaller in zip(one.groups, other.groups, strict=True):
        assert group.survivors == smaller.trajectories
    assert advantages(policy, algo, one.groups, one) == advantages(policy, algo, other.groups, other)


@pytest.mark.parametrize("algo", PLAYABLE)
@pytest.mark.parametrize("stage", ["start", "step", "outcome"])
def test_gains_from_the_cache_are_those_from_reading_again_beside_a_failed_episode(
    policy: LanguageModel, slots_options: dict[str, Any], algo: str, stage: Stage
) -> None:
    batch = play(policy, slots_options, broken={("1/1", 1): {"stage": stage}})
    cached = advantages(policy, algo, batch.groups, batch)
    again = advantages(policy, algo, batch.groups, None)
    for place, values in cached.items():
        # gains of a tiny model, divided by their deviation: rounding is larger
        assert values == pytest.approx(again[place], abs=1e-2)


def faults(places: set[Place], stage: Stage = "step") -> Any:
    def make(task: TaskSpec, episode: int) -> Env:
        env = task.make(episode)
        return FaultyEnv(env, stage=stage) if (task.group_id, episode) in places else env

    return make


@pytest.mark.parametrize("algo", ["infopo", "grpo"])
@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_group_with_fewer_than_two_survivors_gives_nothing_and_is_counted(
    make_trainer: MakeTrainer, algo: str, left: int
) -> None:
    places = {("1/1", episode) for episode in range(left, 4)}
    trainer = make_trainer("a", algo=algo, steps=2, trainer={"make": faults(places)})
    learnt: set[str] = set()
    step = trainer.updater.step

    def watch(rows: Any, index: int) -> Any:
        learnt.update(row.trajectory.group_id for row in rows)
        return step(rows, index)

    trainer.updater.step = watch  # type: ignore[method-assign]
    trainer.run()
    lost = left < 2
    first, second = records(trainer, "metrics")
    assert first["rollout/lost_groups"] == float(lost)
    assert first["rollout/failed_episodes"] == 4 - left
    assert first["rollout/episodes"] == 16
    assert second["rollout/lost_groups"] == second["rollout/failed_episodes"] == 0
    assert ("1/1" in learnt) == (not lost)
    for line in records(trainer, "trajectories"):
        failed = (line["group_id"], line["episode"]) in places
        assert (line["failure"] is not None) == (line["score"] is None) == failed
        nothing = failed or (lost and line["group_id"] == "1/1")
        for turn in line["turns"]:
            assert (turn["advantage"] is None) == nothing
            assert turn["gain"] is None or not nothing
    successes = [line["success"] for line in records(trainer, "trajectories")[:16] if line["failure"] is None]
    assert first["train/success"] == pytest.approx(np.mean(successes)), "a survivor of a lost group still counts"


@pytest.mark.parametrize("algo", ["infopo", "grpo"])
@pytest.mark.parametrize("stage", ["start", "step", "outcome"])
def test_a_step_in_which_everything_fails_is_logged_stops_the_run_and_teaches_nothing(
    make_trainer: MakeTrainer, algo: str, stage: Stage
) -> None:
    places = {(f"1/{group}", episode) for group in range(4) for episode in range(4)}
    trainer = make_trainer("a", algo=algo, steps=2, trainer={"make": faults(places, stage)})
    before = weights(trainer)
    with pytest.raises(InfopoError, match=r"step 1: all 16 episodes broke off, 16 by \w+ \(" + stage):
        trainer.run()
    assert_equal_weights(weights(trainer), before)
    assert trainer.done_steps == 0, "a resumed run plays the step again"
    (first,) = records(trainer, "metrics")
    assert first["rollout/lost_groups"] == 4
    assert first["rollout/failed_episodes"] == 16
    assert "train/success" not in first, "not measured is not zero"
    assert len(records(trainer, "trajectories")) == 16
