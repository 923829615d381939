"""A hosted model plays episodes by the same code as every other policy; what the endpoint breaks is a failure."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infopo.core import Message, Outcome, StopReason, ToolCall, UserError
from infopo.envs import Env, Opening, Step, make_expert
from infopo.evaluation import evaluate_sampler
from infopo.rollout import RolloutConfig, TaskSpec, play_groups
from infopo.samplers.openai import OpenAISampler
from infopo.samplers.scripted import ScriptedSampler
from infopo.testing.chat_server import ChatServer
from infopo.tokens.plain_bytes import byte_renderer
from infopo.users.llm import ChatSettings, close_chats, open_chat

CONFIG = RolloutConfig(max_new_tokens=64)
EXPERT = make_expert("toy/slots", "full")
TOOL = {"type": "function", "function": {"name": "guess", "parameters": {"type": "object"}}}


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    close_chats()


def expert(body: dict[str, Any]) -> str:
    return EXPERT.act(tuple(Message(role=one["role"], content=one["content"]) for one in body["messages"]))


def sampler(server: ChatServer, *, temperature: float = 0.0, **changes: Any) -> OpenAISampler:
    usual = {"model": "fake", "base_url": server.url, "key_variable": None, "first_wait_seconds": 0.01}
    return OpenAISampler(open_chat(ChatSettings(**usual | changes)), temperature=temperature)


def test_the_bytes_of_an_episode_are_its_text() -> None:
    with ChatServer(expert) as server:
        hosted = evaluate_sampler(sampler(server), env="toy/slots", episodes=6, config=CONFIG)
    script = ScriptedSampler(byte_renderer(), lambda slot, messages: EXPERT.act(messages))
    assert hosted.trajectories == evaluate_sampler(script, env="toy/slots", episodes=6, config=CONFIG).trajectories
    one = hosted.trajectories[0]
    for turn in one.turns:
        ids = one.token_ids[turn.action.start : turn.action.end]
        assert byte_renderer().action(ids) == one.messages[turn.action_message]
    assert {(body["max_tokens"], body["temperature"]) for body in server.bodies} == {(64, 0.0)}


def test_a_byte_is_a_token() -> None:
    text = "é ✓ <|im_end|> \n x"
    rendered = byte_renderer().opening([Message(role="user", content=text)])
    (span,) = rendered.content
    assert len(span) == len(text.encode())
    assert byte_renderer().action(byte_renderer().encode_action(text)).content == text


def test_a_reply_cut_off_is_an_action_that_did_not_end() -> None:
    choice = {"message": {"content": "[action] which col"}, "finish_reason": "length"}
    with ChatServer(lambda body: choice) as server:
        result = evaluate_sampler(sampler(server), env="toy/slots", episodes=1, config=CONFIG)
    (one,) = result.trajectories
    assert all(not turn.complete for turn in one.turns)
    assert [one.messages[turn.action_message].content for turn in one.turns] == ["[action] which col"] * len(one.turns)


def test_a_conversation_that_outgrew_the_model_is_scored_like_any_other() -> None:
    """It would be too good for a policy that rambles if its longest episodes entered no mean."""
    with ChatServer(expert, script=(None, *["too-long"] * 40)) as server:  # type: ignore[arg-type]
        result = evaluate_sampler(sampler(server, concurrency=1), env="toy/slots", episodes=1, config=CONFIG)
    assert (result.n, result.failed, result.success) == (1, 0, 0.0)
    (one,) = result.trajectories
    assert [turn.complete for turn in one.turns] == [True] + [False] * (len(one.turns) - 1)


def test_an_endpoint_that_breaks_off_is_a_failure_of_its_episode_alone() -> None:
    script = (None, "cut-stream", None, "bad-chunk", "cut")
    with ChatServer(expert, script=script) as server:
        one_try = sampler(server, attempts=1, concurrency=1)
        result = evaluate_sampler(one_try, env="toy/slots", episodes=8, config=CONFIG)
    assert (result.n, result.failed, result.success) == (5, 3, 1.0)
    broken = [one for one in result.trajectories if one.failure is not None]
    assert {(one.failure.kind, one.failure.where) for one in broken if one.failure} == {("ChatUnreachable", "policy")}
    assert {one.stop_reason for one in broken} == {StopReason.FAILED}


def test_a_wrong_key_stops_everything_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFOPO_TEST_KEY", "sk-canary")
    with ChatServer(expert, faults={"unauthorized": 1.0}) as server:
        wrong = sampler(server, key_variable="INFOPO_TEST_KEY", concurrency=2)
        with pytest.raises(UserError, match="check INFOPO_TEST_KEY") as caught:
            evaluate_sampler(wrong, env="toy/slots", episodes=50, config=CONFIG)
    assert len(server.bodies) <= 2
    assert "sk-canary" not in str(caught.value)


class GuessEnv:
    """Tells the color to whoever calls the tool, and wants it repeated."""

    env_id, task_id, max_turns = "test/guess", "0", 4

    def __init__(self) -> None:
        self.seen: list[Message] = []

    async def start(self) -> Opening:
        return Opening(messages=(Message(role="user", content="which color ?"),), tools=(TOOL,))

    async def step(self, action: Message) -> Step:
        self.seen.append(action)
        answers = tuple(
            Message(role="tool", content="red", tool_call_id=call.id, name=call.name) for call in action.tool_calls
        )
        return Step(messages=answers, feedback_kind="tool", done=not answers)

    async def outcome(self) -> Outcome:
        return Outcome(score=1.0, success=self.seen[-1].content == "red")

    async def close(self) -> None: ...

    def reference_answer(self) -> str | None:
        return None

    def state_key(self) -> str | None:
        return None


def test_tool_calls_reach_the_environment_and_their_answers_the_model() -> None:
    def reply(body: dict[str, Any]) -> dict[str, Any]:
        if body["messages"][-1]["role"] == "tool":
            return {"message": {"content": body["messages"][-1]["content"]}}
        call = {"id": "call_7", "type": "function", "function": {"name": "guess", "arguments": '{"a": 1}'}}
        return {"message": {"content": "let me see", "tool_calls": [call]}, "finish_reason": "tool_calls"}

    env = GuessEnv()

    def make(task: TaskSpec, episode: int) -> Env:
        return env

    with ChatServer(reply) as server:
        task = TaskSpec(env_id="test/guess", task=0)
        batch = asyncio.run(play_groups(sampler(server), [task], group_size=1, config=CONFIG, make=make))
    ((one,),) = (group.trajectories for group in batch.groups)
    assert one.outcome == Outcome(score=1.0, success=True)
    first = env.seen[0]
    assert first.content == "let me see"
    (call,) = first.tool_calls
    assert (call.name, call.arguments) == ("guess", '{"a": 1}')
    asked = server.bodies[1]["messages"]
    assert asked[1]["tool_calls"][0]["id"] == asked[2]["tool_call_id"] == call.id
    assert [body["tools"] for body in server.bodies] == [[TOOL]] * 2


def test_arguments_that_are_no_json_stay_text() -> None:
    said = Message(role="assistant", content="", tool_calls=(ToolCall(id="a", name="guess", arguments="{oops"),))
    read = byte_renderer().action(byte_renderer().encode_action(said), tools=True)
    assert not read.tool_calls
    assert "{oops" in read.content


def test_a_cache_gives_every_sample_a_draw_of_its_own(tmp_path: Path) -> None:
    numbers = iter(range(1000))
    with ChatServer(lambda body: f"[answer] {next(numbers)}") as server:
        cached = sampler(server, temperature=0.8, cache=str(tmp_path), concurrency=1)

        def play() -> list[tuple[Message, ...]]:
            result = evaluate_sampler(cached, env="toy/slots", episodes=1, samples=3, config=CONFIG)
            return [one.messages for one in result.trajectories]

        first = play()
        served = len(server.bodies)
        assert play() == first  # from the cache
    assert len(server.bodies) == served
    assert len(set(first)) == 3
