"""An evaluation in batches: what is finished is kept, what is not is played again, and the result is the same."""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infopo.core import Group, InfopoError, Message, read_records
from infopo.envs import make_expert
from infopo.evaluation.agents import Agent
from infopo.evaluation.estimate import estimate
from infopo.evaluation.play import PATIENCE, TRAJECTORIES, Pace, Suite, play_suite
from infopo.evaluation.spending import Ledger, Meter, Spending, recorded_spending
from infopo.rollout import RolloutConfig, TaskSpec
from infopo.samplers.scripted import ScriptedSampler
from infopo.testing.faults import FaultyEnv
from infopo.tokens.plain_bytes import byte_renderer

CONFIG = RolloutConfig(max_new_tokens=4096)
EXPERT = make_expert("toy/slots", "full")
SUITE, FEW = (Suite(env="toy/slots", episodes=count) for count in (10, 7))


def agent(samples: int = 1, *, stop_after: int | None = None, name: Any = "plain") -> Agent:
    """The expert; `stop_after` that many actions it is stopped, as by Ctrl-C."""
    left = [stop_after]

    def act(slot: int, messages: tuple[Message, ...]) -> str:
        if left[0] is not None:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
        return EXPERT.act(messages) if name == "plain" else "Action: [answer] nothing"

    sampler = ScriptedSampler(byte_renderer(), act)
    return Agent(name=name, sampler=sampler, config=CONFIG, samples=samples, trials=3 if name == "reflexion" else 1)


def recorded(folder: Path) -> list[tuple[str, int]]:
    return [(row["group_id"], row["episode"]) for row in read_records(folder / TRAJECTORIES)]


