"""A chat model as a policy, and one budget for several of them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from infopo.core import Message, ToolCall, UserError
from infopo.testing.chat_server import FAULTS, ChatServer, Fault
from infopo.users import ChatError
from infopo.users.base import ChatReply
from infopo.users.budget import Budget, BudgetError, Usage
from infopo.users.llm import LLMChat, open_chat, opened_chats, share_budget

from .conftest import HELLO, KEY, ask, chat

TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
CALL = ToolCall(id="call_1", name="find", arguments='{"city": "Rome"}')


def write(model: LLMChat, messages: tuple[Message, ...] = HELLO, **options: Any) -> ChatReply:
    usual = {"max_tokens": 50, "temperature": 0.0}
    return asyncio.run(asyncio.wait_for(model.write(messages, **usual | options), 30.0))


def called(body: dict[str, Any]) -> dict[str, Any]:
    call = {"id": CALL.id, "type": "function", "function": {"name": CALL.name, "arguments": CALL.arguments}}
    return {"message": {"role": "assistant", "content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}


def test_tools_go_out_and_calls_come_back() -> None:
    with ChatServer(called) as server:
        model = chat(server)
        reply = write(model, tools=(TOOL,), max_tokens=7, temperature=0.3)
        assert reply == ChatReply(text="", calls=(CALL,))
        answer = Message(role="tool", content="sunny", tool_call_id=CALL.id, name=CALL.name)
        write(model, (*HELLO, Message(role="assistant", content="", tool_calls=(CALL,)), answer))
    first, second = server.bodies
    assert (first["tools"], first["max_tokens"], first["temperature"]) == ([TOOL], 7, 0.3)
    assert "tools" not in second
    assert second["messages"][1]["tool_calls"][0]["function"] == {"name": "find", "arguments": CALL.arguments}
    assert second["messages"][2]["tool_call_id"] == CALL.id


def test_nothing_said_and_a_reply_cut_off_are_what_the_policy_did() -> None:
    replies: list[Any] = ["", {"message": {"content": "and then"}, "finish_reason": "length"}]
    with ChatServer(lambda body: replies.pop(0)) as server:
        model = chat(server)
        assert write(model) == ChatReply(text="")
        assert write(model) == ChatReply(text="and then", cut_off=True)
    assert len(server.bodies) == 2


def test_half_a_surrogate_pair_is_no_text() -> None:
    with ChatServer(lambda body: {"message": {"content": "a\ud800b"}}) as server:
        assert write(chat(server)).text == "a?b"


@pytest.mark.parametrize(
    "message",
    [
        {"content": 3},
        {"content": "x", "tool_calls": [{"id": "a"}]},
        {"content": "x", "tool_calls": [3]},
        {"content": KEY},
    ],
)
def test_a_message_that_cannot_be_read_is_no_action(message: dict[str, Any]) -> None:
    with ChatServer(lambda body: {"message": message}) as server, pytest.raises(ChatError) as caught:
        write(chat(server, attempts=1))
    assert type(caught.value).__name__ == "ChatUnreadable"


def test_what_a_filter_stopped_is_no_action() -> None:
    choice = {"message": {"content": "x"}, "finish_reason": "content_filter"}
    with ChatServer(lambda body: choice) as server, pytest.raises(ChatError, match="filter"):
        write(chat(server))
    assert len(server.bodies) == 1


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault not in ("empty", "refusal")])
def test_a_passing_fault_is_tried_again(fault: Fault) -> None:
    with ChatServer(script=(fault,), slow_seconds=3.0) as server:
        assert write(chat(server, attempt_seconds=1.0 if fault == "slow" else 10.0)).text == "hello"
        assert len(server.bodies) >= 2


def test_the_cache_keeps_draws_apart(tmp_path: Path) -> None:
    numbers = iter(range(100))
    with ChatServer(lambda body: {"message": {"content": str(next(numbers))}, "finish_reason": "length"}) as server:
        model = chat(server, cache=str(tmp_path))
        found = [write(model, draw=draw) for draw in (1, 2, 1, 2)]
    assert [one.text for one in found] == ["0", "1", "0", "1"]
    assert all(one.cut_off for one in found)


def test_a_model_without_a_temperature_gets_none() -> None:
    with ChatServer() as server:
        write(chat(server, temperature=None), temperature=0.7)
    assert "temperature" not in server.bodies[0]


def test_the_answer_to_a_bad_request_says_what_the_endpoint_said() -> None:
    with ChatServer(structured=False) as server, pytest.raises(ChatError, match="response_format is not supported"):
        write(chat(server, extra={"response_format": {}}, attempts=1))


def test_one_budget_holds_for_several_models() -> None:
    share_budget(tokens=5_000, money=None)
    with ChatServer(usage={"prompt_tokens": 900, "completion_tokens": 100}) as server:
        one, other = chat(server), chat(server, model="other")
        assert [ask(model) for model in (one, other) * 2] == ["hello"] * 4
        assert ask(one) == "hello"  # its worst case still fits
        with pytest.raises(BudgetError, match="5000 tokens"):
            ask(other)
    assert (one.budget.spent_tokens, other.budget.spent_tokens) == (3000, 2000)
    assert one.budget.spent == Usage(prompt=2700, reply=300)
    assert set(opened_chats()) == {one, other}


def test_what_is_gone_of_a_shared_budget_counts_and_raising_it_helps() -> None:
    with ChatServer() as server:
        model = chat(server)
        share_budget(tokens=1000, money=None, spent=(900, 0.0))
        with pytest.raises(BudgetError, match="900 tokens"):
            ask(model)
        share_budget(tokens=None, money=None)
        assert ask(model) == "hello"


def test_a_budget_in_money_needs_prices() -> None:
    share_budget(tokens=None, money=1.0)
    with ChatServer() as server:
        with pytest.raises(UserError, match="prompt_price"):
            chat(server)
        model = chat(server, prompt_price=1000.0, reply_price=1000.0, max_reply_tokens=100)
        assert ask(model) == "hello"
        assert model.budget.spent_money == pytest.approx(0.05)
        assert open_chat(model.settings) is model


def test_a_part_of_a_budget_waits_for_the_whole() -> None:
    async def run() -> list[str]:
        whole = Budget(token_limit=100, money_limit=None)
        parts = [Budget(token_limit=None, money_limit=None, within=whole) for _ in range(2)]
        worst, order = Usage(prompt=60, reply=0), []

        async def spend(part: Budget, name: str) -> None:
            ticket = await part.reserve(worst)
            order.append(f"{name} begins")
            await asyncio.sleep(0.01)
            order.append(f"{name} ends")
            part.settle(ticket, Usage(prompt=10, reply=0))

        await asyncio.gather(spend(parts[0], "a"), spend(parts[1], "b"))
        assert whole.spent_tokens == 20
        return order

    assert asyncio.run(run()) == ["a begins", "a ends", "b begins", "b ends"]
