"""A retrieval server on loopback that misbehaves on demand."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infopo.envs.search.task import SearchBackend


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
