"""Our side of the worker: starts it, opens a connection for each episode, and ends whatever hangs.

The protocol is described in `worker/serve.py`. A worker is started once for each `Place`, holds no episode itself and
ends with this process. Limit: it forks, and descriptors travel over local sockets, so Linux and macOS only.
"""

import asyncio
import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infopo.core import InfopoError, UserError

MAIN = Path(__file__).parent / "worker" / "__main__.py"
LONGEST_LINE = 1 << 26
START_SECONDS = 180.0  # importing the benchmark takes seconds, the first time on a slow disk many
TAIL = 300  # characters of what a worker printed last
INSTALL = (
    "install the benchmark from its repository: git clone https://github.com/sierra-research/tau2-bench && "
    "python3.12 -m venv tau2-venv && tau2-venv/bin/pip install -e tau2-bench, "
    "then set INFOPO_TAU2_PYTHON=$PWD/tau2-venv/bin/python (docs/tau2.md says more)"
)


class Tau2Error(InfopoError):
    """The benchmark raised: the failure of an episode, never a score."""


class WorkerDiedError(InfopoError):
    """The process of an episode ended in the middle of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the benchmark is: interpreter, checkout and data folder ("": as installed)."""

    python: str
    root: str
    data: str


class Worker:
    """The warmed process of one place."""

    def __init__(self, place: Place) -> None:
        self.place, self.owner = place, os.getpid()
        self._lock = threading.Lock()
        self.greeted = False  # whether a child of it could play
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the worker)
        self._control, theirs = socket.socketpair()
        environment = {**os.environ, **({"TAU2_DATA_DIR": place.data} if place.data else {})}
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [place.python, "-X", "utf8", str(MAIN), str(theirs.fileno()), place.root],
                    stdin=subprocess.DEVNULL,
                    stdout=self._printed,
                    stderr=self._printed,
                    env=environment,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,  # Ctrl-C is for us; we end it
                )
            except OSError as error:
                self._control.close()
                raise UserError(f"tau2: cannot run {place.python}: {error.strerror}; {INSTALL}") from error

    @property
    def alive(self) -> bool:
        """Whether it runs, and is this process's own (not a parent's that forked)."""
        return self.owner == os.getpid() and self._process.poll() is None

    def open(self, domain: str) -> socket.socket:
        """Our end of a new connection; its first line says who answers."""
        ours, theirs = socket.socketpair()
        line = json.dumps({"open": domain}).encode() + b"\n"
        with theirs, self._lock, contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the other end will tell
            socket.send_fds(self._control, [line], [theirs.fileno()])
        return ours

    def kill(self, pid: int) -> None:
        """End the process of one episode."""
        if self.alive:
            with self._lock, contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._control.sendall(json.dumps({"kill": pid}).encode() + b"\n")

    def close(self) -> None:
        """End the worker and all its episodes."""
        if self.owner != os.getpid():
            return
        self._control.close()
        try:
            self._process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:  # it is importing, or hangs
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._printed.close()

    def last_words(self) -> str:
        """The end of what it printed, on one line."""
        self._printed.seek(0)
        return " ".join(self._printed.read().decode(errors="replace").split())[-TAIL:]


_WORKERS: dict[Place, Worker] = {}
_STARTING = threading.Lock()


def worker_of(place: Place) -> Worker:
    """The running worker of a place; starts one where there is none or it died."""
    with _STARTING:
        worker = _WORKERS.get(place)
        if worker is None or not worker.alive:
            if worker is not None:
                worker.close()
            worker = _WORKERS[place] = Worker(place)
        return worker


@atexit.register
def close_workers() -> None:
    """End every worker; a later episode starts a new one."""
    while _WORKERS:
        _WORKERS.popitem()[1].close()


def _check_hello(worker: Worker, line: bytes) -> int:
    """The process id that the first line names. Raises `UserError` with what to do about it where nothing can be
    played, `WorkerDiedError` where this one episode cannot: others of this worker's could."""
    if not line:
        said = worker.last_words() or "it printed nothing"
        if worker.greeted:
            raise WorkerDiedError(f"the process of the episode ended before it began: {said}")
        raise UserError(f"tau2: the interpreter {worker.place.python} ended before it could play: {said}; {INSTALL}")
    hello = json.loads(line)
    if "problem" in hello:
        raise UserError(f"tau2 cannot be played with {worker.place.python}: {hello['problem']}; {INSTALL}")
    if "error" in hello:
        raise WorkerDiedError(f"no process for the episode: {hello['error']}")
    worker.greeted = True
    return int(hello["pid"])


def _check_reply(line: bytes) -> dict[str, Any]:
    if not line:
        raise WorkerDiedError("the process of the episode ended")
    reply: dict[str, Any] = json.loads(line)
    if "error" in reply:
        raise Tau2Error(reply["error"])
    return reply


def ask(place: Place, domain: str, request: str, **fields: Any) -> dict[str, Any]:
    """One request on a connection of its own, for code that does not await."""
    worker = worker_of(place)
    with worker.open(domain) as connection, connection.makefile("rb") as lines:
        connection.settimeout(START_SECONDS)
        try:
            pid = _check_hello(worker, lines.readline())
            try:
                connection.sendall(json.dumps({"request": request, **fields}).encode() + b"\n")
                return _check_reply(lines.readline())
            finally:
                worker.kill(pid)
        except TimeoutError as error:
            raise UserError(
                f"tau2: {place.python} has not loaded {domain} within {START_SECONDS:g} s; is this machine too busy?"
            ) from error


class Connection:
    """One episode's process. Every request has a deadline; one that passes it, or is cancelled, ends the process."""

    def __init__(
        self, worker: Worker, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], seconds: float
    ) -> None:
        self._worker, self._seconds = worker, seconds
        self._reader, self._writer = streams
        self._pid: int | None = None

    @classmethod
    async def open(cls, place: Place, domain: str, *, seconds: float) -> "Connection":
        """A fresh process that has the domain loaded. Raises `UserError` where the benchmark cannot be used."""
        worker = worker_of(place)
        streams = await asyncio.open_connection(sock=worker.open(domain), limit=LONGEST_LINE)
        connection = cls(worker, streams, seconds)
        try:
            connection._pid = _check_hello(worker, await connection._line(START_SECONDS))
        except UserError:
            connection.close()
            raise
        return connection

    async def call(self, request: str, **fields: Any) -> dict[str, Any]:
        """The reply. Raises `Tau2Error`, `WorkerDiedError`, and `TimeoutError` where the benchmark takes too long."""
        with contextlib.suppress(ConnectionError):  # then nothing will be read, which says so
            self._writer.write(json.dumps({"request": request, **fields}).encode() + b"\n")
            await self._writer.drain()
        return _check_reply(await self._line(self._seconds))

    async def _line(self, seconds: float) -> bytes:
        try:
            return await asyncio.wait_for(self._reader.readline(), seconds)
        except ConnectionError:
            return b""
        except TimeoutError:
            self.close()
            raise TimeoutError(f"the benchmark took longer than {seconds:g} s") from None
        except asyncio.CancelledError:
            self.close()
            raise

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._writer.close()
        if self._pid is not None:
            self._worker.kill(self._pid)
            self._pid = None
