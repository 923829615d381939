"""Playing whole dialogues, and a retrieval server on loopback that misbehaves on demand."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infopo.core import Message, Outcome
from infopo.envs import Env, Opening, Step
from infopo.envs.search.task import SearchBackend


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """One played episode."""

    opening: Opening
    steps: tuple[Step, ...]
    outcome: Outcome
    messages: tuple[Message, ...]

    @property
    def replies(self) -> list[str]:
        return [step.messages[0].content for step in self.steps]


async def _play(env: Env, policy: Callable[[tuple[Message, ...]], str] | Sequence[str]) -> Dialogue:
    opening = await env.start()
    messages, steps = list(opening.messages), []
    script = None if callable(policy) else iter(policy)
    while not steps or not (steps[-1].done or steps[-1].truncated):
        text = policy(tuple(messages)) if callable(policy) else next(script, None)  # type: ignore[arg-type]
        if text is None:
            break
        action = Message(role="assistant", content=text)
        steps.append(await env.step(action))
        messages += [action, *steps[-1].messages]
    outcome = await env.outcome()
    await env.close()
    return Dialogue(opening=opening, steps=tuple(steps), outcome=outcome, messages=tuple(messages))


@pytest.fixture
def play() -> Callable[..., Dialogue]:
    """`play(env, policy)`: a function of the messages, or a list of actions (stops early where it runs out)."""
    return lambda env, policy: asyncio.run(_play(env, policy))


class RetrievalServer:
    """Answers searches from a backend. `script`: what befalls the first requests, in order; None: nothing.

    A status code, `hang` (silence until the test is over), `drop` (the connection is closed), or a text for JSON.
    """

    def __init__(self) -> None:
        self.backend: SearchBackend | None = None
        self.script: list[int | str | None] = []
        self.bodies: list[dict[str, Any]] = []
        self.over = threading.Event()
        self.with_scores = True
        self.contents = True
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/retrieve"

    def result(self, body: dict[str, Any]) -> bytes:
        assert self.backend is not None
        lists = []
        for query in body["queries"]:
            found = asyncio.run(self.backend.search(query, body["topk"]))
            rows: list[dict[str, Any]] = [
                {"id": one.id, "contents": f'"{one.title}"\n{one.text}'}
                if self.contents
                else {"id": one.id, "title": one.title, "text": one.text}
                for one in found
            ]
            lists.append([{"document": row, "score": 1.0} for row in rows] if self.with_scores else rows)
        return json.dumps({"result": lists}).encode()


def _handler_of(house: RetrievalServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            house.bodies.append(body)
            fate = house.script.pop(0) if house.script else None
            if fate == "drop":
                self.close_connection = True
                return
            if fate == "hang":
                house.over.wait(60)
            data = fate.encode() if isinstance(fate, str) and fate != "hang" else house.result(body)
            try:
                self.send_response(fate if isinstance(fate, int) else 200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:  # the client has left
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is logged."""

    return Handler


@pytest.fixture
def server() -> Iterator[RetrievalServer]:
    house = RetrievalServer()
    thread = threading.Thread(target=house.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield house
    house.over.set()
    house.server.shutdown()
    house.server.server_close()
    thread.join()
