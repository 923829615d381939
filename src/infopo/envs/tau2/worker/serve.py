"""One warmed process imports the benchmark once; each episode runs in a child of it, over a socket of its own.

The control socket carries lines: `{"open": DOMAIN}` with a descriptor (the child's end of a connection), and
`{"kill": PID}`. On a connection the child says `{"pid": ...}`, or `{"problem": ...}` where nothing can be played; then
requests and replies take turns, one JSON object a line. A child that is killed takes one episode with it, no more.
"""

import gc
import json
import os
import signal
import socket
import sys
from types import TracebackType
from typing import Any

from .package import Package, UnusableError, load
from .session import Session


class Caught:
    """What the benchmark raises, as data: here is the boundary to foreign code on this side."""

    error: "BaseException | None" = None

    def __enter__(self) -> "Caught":
        return self

    def __exit__(
        self, kind: "type[BaseException] | None", error: "BaseException | None", trace: "TracebackType | None"
    ) -> bool:
        self.error = error
        return isinstance(error, Exception)

    @property
    def text(self) -> str:
        """Class and message on one line."""
        return f"{type(self.error).__name__}: {self.error}"


def main(control: int, checkout: str) -> None:
    """Serve until the other side closes the control socket."""
    os.dup2(2, 1)  # whoever prints must not reach a protocol or a terminal of ours
    problem, package = "", None
    try:
        package = load(checkout)
    except UnusableError as error:
        problem = str(error)
    Server(socket.socket(fileno=control), package, problem).run()


class Server:
    """Forks a child for every connection; keeps the tasks of each domain that was asked for."""

    def __init__(self, control: socket.socket, package: "Package | None", problem: str) -> None:
        self.control, self.package, self.problem = control, package, problem
        self.tasks: dict[str, list[Any]] = {}
        self.children: set[int] = set()
        self.descriptors: list[int] = []

    def run(self) -> None:
        """Read commands until the end; no child outlives it."""
        rest = b""
        while True:
            data, descriptors, _, _ = socket.recv_fds(self.control, 1 << 16, 64)
            if not data:
                break
            self.descriptors += descriptors
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self.obey(json.loads(line))
        for child in list(self.children):
            self.kill(child)

    def obey(self, command: "dict[str, Any]") -> None:
        """One line of the control socket."""
        self.reap()
        if "kill" in command:
            self.kill(command["kill"])
            return
        connection = socket.socket(fileno=self.descriptors.pop(0))
        problem = self.problem or self.warm(command["open"])
        if problem:
            send(connection, {"problem": problem})
        else:
            self.fork(connection, command["open"])
        connection.close()

    def fork(self, connection: socket.socket, domain: str) -> None:
        """A child that serves this connection; where the machine has no room for one, that is said."""
        try:
            child = os.fork()
        except OSError as error:
            send(connection, {"error": str(error)})
            return
        if child == 0:
            self.control.close()
            serve(connection, self.package, domain, self.tasks[domain])
        self.children.add(child)

    def warm(self, domain: str) -> str:
        """Load a domain's tasks, which takes seconds, before anybody is forked; returns what went wrong."""
        if domain in self.tasks or self.package is None:
            return ""
        registry = self.package.registry
        if domain not in registry.get_domains():
            return f"this version of the benchmark has no domain {domain}; it has {', '.join(registry.get_domains())}"
        with Caught() as caught:
            self.tasks[domain] = registry.get_tasks_loader(domain)()
            registry.get_env_constructor(domain)()
        if caught.error is not None:
            self.tasks.pop(domain, None)
            return f"the data of domain {domain} cannot be loaded from {self.package.data}: {caught.text}"
        gc.collect()
        gc.freeze()  # what is shared with the children stays shared
        return ""

    def reap(self) -> None:
        """Forget the children that ended by themselves."""
        for child in list(self.children):
            if os.waitpid(child, os.WNOHANG)[0]:
                self.children.remove(child)

    def kill(self, child: int) -> None:
        """End a child of ours, whatever it is doing. An id that is not (or no longer) ours is left alone."""
        if child in self.children:
            self.children.remove(child)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def serve(connection: socket.socket, package: "Package | None", domain: str, tasks: "list[Any]") -> None:
    """The life of a child: answer requests until the other side hangs up. Never returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    session = Session(package, domain, tasks)
    send(connection, {"pid": os.getpid()})
    with Caught() as broken, connection.makefile("rb") as lines:
        for line in lines:
            reply: dict[str, Any] = {}
            with Caught() as caught:
                reply = session.answer(json.loads(line))
            send(connection, reply if caught.error is None else {"error": caught.text})
    if broken.error is not None:
        print(broken.text, file=sys.stderr, flush=True)
    os._exit(0)


def send(connection: socket.socket, reply: "dict[str, Any]") -> None:
    """One line; what cannot be written is written as text, so that the other side always hears something."""
    connection.sendall(json.dumps(reply, default=str).encode() + b"\n")
