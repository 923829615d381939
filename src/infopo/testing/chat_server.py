"""A chat endpoint on loopback that misbehaves on demand: for tests of whatever asks a language model.

    with ChatServer(lambda body: "it is red", faults={"rate-limited": 0.2}) as server:
        settings = ChatSettings(model="fake", base_url=server.url, key_variable="FAKE_KEY")

A real HTTP server in threads of its own; it needs no network and no model.
"""

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, get_args

from infopo.core import derive_random

Fault = Literal[
    "down",
    "slow",
    "rate-limited",
    "error",
    "garbage",
    "empty",
    "refusal",
    "cut",
    "cut-stream",
    "bad-chunk",
    "events",
    "too-long",
    "unauthorized",
]
FAULTS: tuple[Fault, ...] = tuple(
    fault for fault in get_args(Fault) if fault not in ("too-long", "unauthorized")
)  # these do not pass by themselves
STREAMED = ("cut-stream", "bad-chunk", "events")
USAGE = {"prompt_tokens": 40, "completion_tokens": 10, "total_tokens": 50}


def echo(body: Mapping[str, Any]) -> str:
    """Answers with the last message."""
    return str(body["messages"][-1]["content"])


class ChatServer:
    """Serves `reply(request body)`, except where a fault is drawn. Use as a context manager.

    `faults`: the chance of each kind, drawn from a generator of its own: `down` (the connection is closed unanswered),
    `slow` (`slow_seconds` before the answer), `rate-limited` (429, Retry-After `retry_after`), `error` (500), `garbage`
    (no JSON), `empty` (no text), `refusal`, `cut` (the body ends early), `cut-stream` (a body sent in chunks breaks off
    in the middle), `bad-chunk` (garbage where the next chunk should begin), `events` (a stream of events, cut off, that
    nobody asked for), `too-long` (400: the conversation does not fit), `unauthorized` (401, echoes the key).
    `reply` may give a completion's whole choice, a mapping. `script`: faults, or None for none, of the first requests,
    in order. `structured` False: a `response_format` is refused (400).

    `served` counts what was sent by kind (`ok` among them), `bodies` keeps the requests, `keys` the keys that came,
    `most_at_once` the most requests in the house at one time.
    """

    def __init__(
        self,
        reply: Callable[[dict[str, Any]], str | Mapping[str, Any]] = echo,
        *,
        faults: Mapping[Fault, float] | None = None,
        script: tuple[Fault | None, ...] = (),
        seed: int = 0,
        slow_seconds: float = 1.0,
        retry_after: str = "0",
        structured: bool = True,
        usage: Mapping[str, int] | None = None,
    ) -> None:
        self.reply, self.structured = reply, structured
        self.slow_seconds, self.retry_after = slow_seconds, retry_after
        self.usage = dict(USAGE if usage is None else usage)
        self.served: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self.most_at_once = 0
        self._faults, self._script = dict(faults or {}), list(script)
        self._random = derive_random(seed, "chat-server")
        self._lock = threading.Lock()
        self._at_once = 0
        self._server = _Server(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """What to give as `base_url`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> "ChatServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def enter(self, body: dict[str, Any], key: str) -> Fault | None:
        """A request comes in; which fault is its lot."""
        with self._lock:
            self.bodies.append(body)
            self.keys.add(key)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            if self._script:
                return self._script.pop(0)
            draw = self._random.random()
            for fault, chance in self._faults.items():
                if draw < chance:
                    return fault
                draw -= chance
            return None

    def leave(self, kind: str) -> None:
        """A request is done with."""
        with self._lock:
            self._at_once -= 1
            self.served[kind] += 1


class _Server(ThreadingHTTPServer):
    """Many clients at once, who may leave when they like."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing where a connection broke; anything else is a mistake of the test."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _completion(server: ChatServer, **message: Any) -> bytes:
    return _with_choice(server, {"message": {"role": "assistant", **message}})


def _reply(server: ChatServer, body: dict[str, Any]) -> bytes:
    said = server.reply(body)
    return _completion(server, content=said) if isinstance(said, str) else _with_choice(server, said)


def _with_choice(server: ChatServer, part: Mapping[str, Any]) -> bytes:
    choice = {"index": 0, "finish_reason": "stop", **part}
    data = {"id": "c", "object": "chat.completion", "created": 0, "model": "fake", "choices": [choice]}
    return json.dumps(data | ({"usage": server.usage} if server.usage else {})).encode()


def _send_broken(handler: BaseHTTPRequestHandler, body: bytes, fault: Fault | None) -> None:
    """A body in chunks that is never whole."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream" if fault == "events" else "application/json")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    half = b"data: " + body[:20] + b"\n\n" if fault == "events" else body[: len(body) // 2]
    handler.wfile.write(b"%x\r\n%s\r\n" % (len(half), half))
    handler.wfile.write({"bad-chunk": b"no length\r\n", "events": b"0\r\n\r\n"}.get(str(fault), b""))
    handler.close_connection = True


def _refusal(server: ChatServer, fault: Fault, key: str) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers of an answer that is an error."""
    status, said, more = {
        "unauthorized": (401, f"Incorrect API key provided: {key}", {}),
        "too-long": (400, "This model's maximum context length is 4096 tokens.", {"code": "context_length_exceeded"}),
        "rate-limited": (429, "slow down", {}),
        "error": (500, "out of order", {}),
    }[fault]
    headers = {"Retry-After": server.retry_after} if status == 429 else {}
    return status, json.dumps({"error": {"message": said, **more}}).encode(), headers


def _handler_of(server: ChatServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            key = self.headers.get("Authorization", "").removeprefix("Bearer ")
            fault = server.enter(body, key)
            try:
                self._answer(body, key, fault)
            except OSError:  # the client has left
                self.close_connection = True
            finally:
                server.leave(fault or "ok")

        def _answer(self, body: dict[str, Any], key: str, fault: Fault | None) -> None:
            if fault == "down":
                self.close_connection = True
                self.connection.close()
                return
            if fault == "slow":
                time.sleep(server.slow_seconds)
            if not server.structured and "response_format" in body:
                self._send(400, b'{"error": {"message": "response_format is not supported"}}')
            elif fault in ("unauthorized", "too-long", "rate-limited", "error"):
                self._send(*_refusal(server, fault, key))
            elif fault == "garbage":
                self._send(200, b"<html>not a chat completion</html>")
            elif fault == "empty":
                self._send(200, _completion(server, content=""))
            elif fault == "refusal":
                self._send(200, _completion(server, content=None, refusal="I cannot help with that."))
            else:
                whole = _reply(server, body)
                if fault in STREAMED:
                    _send_broken(self, whole, fault)
                else:
                    self._send(200, whole, cut=fault == "cut")

        def _send(
            self, status: int, body: bytes, headers: Mapping[str, str] | None = None, *, cut: bool = False
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if cut else body)
            if cut:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    return Handler
