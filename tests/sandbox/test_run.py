"""Programs in the sandbox: answers, levels, what is the program's fault and what is ours, and that nothing is left."""

import asyncio
import contextlib
import itertools
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from infopo.core import UnknownNameError, UserError, boundary
from infopo.sandbox import CallResult, Limits, Program, SandboxError, SandboxResult, providers, run, run_program

ADD = Program(source="def add(first, second):\n    return first + second\n", calls=((1, 2), ("a", "b"), (1, "b")))


def answers(source: str, *calls: tuple[Any, ...], level: str, function: str | None = None, **limits: Any) -> Any:
    program = Program(source=source, function=function, calls=calls or ((),))
    return asyncio.run(run_program(program, provider=level, limits=Limits(**limits)))


@pytest.fixture(params=["namespaces", "bubblewrap", "process"])
def level(request: pytest.FixtureRequest, levels: dict[str, str | None]) -> str:
    if levels[request.param] is not None:
        pytest.skip(f"the level {request.param} does not work on this machine: {levels[request.param]}")
    return str(request.param)


def test_every_call_has_its_result(level: str) -> None:
    result = asyncio.run(run_program(ADD, provider=level))
    assert (result.level, result.error) == (level, None)
    assert result.results[:2] == (CallResult(value=3), CallResult(value="ab"))
    assert (result.results[2].error or "").startswith("TypeError: unsupported operand")


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(10**30), 1.5, -0.0, 1e300, "", "é \U0001f600 \x00\n\"\\'", [], {}, {"a": [1, {"b": None}]}],
    ids=repr,
)
def test_data_comes_back_as_it_went(value: Any, strongest: str) -> None:
    (one,) = answers("def same(value): return value", (value,), level=strongest).results
    assert (one.error, repr(one.value)) == (None, repr(value))


def test_what_is_no_json_is_an_error_of_its_call(strongest: str) -> None:
    source = (
        "def make(kind): return {'set': {1}, 'bytes': b'x', 'nan': float('nan'), 'keys': {1: 2}, 'ok': (1, 2)}[kind]"
    )
    result = answers(source, ("set",), ("bytes",), ("nan",), ("keys",), ("ok",), level=strongest)
    assert [one.error is None for one in result.results] == [False, False, False, False, True]
    assert result.results[-1].value == [1, 2]


def test_the_whole_language_works(strongest: str) -> None:
    source = """
import collections, dataclasses, datetime, decimal, functools, hashlib, heapq, json, math, random, re, statistics, zlib

SCALE = 2

@dataclasses.dataclass
class Box:
    size: int

def helper(number):
    return 1 if number == 0 else number * helper(number - 1)

def answer(number):
    return [SCALE * helper(number), Box(number).size, re.sub("a", "b", "a"), hashlib.md5(b"x").hexdigest()[:4]]
"""
    assert answers(source, (5,), level=strongest).results[0].value == [240, 5, "b", "9dd4"]


def test_the_last_function_is_called_unless_one_is_named(strongest: str) -> None:
    source = "def first(): return 1\ndef second(): return 2\nclass Third: pass\n"
    assert answers(source, level=strongest).results[0].value == 2
    assert answers(source, level=strongest, function="first").results[0].value == 1
    assert answers(source, level=strongest, function="third").error == "the program defines no function called third"
    assert answers("x = 1", level=strongest).error == "the program defines no function"


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("def broken(:", "SyntaxError: invalid syntax (<program>, line 1)"),
        ("x = 1 / 0", "ZeroDivisionError: division by zero"),
        ("import os; os._exit(3)", "the program ended by itself with code 3"),
        ("import os; os.abort()", "the program was killed by SIGABRT"),
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("raise SystemExit(5)", "SystemExit: 5"),
        ("\ud800", "UnicodeEncodeError"),
        ("\x00", "source code string cannot contain null bytes"),
    ],
    ids=repr,
)
def test_what_the_program_does_wrong_is_a_result(source: str, error: str, level: str) -> None:
    result = answers(source, (1,), (2,), level=level)
    assert error in (result.error or "")
    assert result.results == (CallResult(error=result.error),) * 2


