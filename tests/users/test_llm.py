"""Language models behind a real HTTP server that misbehaves: failures are raised, limits hold, the key stays hidden."""

import asyncio
import logging
import os
import random
import subprocess
import sys
import threading
import time
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from infopo.core import Message, UserError
from infopo.testing.chat_server import FAULTS, ChatServer, Fault
from infopo.users import ChatError, RecordedChat
from infopo.users.budget import BudgetError
from infopo.users.chat_settings import ChatSettings, read_settings
from infopo.users.llm import LLMChat, close_chats, open_chat, retry_after, usage_of

from .conftest import HELLO, KEY, VARIABLE, ask, ask_many, chat

ROOT = Path(__file__).parents[2]
KINDS = {
    "down": "ChatUnreachable",
    "slow": "ChatTimeout",
    "rate-limited": "ChatRateLimited",
    "error": "ChatServerError",
    "garbage": "ChatUnreadable",
    "empty": "ChatEmpty",
    "refusal": "ChatRefused",
    "cut": "ChatUnreachable",
    "cut-stream": "ChatUnreachable",
    "bad-chunk": "ChatUnreachable",
    "events": "ChatUnreadable",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_an_error_of_its_own_kind(fault: Fault) -> None:
    with ChatServer(script=(fault,), slow_seconds=0.6) as server, pytest.raises(ChatError) as caught:
        ask(chat(server, attempts=1, attempt_seconds=0.3 if fault == "slow" else 10.0))
    assert type(caught.value).__name__ == KINDS[fault]


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "refusal"])
def test_a_passing_fault_is_tried_again(fault: Fault) -> None:
    with ChatServer(script=(fault, fault), slow_seconds=0.6) as server:
        assert ask(chat(server, attempts=3, attempt_seconds=0.3 if fault == "slow" else 10.0)) == "hello"
        assert server.served.keys() <= {fault, "ok"}
        assert len(server.bodies) == 3


def test_a_refusal_is_not_asked_for_again() -> None:
    with ChatServer(script=("refusal",)) as server, pytest.raises(ChatError, match="declined"):
        ask(chat(server))
    assert len(server.bodies) == 1


def test_attempts_are_limited() -> None:
    with ChatServer(faults={"error": 1.0}) as server, pytest.raises(ChatError, match="500"):
        ask(chat(server, attempts=3))
    assert len(server.bodies) == 3


def test_nobody_there() -> None:
    with ChatServer() as server:
        model = chat(server, attempts=1)
    with pytest.raises(ChatError, match="ConnectError"):
        ask(model)
    assert model.budget.spent_tokens == 0  # nothing was sent, nothing is charged


def test_the_endpoint_says_how_long_to_wait() -> None:
    later = datetime.now(UTC) + timedelta(seconds=90)
    assert 80 < retry_after(format_datetime(later, usegmt=True)) <= 90
    assert [retry_after(header) for header in (None, "soon", "-3", "7")] == [0.0, 0.0, 0.0, 7.0]


def test_a_wait_beyond_the_deadline_is_not_waited_for() -> None:
    with ChatServer(script=("rate-limited",), retry_after="3600") as server, pytest.raises(ChatError) as caught:
        ask(chat(server))
    assert type(caught.value).__name__ == "ChatRateLimited"


def test_the_deadline_covers_the_queue_and_all_attempts() -> None:
    with ChatServer(faults={"slow": 1.0}, slow_seconds=1.0) as server:
        replies = ask_many(chat(server, concurrency=1, attempts=9, attempt_seconds=0.2, deadline_seconds=0.5), 4)
    assert {type(reply).__name__ for reply in replies} == {"ChatTimeout"}
    assert all(isinstance(reply, TimeoutError) for reply in replies)  # the rollout calls it a timeout


def test_no_more_requests_at_once_than_allowed() -> None:
    def slow_echo(body: dict[str, Any]) -> str:
        time.sleep(0.01)
        return "yes"

    with ChatServer(slow_echo) as server:
        assert ask_many(chat(server, concurrency=3), 30) == ["yes"] * 30
        assert 1 < server.most_at_once <= 3


