"""A host with something to lose, and the attempts upon it.

The attempts are made at the level `process` too, by root where root runs the tests. So they harm their own victims and
nothing else: what would change the machine is asked for in a way that the kernel refuses after it looked at the rights.
"""

import ast
import asyncio
import contextlib
import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infopo.sandbox import Limits, Program, SandboxResult, available, run_program

FOLDER = Path(__file__).parent / "attempts"
SOURCES = {path.stem: path.read_text() for path in sorted(FOLDER.glob("*.py"))}
ATTEMPTS = {
    node.name: kind
    for kind, source in SOURCES.items()
    for node in ast.parse(source).body
    if isinstance(node, ast.FunctionDef) and [one.arg for one in node.args.args] == ["host"]
}
LIMITS = Limits(wall_seconds=8, cpu_seconds=1, memory_mib=128)
SLEEP = "import time; time.sleep(600)"


class Host:
    """Files, a process and listeners of one attempt's own, and what has happened to them."""

    def __init__(self) -> None:
        self.secret = "secret-" + secrets.token_hex(16)
        self.mark = "left" + secrets.token_hex(4)
        self.top = Path(tempfile.mkdtemp(prefix="infopo-host-"))
        self.folder = self.top / "victims"
        self.folder.mkdir()
        (self.top / "secret.txt").write_text(self.secret)
        (self.folder / "victim.txt").write_text("as it was")
        self.memory = ctypes.create_string_buffer(self.secret.encode())
        # nothing else of the environment: it is read, and shown where a test fails
        environment = {"INFOPO_SECRET": self.secret, "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")}
        self.process = subprocess.Popen([sys.executable, "-S", "-c", SLEEP], env=environment)
        self.tcp, self.unix, self.abstract = socket.socket(), socket.socket(socket.AF_UNIX), None
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp.bind(("127.0.0.1", 0))
        self.udp.bind(("127.0.0.1", 0))
        self.unix.bind(str(self.top / "socket"))
        self.listeners = [self.tcp, self.unix]
        if sys.platform == "linux":
            self.abstract = socket.socket(socket.AF_UNIX)
            self.abstract.bind("\0" + self.mark)
            self.listeners.append(self.abstract)
        for listener in self.listeners:
            listener.listen()
        for one in [self.udp, *self.listeners]:
            one.setblocking(False)
        self.opened = os.open(self.top / "secret.txt", os.O_RDONLY)
        os.set_inheritable(self.opened, True)
        self.before = self.files()

    def files(self) -> dict[str, Any]:
        paths = [self.folder, *sorted(self.folder.rglob("*"))] if self.folder.exists() else []
        stats = {str(path): path.lstat() for path in paths}
        texts = {str(path): path.read_bytes() for path in paths if path.is_file()}
        return {name: (one.st_mode, one.st_nlink, one.st_size, texts.get(name)) for name, one in stats.items()}

    def known(self) -> dict[str, Any]:
        """All that an attempt is told: more than a program could know."""
        return {
            "secret": str(self.top / "secret.txt"),
            "folder": str(self.folder),
            "victim_file": str(self.folder / "victim.txt"),
            "victim": self.process.pid,
            "parent": os.getpid(),
            "address": ctypes.addressof(self.memory),
            "tcp": self.tcp.getsockname()[1],
            "udp": self.udp.getsockname()[1],
            "unix": str(self.top / "socket"),
            "abstract": self.mark,
            "mark": self.mark,
            "python": os.path.realpath(sys.executable),
            "packages": sysconfig.get_path("purelib"),
            "tests": str(FOLDER / "files.py"),
            "project": str(Path(sys.modules["infopo.core"].__file__ or "").parent / "errors.py"),
        }

    def left_behind(self, seconds: float = 0) -> list[int]:
        """Who is alive under the mark after a while: what was killed needs a moment to be gone."""
        until = time.monotonic() + seconds
        while (found := self.marked()) and time.monotonic() < until:
            time.sleep(0.02)
        return found

    def marked(self) -> list[int]:
        found = []
        for path in Path("/proc").glob("[0-9]*/comm"):
            with contextlib.suppress(OSError):
                dead = ") Z " in path.with_name("stat").read_text()
                if path.read_text().strip() == self.mark and not dead:
                    found.append(int(path.parent.name))
        return found

    def visited(self) -> bool:
        for listener in self.listeners:
            with contextlib.suppress(BlockingIOError):
                listener.accept()[0].close()
                return True
        with contextlib.suppress(BlockingIOError):
            return bool(self.udp.recv(100))
        return False

    def effects(self, result: SandboxResult) -> set[str]:
        (one,) = result.results
        found = {
            "read": self.secret in json.dumps([one.value, one.error, result.error]),
            "allowed": one.value is True,
            "wrote": self.files() != self.before,
            "killed": self.process.poll() is not None,
            "connected": self.visited(),
            "left behind": bool(self.left_behind(seconds=3)),
            "scored": one.value == self.secret,
        }
        return {name for name, happened in found.items() if happened}

    def close(self) -> None:
        for number in self.left_behind():
            os.kill(number, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        os.close(self.opened)
        for one in [self.udp, *self.listeners]:
            one.close()
        shutil.rmtree(self.top, ignore_errors=True)


async def attempt(name: str, level: str) -> tuple[set[str], SandboxResult]:
    host = Host()
    try:
        program = Program(source=SOURCES[ATTEMPTS[name]], function=name, calls=((host.known(),),))
        result = await run_program(program, provider=level, limits=LIMITS)
        return host.effects(result), result
    finally:
        host.close()


class Outcomes:
    """Every attempt at a level, made once."""

    def __init__(self) -> None:
        self.made: dict[str, dict[str, tuple[set[str], SandboxResult]]] = {}

    def at(self, level: str) -> dict[str, tuple[set[str], SandboxResult]]:
        if level not in self.made:
            self.made[level] = asyncio.run(self.every(level))
        return self.made[level]

    async def every(self, level: str) -> dict[str, tuple[set[str], SandboxResult]]:
        few = asyncio.Semaphore(4)

        async def one(name: str) -> tuple[set[str], SandboxResult]:
            async with few:
                return await attempt(name, level)

        return dict(zip(ATTEMPTS, await asyncio.gather(*[one(name) for name in ATTEMPTS]), strict=True))


@pytest.fixture(scope="session")
def outcomes() -> Iterator[Outcomes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INFOPO_SECRET", "secret-of-the-environment")
        yield Outcomes()


@pytest.fixture(scope="session")
def levels() -> dict[str, str | None]:
    """What works here, strongest first, and why the rest does not."""
    return {one.level: one.reason for one in available()}


@pytest.fixture(scope="session")
def strongest(levels: dict[str, str | None]) -> str:
    works = [level for level, reason in levels.items() if reason is None and level != "process"]
    if not works:
        pytest.skip(f"no level of the sandbox isolates anything on this machine: {levels}")
    return works[0]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "attempt_name" in metafunc.fixturenames:
        metafunc.parametrize("attempt_name", list(ATTEMPTS))
