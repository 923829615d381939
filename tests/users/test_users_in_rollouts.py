"""Users that break in a rollout: nothing hangs, a fault is never a score, budgets hold; recorded runs replay."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from infopo.core import Message, RecordWriter, Trajectory, UserError, trajectory_to_record
from infopo.envs import make_expert
from infopo.rollout import RolloutConfig, TaskSpec, play_groups
from infopo.samplers.scripted import ScriptedSampler
from infopo.testing.chat_server import FAULTS, ChatServer, Fault
from infopo.testing.tiny import tiny_tokenizer
from infopo.tokens import Renderer
from infopo.users.llm import open_chat

from .conftest import KEY, VARIABLE

OPTIONS = {"difficulty": "nano", "slots": 2}
TWENTY_PERCENT: dict[Fault, float] = dict.fromkeys(FAULTS, 0.2 / len(FAULTS))


def meaning(body: dict[str, Any]) -> str:
    """A model that says exactly what was decided."""
    return json.dumps({"reply": json.loads(body["messages"][-1]["content"])["meaning"]})


def settings_file(path: Path, server: ChatServer, **fields: Any) -> Path:
    usual = {"model": "fake", "base_url": server.url, "key_variable": VARIABLE, "first_wait_seconds": 0.01}
    path.write_text(json.dumps({**usual, "attempt_seconds": 2.0, "deadline_seconds": 20.0, **fields}))  # JSON is YAML
    return path


def play(count: int, user: str | None, *, group_size: int = 10, env_id: str = "toy/slots") -> list[Trajectory]:
    """`count` episodes of the expert that asks for everything; it has to come back."""
    tasks = [
        TaskSpec(env_id=env_id, task=k, seed=k, user=user, options=OPTIONS, group_id=str(k))
        for k in range(count // group_size)
    ]
    experts = [make_expert(env_id, "full", seed=0, **OPTIONS) for _ in range(count)]

    def act(slot: int, messages: tuple[Message, ...]) -> str:
        return experts[slot].act(messages)

    sampler = ScriptedSampler(Renderer(tiny_tokenizer(), name="bytes"), act)
    config = RolloutConfig(max_new_tokens=512, concurrency=32)

    async def run() -> list[Trajectory]:
        batch = await asyncio.wait_for(play_groups(sampler, tasks, group_size=group_size, config=config), 240.0)
        return [one for group in batch.groups for one in group.trajectories]

    return asyncio.run(run())


def check_faults(count: int, path: Path) -> None:
    """A fifth of all replies is broken, each in one of the ways; nobody tries again."""
    with ChatServer(meaning, faults=TWENTY_PERCENT, slow_seconds=1.5) as server:
        name = settings_file(path, server, attempts=1, attempt_seconds=1.0, concurrency=32)
        found = play(count, f"llm:{name}")
        served = server.served
    failures = Counter(one.failure.kind for one in found if one.failure is not None)
    for one in found:
        assert (one.outcome is None) == (one.failure is not None)
        if one.outcome is not None:  # the expert is always right if its questions are answered
            assert (one.outcome.score, one.outcome.success) == (1.0, True)
    broken = {kind: number for kind, number in served.items() if kind != "ok"}
    # A busy machine may turn any reply into a timeout, so each kind has its fault's number at most, and all of them
    # together are at least as many as the faults: none of them was swallowed.
    expected = {
        "ChatUnreachable": sum(broken.get(kind, 0) for kind in ("down", "cut", "cut-stream", "bad-chunk")),
        "ChatRateLimited": broken.get("rate-limited", 0),
        "ChatServerError": broken.get("error", 0),
        "ChatUnreadable": broken.get("garbage", 0) + broken.get("events", 0),
        "ChatEmpty": broken.get("empty", 0),
        "ChatRefused": broken.get("refusal", 0),
    }
    assert all(failures[kind] <= number for kind, number in expected.items())
    assert set(failures) <= {*expected, "timeout"}
    assert sum(failures.values()) >= sum(broken.values()) > 0.2 * count  # an episode asks up to twice


def test_a_fifth_of_the_replies_is_broken(tmp_path: Path) -> None:
    check_faults(100, tmp_path / "user.yaml")


@pytest.mark.slow
def test_a_fifth_of_the_replies_is_broken_in_a_thousand_episodes(tmp_path: Path) -> None:
    check_faults(1000, tmp_path / "user.yaml")


def test_trying_again_saves_most_episodes(tmp_path: Path) -> None:
    with ChatServer(meaning, faults={"error": 0.2, "rate-limited": 0.1}) as server:
        name = settings_file(tmp_path / "user.yaml", server, attempts=8, concurrency=16)
        found = play(50, f"llm:{name}")
    assert [one.outcome for one in found if one.failure is None] == [one.outcome for one in play(50, None)]


def test_a_spent_budget_stops_the_run(tmp_path: Path) -> None:
    with ChatServer(meaning, usage={"prompt_tokens": 900, "completion_tokens": 100}) as server:
        name = settings_file(tmp_path / "user.yaml", server, token_limit=20_000, max_reply_tokens=100, concurrency=4)
        with pytest.raises(UserError, match="budget of the chat model is spent"):
            play(100, f"llm:{name}")
        assert 18 <= len(server.bodies) <= 20 + 4
        assert open_chat(str(name)).budget.spent_tokens <= 1000 * (20 + 4)


def test_a_wrong_key_stops_the_run_at_once(tmp_path: Path) -> None:
    with ChatServer(meaning, faults={"unauthorized": 1.0}) as server:
        name = settings_file(tmp_path / "user.yaml", server, concurrency=2)
        with pytest.raises(UserError) as caught:
            play(100, f"llm:{name}")
        assert len(server.bodies) <= 2
    assert VARIABLE in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_recorded_run_replays_without_anybody_to_ask(tmp_path: Path) -> None:
    with ChatServer(meaning) as server:
        name = settings_file(tmp_path / "user.yaml", server, concurrency=16)
        found = play(20, f"llm:{name}", group_size=1)
    folder = tmp_path / "run"
    folder.mkdir()
    with RecordWriter(folder / "trajectories.jsonl") as writer:
        for one in found:
            writer.append(trajectory_to_record(one, run="run", step=0, gains=None, advantages=None))
    assert KEY not in (folder / "trajectories.jsonl").read_text()
    replayed = play(20, f"recorded:{folder}", group_size=1)
    assert [one.messages for one in replayed] == [one.messages for one in found]
    assert [one.turns for one in replayed] == [one.turns for one in found]
    assert [one.outcome for one in replayed] == [one.outcome for one in found]