@pytest.mark.parametrize("limit", [{"token_limit": 20_000}, {"money_limit": 0.02}])
def test_the_budget_holds_while_requests_are_in_flight(limit: dict[str, float]) -> None:
    prices = {"prompt_price": 1.0, "reply_price": 1.0}  # a millionth a token
    with ChatServer(usage={"prompt_tokens": 900, "completion_tokens": 100}) as server:
        model = chat(server, concurrency=5, max_reply_tokens=100, **limit, **prices)
        replies = ask_many(model, 60)
        served = len(server.bodies)
        with pytest.raises(BudgetError, match="raise token_limit"):
            ask(model)
        assert len(server.bodies) == served  # nothing is sent once it is spent
    assert 18 <= served <= 20 + 5
    assert model.budget.spent_tokens == 1000 * served
    assert model.budget.spent_money == pytest.approx(0.001 * served)
    assert {type(reply).__name__ for reply in replies} == {"str", "BudgetError"}


def test_requests_wait_for_those_in_flight_before_the_budget_is_called_spent() -> None:
    with ChatServer(usage={"prompt_tokens": 10, "completion_tokens": 10}) as server:
        model = chat(server, concurrency=8, max_reply_tokens=500, token_limit=1200)  # the worst case of one fits
        assert ask_many(model, 20) == [f"number {k}" for k in range(20)]
    assert model.budget.spent_tokens == 400


def test_unknown_usage_counts_as_the_worst_case() -> None:
    with ChatServer(usage={}) as server:
        model = chat(server, max_reply_tokens=70)
        ask(model)
    assert 70 + len("hello") < model.budget.spent_tokens < 70 + 400
    assert usage_of({"usage": {"prompt_tokens": -5, "completion_tokens": 1}}) is None
    assert usage_of([]) is None


def test_a_wrong_key_stops_everything_at_once() -> None:
    with ChatServer(script=("unauthorized",)) as server:
        model = chat(server, concurrency=1)
        replies = ask_many(model, 20)
        assert len(server.bodies) == 1
        with pytest.raises(UserError, match=f"check {VARIABLE}"):
            ask(model)
        assert len(server.bodies) == 1
    assert {type(reply) for reply in replies} == {UserError}


def test_the_key_is_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    seen = []
    for fault in (None, *FAULTS, "unauthorized"):
        with ChatServer(script=(fault,), slow_seconds=0.6) as server:
            model = chat(server, attempts=1, attempt_seconds=0.3, cache=str(tmp_path / "cache"))
            seen += [repr(model), str(model.settings)]
            try:
                ask(model)
            except (ChatError, UserError) as error:
                seen.append("".join(traceback.format_exception(error)))
            assert server.keys == {KEY}
    with ChatServer(lambda body: f"your key is {KEY}") as server, pytest.raises(ChatError) as caught:
        ask(chat(server, cache=str(tmp_path / "cache")))
    seen += ["".join(traceback.format_exception(caught.value)), caplog.text, *capfd.readouterr()]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 1
    seen += [path.read_text() for path in files]
    assert KEY not in "\n".join(seen)


def test_the_cache_answers_equal_requests_and_only_those(tmp_path: Path) -> None:
    numbers = iter(range(100))
    with ChatServer(lambda body: str(next(numbers))) as server:
        usual = {"cache": str(tmp_path)}
        assert [ask(chat(server, **usual)) for _ in range(3)] == ["0", "0", "0"]
        close_chats()  # another process would start here
        assert ask(chat(server, **usual)) == "0"
        assert ask(chat(server, **usual), (Message(role="system", content="hello"),)) == "1"
        assert ask(chat(server, **usual), schema={"type": "object"}) == "2"
        assert ask(chat(server, **usual, model="other")) == "3"
        assert ask(chat(server, **usual, temperature=0.5)) == "4"
        assert ask(chat(server)) == "5"
    with ChatServer(lambda body: "another endpoint") as server:
        assert ask(chat(server, **usual)) == "another endpoint"


def test_a_damaged_cache_file_counts_as_absent(tmp_path: Path) -> None:
    with ChatServer() as server:
        ask(chat(server, cache=str(tmp_path)))
        (stored,) = (path for path in tmp_path.rglob("*") if path.is_file())
        stored.write_bytes(stored.read_bytes()[:10])
        assert ask(chat(server, cache=str(tmp_path))) == "hello"
        assert chat(server, cache=str(tmp_path)).requests == 2


def test_failures_are_not_cached(tmp_path: Path) -> None:
    with ChatServer(script=("empty",)) as server:
        model = chat(server, attempts=1, cache=str(tmp_path))
        with pytest.raises(ChatError):
            ask(model)
        assert ask(model) == "hello"


def test_a_schema_is_sent_until_the_endpoint_refuses_one() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    with ChatServer() as server:
        ask(chat(server), schema=schema)
        assert server.bodies[0]["response_format"]["json_schema"]["schema"] == schema
    with ChatServer(structured=False) as server:
        model = chat(server)
        assert [ask(model, schema=schema) for _ in range(2)] == ["hello", "hello"]
        assert ["response_format" in body for body in server.bodies] == [True, False, False]


