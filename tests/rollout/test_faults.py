"""Broken environments: the episode fails, as data; its neighbours never notice; nothing hangs."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from infopo.core import StopReason, Trajectory, UserError, derive_random, derive_seed
from infopo.envs import Env
from infopo.rollout import TaskSpec
from infopo.samplers.base import Generated, Request
from infopo.samplers.hf import HFSampler, HFSession
from infopo.testing.faults import FaultyEnv, Kind, Stage, random_delays
from infopo.tokens.language_model import LanguageModel

from .conftest import assert_same, episodes, play, slot_tasks

TURNS = 3
TASKS = [
    TaskSpec(
        env_id="usergym/travel", task=k, seed=k, options={"difficulty": "nano", "max_turns": TURNS}, group_id=f"g/{k}"
    )
    for k in range(2)
]
GROUP = 4
Make = Callable[[TaskSpec, int], Env]
# where the fault sits: group, episode. The first, the last and one in the middle of the batch.
PLACES = [(0, 0), (1, 3), (0, 2)]
AWAITED: list[tuple[Stage, int]] = [("start", 0), ("step", 0), ("step", 1), ("step", TURNS - 1), ("outcome", 0)]


class Faults:
    """Makes environments; those at `places` are broken. Keeps all of them, to look at afterwards."""

    def __init__(self, places: Sequence[tuple[int, int]] = (), **fault: Any) -> None:
        self.places, self.fault = set(places), fault
        self.made: list[FaultyEnv] = []

    def __call__(self, task: TaskSpec, episode: int) -> Env:
        place = (int(task.group_id.rpartition("/")[2]), episode)
        # One that only counts: it dawdles for no time.
        fault = self.fault if place in self.places else {"stage": "close", "kind": "delay", "seconds": 0.0}
        self.made.append(FaultyEnv(task.make(episode), **fault))
        return self.made[-1]


@pytest.fixture(scope="module")
def baseline(babbler: LanguageModel) -> list[Trajectory]:
    found = episodes(play(babbler, TASKS, group_size=GROUP))
    assert {len(one.turns) for one in found} == {TURNS}
    return found


def check(found: list[Trajectory], baseline: list[Trajectory], faults: Faults) -> list[Trajectory]:
    """The failed ones; every other episode is as if nothing had happened, and every environment was closed once."""
    failed = []
    for index, (one, expected) in enumerate(zip(found, baseline, strict=True)):
        if divmod(index, GROUP) in faults.places:
            assert one.failure is not None
            assert one.outcome is None
            assert one.stop_reason == StopReason.FAILED
            assert (one.task_id, one.episode, one.seed) == (expected.task_id, expected.episode, expected.seed)
            assert expected.token_ids[: len(one.token_ids)] == one.token_ids
            failed.append(one)
        else:
            assert_same(one, expected)
    assert [env.closed for env in faults.made] == [1] * len(baseline)
    return failed


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("stage", "turn"), AWAITED)
@pytest.mark.parametrize("kind", ["raise", "hang", "cancel"])
def test_one_episode_fails_and_the_others_are_as_they_were(
    babbler: LanguageModel,
    baseline: list[Trajectory],
    place: tuple[int, int],
    stage: Stage,
    turn: int,
    kind: Kind,
) -> None:
    faults = Faults([place], stage=stage, turn=turn, kind=kind)
    limits = {f"{stage}_seconds": 0.05} if kind == "hang" else {}
    (failed,) = check(episodes(play(babbler, TASKS, group_size=GROUP, make=faults, **limits)), baseline, faults)
    assert failed.failure is not None
    assert failed.failure.where == stage
    assert failed.failure.kind == {"raise": "Broken", "hang": "timeout", "cancel": "RuntimeError"}[kind]
    turns = {"start": 0, "outcome": TURNS}.get(stage, turn + 1)
    assert len(failed.turns) == turns
    assert sum(len(t.action) for t in failed.turns) == sum(failed.sampled)
    assert failed.reference_answer is None


@pytest.mark.parametrize(("stage", "where"), [("state_key", "step"), ("reference_answer", "outcome")])
def test_what_an_environment_raises_elsewhere_is_a_failure_too(
    babbler: LanguageModel, baseline: list[Trajectory], stage: Stage, where: str
) -> None:
    faults = Faults([(1, 1)], stage=stage)
    (failed,) = check(episodes(play(babbler, TASKS, group_size=GROUP, make=faults)), baseline, faults)
    assert failed.failure is not None
    assert (failed.failure.where, failed.failure.kind) == (where, "Broken")


@pytest.mark.parametrize("kind", ["raise", "hang", "cancel"])
def test_a_close_that_breaks_loses_nothing(babbler: LanguageModel, baseline: list[Trajectory], kind: Kind) -> None:
    faults = Faults([(0, 1), (1, 0)], stage="close", kind=kind)
    # close has the deadline of a step
    found = episodes(play(babbler, TASKS, group_size=GROUP, make=faults, step_seconds=0.3))
    for one, expected in zip(found, baseline, strict=True):
        assert_same(one, expected)
    assert [env.closed for env in faults.made] == [1] * len(baseline)


@pytest.mark.parametrize("stage", ["start", "step", "outcome"])
def test_a_delay_within_the_deadline_changes_nothing(
    babbler: LanguageModel, baseline: list[Trajectory], stage: Stage
) -> None:
    faults = Faults([(0, 1), (1, 0)], stage=stage, kind="delay", seconds=0.02)
    for one, expected in zip(episodes(play(babbler, TASKS, group_size=GROUP, make=faults)), baseline, strict=True):
        assert_same(one, expected)


@pytest.mark.parametrize("concurrency", [1, 2, 16])
def test_who_answers_first_changes_nothing_at_all(
    babbler: LanguageModel, baseline: list[Trajectory], concurrency: int
) -> None:
    def make(task: TaskSpec, episode: int) -> Env:
        return random_delays(task.make(episode), derive_seed(concurrency, task.seed, episode))

    found = episodes(play(babbler, TASKS, group_size=GROUP, make=make, concurrency=concurrency))
    assert found == baseline


def everyone() -> list[tuple[int, int]]:
    return [(group, episode) for group in range(len(TASKS)) for episode in range(GROUP)]


@pytest.mark.parametrize("concurrency", [1, 16])
@pytest.mark.parametrize(("stage", "turn"), AWAITED)
def test_the_deadline_of_the_whole_batch_holds_where_a_stage_has_an_hour(
    babbler: LanguageModel, baseline: list[Trajectory], stage: Stage, turn: int, concurrency: int
) -> None:
    faults = Faults(everyone(), stage=stage, turn=turn, kind="hang")
    found = episodes(
        play(
            babbler,
            TASKS,
            group_size=GROUP,
            make=faults,
            concurrency=concurrency,
            total_seconds=0.2,
            start_seconds=3600.0,
            step_seconds=3600.0,
            outcome_seconds=3600.0,
        )
    )
    assert {one.failure.kind for one in check(found, baseline, faults) if one.failure} == {"timeout"}


def test_a_batch_that_runs_late_between_turns_ends(babbler: LanguageModel) -> None:
    class Slow(HFSampler):
        """Takes longer to write than the whole batch may take."""

        def open(self, slots: int) -> HFSession:
            session = super().open(slots)
            write = session.generate

            async def late(requests: Sequence[Request]) -> list[Generated]:
                await asyncio.sleep(0.4)
                return await write(requests)

            session.generate = late  # type: ignore[method-assign]
            return session

    found = episodes(play(Slow(babbler), TASKS, group_size=GROUP, total_seconds=0.3))
    assert {one.failure.kind for one in found if one.failure} == {"timeout"}
    assert all(one.failure for one in found)
    assert {len(one.turns) for one in found} == {1}


@pytest.mark.parametrize("stage", ["start", "step", "outcome"])
def test_a_mistake_of_the_user_passes_through_and_everything_is_closed(babbler: LanguageModel, stage: Stage) -> None:
    faults = Faults([(0, 1)], stage=stage, error=UserError("no such user model: set --user"))
    with pytest.raises(UserError, match="no such user model"):
        play(babbler, TASKS, group_size=GROUP, make=faults)
    assert [env.closed for env in faults.made] == [1] * GROUP * len(TASKS)


def test_our_own_mistakes_pass_through_and_everything_is_closed(babbler: LanguageModel) -> None:
    class Wrong(HFSampler):
        def open(self, slots: int) -> HFSession:
            session = super().open(slots)

            async def fail(requests: Sequence[Request]) -> list[Generated]:
                raise ZeroDivisionError("a bug of the sampler")

            session.generate = fail  # type: ignore[method-assign]
            return session

    faults = Faults()
    with pytest.raises(ZeroDivisionError):
        play(Wrong(babbler), TASKS, group_size=GROUP, make=faults)
    assert [env.closed for env in faults.made] == [1] * GROUP * len(TASKS)


def test_stopping_from_outside_passes_through_and_everything_is_closed(babbler: LanguageModel) -> None:
    from infopo.rollout import RolloutConfig, play_groups

    faults = Faults(everyone(), stage="step", kind="hang")

    async def run() -> None:
        work = play_groups(HFSampler(babbler), TASKS, group_size=GROUP, config=RolloutConfig(), make=faults)
        task = asyncio.create_task(work)
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(run(), 60))
    assert [env.closed for env in faults.made] == [1] * GROUP * len(TASKS)


@pytest.mark.parametrize("seed", range(6))
def test_a_fifth_of_all_episodes_broken_somewhere(
    slots_policy: LanguageModel, slots_options: dict[str, Any], seed: int
) -> None:
    tasks = slot_tasks(4, slots_options, seed=seed)
    stages: list[Stage] = ["start", "step", "state_key", "outcome", "reference_answer"]
    broken: set[tuple[str, int]] = set()

    def make(task: TaskSpec, episode: int) -> Env:
        env, rng = task.make(episode), derive_random(seed, "faults", task.group_id, episode)
        if rng.random() >= 0.2:
            return env
        broken.add((task.group_id, episode))
        stage = rng.choice(stages)
        kinds: list[Kind] = ["raise"] if stage in ("state_key", "reference_answer") else ["raise", "hang", "cancel"]
        return FaultyEnv(env, stage=stage, kind=rng.choice(kinds))

    limits = {"start_seconds": 0.1, "step_seconds": 0.1, "outcome_seconds": 0.1}
    expected = play(slots_policy, tasks, group_size=8)
    found = play(slots_policy, tasks, group_size=8, make=make, **limits)
    assert 1 <= len(broken) <= 20
    for group, whole in zip(found.groups, expected.groups, strict=True):
        for one, other in zip(group.trajectories, whole.trajectories, strict=True):
            assert (one.failure is not None) == ((group.group_id, one.episode) in broken)
            if one.failure is None:
                assert_same(one, other)
        assert len(group.survivors) == sum((group.group_id, k) not in broken for k in range(8))


@pytest.mark.parametrize("stage", ["state_key", "reference_answer"])
def test_what_does_not_await_cannot_hang(stage: Stage) -> None:
    with pytest.raises(ValueError, match="does not await"):
        FaultyEnv(TASKS[0].make(0), stage=stage, kind="hang")