@pytest.mark.parametrize(("name", "samples"), [("plain", 1), ("plain", 3), ("reflexion", 1)])
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stop=st.integers(0, 40), torn=st.integers(0, 400))
def test_a_run_that_was_stopped_goes_on_as_it_would_have(
    name: str, samples: int, stop: int, torn: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = play_suite(agent(samples, name=name), FEW, Pace(batch=3))
    folder = tmp_path_factory.mktemp("e")
    with contextlib.suppress(KeyboardInterrupt):
        play_suite(agent(samples, name=name, stop_after=stop), FEW, Pace(batch=3), folder=folder)
    path = folder / TRAJECTORIES
    if path.exists():  # a death in the middle of a line, or between two lines of one batch
        path.write_bytes(path.read_bytes()[: max(0, path.stat().st_size - torn)])
    assert play_suite(agent(samples, name=name), FEW, Pace(batch=3), folder=folder) == whole
    assert len(recorded(folder)) == len(set(recorded(folder))) == sum(len(group.trajectories) for group in whole)
    assert play_suite(agent(samples, name=name, stop_after=0), FEW, Pace(batch=3), folder=folder) == whole


def test_what_is_finished_is_kept_before_the_next_batch(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def tell(groups: Sequence[Group]) -> None:
        seen.append((len(groups), len(recorded(tmp_path)) if (tmp_path / TRAJECTORIES).exists() else 0))

    play_suite(agent(), SUITE, Pace(batch=4), folder=tmp_path, on_groups=tell)
    assert seen == [(0, 0), (4, 4), (4, 8), (2, 10)]
    seen.clear()
    play_suite(agent(), SUITE, Pace(batch=4), folder=tmp_path, on_groups=tell)
    assert seen == [(10, 10)]
    assert not (tmp_path / "discarded").exists()


def test_batches_side_by_side_change_nothing(tmp_path: Path) -> None:
    most = 0
    running = 0

    class Slow(ScriptedSampler):
        def open(self, slots: int) -> Any:
            session = super().open(slots)
            generate = session.generate

            async def slowly(requests: Any) -> Any:
                nonlocal most, running
                running += 1
                most = max(most, running)
                await asyncio.sleep(0.001)
                running -= 1
                return await generate(requests)

            session.generate = slowly  # type: ignore[method-assign]
            return session

    sampler = Slow(byte_renderer(), lambda slot, messages: EXPERT.act(messages))
    slow = Agent(name="plain", sampler=sampler, config=CONFIG)
    assert play_suite(slow, SUITE, Pace(batch=1, at_once=3), folder=tmp_path) == play_suite(
        agent(), SUITE, Pace(batch=1)
    )
    assert most == 3


def test_what_broke_is_played_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = play_suite(agent(), SUITE, Pace(batch=1))
    make = TaskSpec.make
    with monkeypatch.context() as patch:
        patch.setattr(
            TaskSpec,
            "make",
            lambda self, episode: (
                FaultyEnv(make(self, episode), stage="step") if self.task % 3 == 0 else make(self, episode)
            ),
        )
        broken = play_suite(agent(), SUITE, Pace(batch=1), folder=tmp_path)
    assert sum(group.trajectories[0].failure is not None for group in broken) == 4
    assert play_suite(agent(), SUITE, Pace(batch=1), folder=tmp_path) == whole
    (moved,) = (tmp_path / "discarded").iterdir()
    assert len(list(read_records(moved))) == 4


def test_where_nothing_comes_in_whole_it_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = TaskSpec.make
    monkeypatch.setattr(TaskSpec, "make", lambda self, episode: FaultyEnv(make(self, episode), stage="start"))
    with pytest.raises(InfopoError, match=f"{PATIENCE} episodes broke off one after the other, {PATIENCE} by Broken"):
        play_suite(agent(), Suite(env="toy/slots", episodes=100), Pace(batch=1), folder=tmp_path)
    assert len(recorded(tmp_path)) == PATIENCE


def test_a_meter_counts_what_is_read_and_written(tmp_path: Path) -> None:
    meter = Meter(ScriptedSampler(byte_renderer(), lambda slot, messages: EXPERT.act(messages)))
    ledger = Ledger(tmp_path, meter)
    groups = play_suite(
        Agent(name="plain", sampler=meter, config=CONFIG), SUITE, Pace(batch=4), on_groups=lambda _: ledger.note()
    )
    ledger.close()
    turns = [turn for group in groups for turn in group.trajectories[0].turns]
    expected = Spending(
        calls=len(turns),
        prompt_tokens=sum(turn.action.start for turn in turns),
        reply_tokens=sum(len(turn.action) for turn in turns),
    )
    assert ledger.totals == {"policy": expected}
    assert len(list(read_records(tmp_path / "spending.jsonl"))) == 3
    again = Ledger(tmp_path, None)
    again.close()
    assert again.totals == ledger.totals
    assert recorded_spending(tmp_path) == (0, 0.0)  # a budget is for endpoints


def test_an_estimate_is_what_the_expert_takes() -> None:
    found = estimate(SUITE, samples=2, agent="plain", trials=1, config=CONFIG)
    groups = play_suite(agent(), SUITE, Pace(batch=10))
    calls = sum(len(group.trajectories[0].turns) for group in groups)
    assert (found.episodes, found.policy.calls) == (20, 2 * calls)
    read = sum(turn.action.start for group in groups for turn in group.trajectories[0].turns)
    assert found.policy.prompt == pytest.approx(2 * read / 4, rel=0.05)
    assert found.user.calls == pytest.approx(2 * sum(len(group.trajectories[0].turns) - 1 for group in groups))
    assert found.most.calls > found.policy.calls
    assert found.most.reply == found.most.calls * CONFIG.max_new_tokens
    trials = estimate(SUITE, samples=1, agent="reflexion", trials=3, config=CONFIG)
    single = estimate(SUITE, samples=1, agent="react", trials=1, config=CONFIG)
    assert trials.policy == single.policy
    assert trials.most.calls == 3 * single.most.calls + 2 * 10
    notes = 1 + 2  # in the prompts of the second and of the third trial
    assert trials.most.prompt > 3 * single.most.prompt + notes * single.most.calls * CONFIG.max_new_tokens
    assert single.policy.reply > found.policy.reply / 2
    assert found.policy.money(2.0, 0.0) == pytest.approx(2 * found.policy.prompt / 1e6)