def test_one_client_serves_many_loops_and_threads() -> None:
    with ChatServer() as server:
        model = chat(server)
        found: list[str] = []
        threads = [threading.Thread(target=lambda: found.append(ask(model))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == ["hello"] * 4
        assert open_chat(model.settings) is model
        asyncio.run(model.close())
        assert ask(model) == "hello"  # opens new connections


def test_a_cancelled_caller_frees_its_place() -> None:
    with ChatServer(script=("slow",), slow_seconds=0.5) as server:
        model = chat(server, concurrency=1)

        async def run() -> str:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(model.complete(HELLO), 0.1)
            return await model.complete(HELLO)

        assert asyncio.run(run()) == "hello"
        assert model.budget.spent_tokens > 512  # what was cut off may be billed


def test_a_program_ends_quietly_with_a_request_in_flight() -> None:
    code = (
        "import asyncio, sys\nfrom infopo.core import Message\nfrom infopo.users.llm import ChatSettings, open_chat\n"
        "async def main():\n"
        "    model = open_chat(ChatSettings(model='m', base_url=sys.argv[1], key_variable=None))\n"
        "    asyncio.create_task(model.complete((Message(role='user', content='hello'),)))\n"
        "    await asyncio.sleep(0.2)\n"
        "asyncio.run(main())\n"
    )
    with ChatServer(faults={"slow": 1.0}, slow_seconds=3.0) as server:
        done = subprocess.run(
            [sys.executable, "-c", code, server.url],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_no_global_generator_is_touched() -> None:
    state = random.getstate()
    with ChatServer(script=("error",)) as server:
        ask(chat(server))
    assert random.getstate() == state


def test_the_parameters_go_out_as_they_are_set() -> None:
    with ChatServer() as server:
        ask(chat(server, temperature=None, reply_limit_name="max_completion_tokens", extra={"enable_thinking": False}))
        ask(chat(server))
    first, second = server.bodies
    assert first == {
        "model": "fake",
        "messages": [{"role": "user", "content": "hello"}],
        "max_completion_tokens": 512,
        "enable_thinking": False,
    }
    assert (second["temperature"], second["max_tokens"]) == (0.0, 512)


def test_settings_come_from_a_name_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings("gpt-4o-mini") == ChatSettings(model="gpt-4o-mini")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1/v1")
    assert read_settings("m").base_url == "http://localhost:1/v1"
    path = tmp_path / "user.yaml"
    path.write_text("model: m\nbase_url: https://host/v1\ntoken_limit: 5\nextra: {a: 1}\n")
    assert read_settings(str(path)) == ChatSettings(
        model="m", base_url="https://host/v1", token_limit=5, extra={"a": 1}
    )
    for text, said in (
        ("model: m\ntoken_limt: 5\n", "did you mean 'token_limit'"),
        ("token_limit: 5\n", "must name a model"),
        ("model: m\nmoney_limit: 5\n", "needs prompt_price"),
        ("model: [\n", "not valid YAML"),
        ("model: m\nbase_url: https://me:secret@host/v1\n", "must hold no secret"),
        ("model: m\nattempts: 0\n", "at least 1"),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=said):
            read_settings(str(path))
    with pytest.raises(UserError, match="cannot read"):
        read_settings(str(tmp_path / "none.yaml"))


def test_a_key_for_show_stands_in_ordinary_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "none")
    with ChatServer(lambda body: "none of them, nonetheless") as server:
        assert ask(chat(server, attempts=1)) == "none of them, nonetheless"


def test_a_missing_key_is_said_before_anything_is_sent() -> None:
    with pytest.raises(UserError, match="set the environment variable OPENAI_API_KEY"):
        open_chat("gpt-4o-mini")
    LLMChat(ChatSettings(model="m", base_url="http://localhost:1/v1", key_variable=None))


def test_recorded_chat_hands_out_replies_in_order() -> None:
    recorded = RecordedChat(["one", None, "two"])
    assert recorded.remaining == 3
    assert ask(recorded) == "one"  # type: ignore[arg-type]
    with pytest.raises(ChatError, match="as recorded"):
        ask(recorded)  # type: ignore[arg-type]
    assert ask(recorded) == "two"  # type: ignore[arg-type]
    assert (recorded.remaining, recorded.asked) == (0, [HELLO] * 3)
    with pytest.raises(ChatError, match="holds 3 replies"):
        ask(recorded)  # type: ignore[arg-type]