def test_a_program_shares_no_group_with_what_reports_its_end(strongest: str) -> None:
    """A plain user's program may signal whatever is of its group, also across namespaces: an answer that is wrong could
    end the launcher, and so become nobody's fault."""
    if strongest == "namespaces":
        assert answers("import os\ndef group(): return os.getpgrp()", level=strongest).results[0].value == 1
    result = answers("import os\ndef end(): os.kill(0, 15)", level=strongest)
    assert result.error == "the program was killed by SIGTERM"


def test_calls_share_no_arguments_and_draws_repeat(strongest: str) -> None:
    source = "import random\ndef draw(seen):\n    seen.append(1)\n    return [seen, random.random(), hash('x')]"
    first = answers(source, ([],), ([],), level=strongest)
    assert first.results[0] == first.results[1]
    assert answers(source, ([],), level=strongest).results[0] == first.results[0]
    assert first.results[0].value[0] == [1]


def test_nothing_is_kept_for_the_next_program(strongest: str) -> None:
    write = "import builtins\ndef write():\n    builtins.kept = 1\n    return open('kept', 'w').write('x')"
    read = "import builtins, os\ndef read(): return [hasattr(builtins, 'kept'), os.listdir('.')]"
    assert answers(write, level=strongest).results[0].value == 1
    assert answers(read, level=strongest).results[0].value == [False, []]


@pytest.mark.slow
def test_computing_ends_at_the_limit(level: str) -> None:
    loop = "import signal\ndef loop():\n    signal.signal(signal.SIGXCPU, {})\n    while True: pass"
    polite = answers(loop.format("signal.SIG_DFL"), level=level, wall_seconds=120, cpu_seconds=1)
    stubborn = answers(loop.format("signal.SIG_IGN"), level=level, wall_seconds=120, cpu_seconds=1)
    assert polite.error == "the program was killed by SIGXCPU"
    assert stubborn.error == "the program was killed by SIGKILL"


def test_the_output_of_all_calls_is_limited(strongest: str) -> None:
    result = answers("def text(size): return 'x' * size", (60,), (60,), (30,), level=strongest, output_bytes=100)
    assert [one.error is None for one in result.results] == [True, False, True]


def test_more_processes_can_be_allowed(strongest: str) -> None:
    source = """
import threading
def count():
    done = []
    threads = [threading.Thread(target=done.append, args=(1,)) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return len(done)
"""
    assert answers(source, level=strongest, processes=4).results[0].value == 2
    assert answers(source, level=strongest).results[0].error == "RuntimeError: can't start new thread"


def test_a_busy_event_loop_does_not_turn_an_answer_into_a_timeout(strongest: str) -> None:
    async def busy() -> SandboxResult:
        task = asyncio.create_task(run_program(ADD, provider=strongest, limits=Limits(wall_seconds=0.2)))
        while not task.done():
            await asyncio.sleep(0)
            time.sleep(0.3)  # as a forward pass of a model on the same thread
        return await task

    assert asyncio.run(busy()).error is None


@pytest.mark.parametrize(
    "call", [(float("nan"),), ({1},), (object(),), ("\ud800",)], ids=["nan", "set", "object", "half a surrogate"]
)
def test_arguments_must_be_json(call: tuple[Any, ...], strongest: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|surrogates"):
        answers("def f(x): return x", call, level=strongest)


def test_a_weaker_level_is_never_taken_silently(strongest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(**wish: Any) -> str:
        return asyncio.run(run_program(ADD, **wish)).level

    assert chosen() == chosen(required_level="process") == chosen(required_level=strongest) == strongest
    assert chosen(provider="process") == "process"
    with pytest.raises(UserError, match=f"process is weaker than the required level {strongest}"):
        chosen(provider="process", required_level=strongest)
    with pytest.raises(UnknownNameError, match="did you mean 'namespaces'"):
        chosen(provider="namespace")
    with pytest.raises(UnknownNameError, match="'auto'"):
        chosen(required_level="auto")
    broken = ("/nowhere/python", "-c", "")
    monkeypatch.setattr(run, "_tried", {})
    monkeypatch.setattr(providers, "python", lambda *_, **__: broken)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match=r"namespaces: .*bubblewrap: bwrap is not installed.*or name the level process"):
        chosen()
    with pytest.raises(UserError, match="the sandbox namespaces does not work here"):
        chosen(provider="namespaces")
    with pytest.raises(UserError, match=r"install bubblewrap 0\.8$"):
        chosen(required_level="namespaces")


def test_a_broken_sandbox_is_a_failure_not_a_result(strongest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(run_program(ADD, provider=strongest))  # it works
    monkeypatch.setattr(providers, "START", "import sys; sys.exit('no room left')")
    with boundary("step") as caught:
        asyncio.run(run_program(ADD, provider=strongest))
    assert isinstance(caught.error, SandboxError)
    assert caught.failure is not None
    assert "did not start: no room left" in caught.failure.detail


def children() -> set[int]:
    return {int(number) for number in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


def sandboxes() -> list[int]:
    """Processes anywhere that belong to a sandbox with the odd limit that this file asks for."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(77 << 20).encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def test_a_cancelled_program_leaves_nothing(level: str) -> None:
    async def cancel() -> None:
        program = Program(source="import time\ndef wait(): time.sleep(100)", calls=((),))
        tasks = [
            asyncio.create_task(run_program(program, provider=level, limits=Limits(memory_mib=77, wall_seconds=100)))
            for _ in range(3)
        ]
        while len(sandboxes()) < 3:
            await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        assert all(
            isinstance(one, asyncio.CancelledError) for one in await asyncio.gather(*tasks, return_exceptions=True)
        )

    before = children(), threading.active_count(), len(os.listdir("/proc/self/fd"))
    asyncio.run(asyncio.wait_for(cancel(), 60))
    for _ in range(500):  # the kernel ends the rest of a killed sandbox by itself
        if not sandboxes():
            break
        time.sleep(0.01)
    assert sandboxes() == []
    assert (children(), threading.active_count(), len(os.listdir("/proc/self/fd"))) == before


def test_many_at_once_leave_no_process_thread_or_descriptor(level: str) -> None:
    async def many() -> list[SandboxResult]:
        sources = ["def f(): return 1", "def f(): raise ValueError", "import os\ndef f(): os._exit(1)"]
        programs = [Program(source=source, calls=((),)) for source in sources * 8]
        return await asyncio.gather(*[run_program(one, provider=level) for one in programs])

    before = children(), threading.active_count(), len(os.listdir("/proc/self/fd"))
    results = asyncio.run(many())
    assert [one.results[0].value for one in results] == [1, None, None] * 8
    assert (children(), threading.active_count(), len(os.listdir("/proc/self/fd"))) == before


def test_a_sandbox_ends_with_who_started_it(strongest: str) -> None:
    code = (
        "import asyncio; from infopo.sandbox import *; "
        "program = Program(source='import time\\ndef wait(): time.sleep(100)', calls=((),)); "
        f"asyncio.run(run_program(program, provider={strongest!r}, limits=Limits(memory_mib=77, wall_seconds=100)))"
    )

    async def kill() -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, env=environment)
        while not sandboxes():
            await asyncio.sleep(0.01)
        process.kill()
        await process.wait()
        while sandboxes():
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(kill(), 60))


def test_limits_must_be_positive() -> None:
    with pytest.raises(ValueError, match="processes must be positive"):
        Limits(processes=0)
    with pytest.raises(ValueError, match="wall_seconds must be positive"):
        Limits(wall_seconds=float("nan"))


def test_docker_is_asked_for_everything_that_closes_it() -> None:
    """The command alone: no engine ran it here."""
    command = providers.docker("docker", Limits(memory_mib=100, processes=3), "name")
    flags = dict(itertools.pairwise(command))
    assert flags["--network"] == flags["--ipc"] == "none"
    assert (flags["--cap-drop"], flags["--security-opt"], flags["--pull"]) == ("ALL", "no-new-privileges", "never")
    assert (flags["--memory"], flags["--memory-swap"], flags["--pids-limit"]) == ("100m", "100m", "5")
    assert (flags["--user"], flags["--name"], flags["--env"]) == ("65534:65534", "name", "PYTHONHASHSEED=0")
    assert {"--read-only", "--rm", "--interactive"} <= set(command)
    assert flags["--mount"].endswith("/sandbox/inside,target=/runner/inside,readonly")
    assert command[-1] == providers.DOCKER_IMAGE
    assert "--volume" not in command
    assert "--privileged" not in command


def test_the_request_holds_the_program_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a sandbox is given: its environment has one variable, its command only numbers."""
    monkeypatch.setenv("INFOPO_SECRET", "secret")
    for name in ("namespaces", "process"):
        start = providers.start(name, Limits(), "name")
        assert start.environment == {"PYTHONHASHSEED": "0"}
        assert "secret" not in json.dumps(start.command)
