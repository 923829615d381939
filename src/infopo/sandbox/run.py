"""Starts a sandbox for one program, reads its answers under a deadline, and leaves nothing behind."""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any
from weakref import WeakKeyDictionary

from infopo.core import UnknownNameError, UserError
from infopo.sandbox import providers
from infopo.sandbox.program import LEVELS, Availability, CallResult, Limits, Program, SandboxError, SandboxResult
from infopo.sandbox.reply import check_plain, longest_reply, one_line, read_reply, says_ready

START_SECONDS = 20.0  # before the program's text runs: the host's time, not the program's
GRACE_SECONDS = 0.1  # to read what was written in time while this event loop was busy
STOP_SECONDS = 5.0
POLL_SECONDS = 0.002
DEFAULT_LIMITS = Limits()
TRIAL = Program(source="def double(number):\n    return 2 * number\n", calls=((21,),))
TRIAL_LIMITS = Limits(wall_seconds=START_SECONDS)  # a level is not given up because the machine is busy


@dataclass(slots=True)
class _Shared:
    """What the sandboxes of one event loop share: their number at a time, and one trial of a level at a time."""

    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2 * (os.cpu_count() or 1)))
    trial: asyncio.Lock = field(default_factory=asyncio.Lock)


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, _Shared] = WeakKeyDictionary()
_tried: dict[str, Availability] = {}


async def run_program(
    program: Program, *, provider: str = "auto", required_level: str | None = None, limits: Limits = DEFAULT_LIMITS
) -> SandboxResult:
    """Run the calls in one fresh process at the strongest level that works here, or at the one that `provider` names.

    What the program does wrong is a result. Raises `SandboxError` where the sandbox itself broke, `UserError` where
    this host does not give the level that is asked for (nothing weaker is ever taken instead), `ValueError` for
    arguments that are not JSON.
    """
    for name, known in ((provider, ("auto", *LEVELS)), (required_level or LEVELS[-1], LEVELS)):
        if name not in known:
            raise UnknownNameError("sandbox level", str(name), list(known))
    calls = [written(call) for call in program.calls]
    level = await _choose(provider, required_level)
    async with _of_this_loop().slots:
        return await _run(level, program, calls, limits)


def written(call: Sequence[Any]) -> str:
    """A call's arguments as the literal that the runner reads. Raises `ValueError` for what is not JSON data."""
    try:
        arguments = json.loads(json.dumps(list(call), allow_nan=False))
        check_plain(arguments)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"arguments must be JSON data: {error}") from None
    return ascii(arguments)


def available() -> tuple[Availability, ...]:
    """What this host gives, strongest first: each level runs a program. Not for use inside an event loop."""

    async def every() -> tuple[Availability, ...]:
        return tuple([await _try(level) for level in LEVELS])

    return asyncio.run(every())


def _of_this_loop() -> _Shared:
    return _shared.setdefault(asyncio.get_running_loop(), _Shared())


async def _choose(provider: str, required: str | None) -> str:
    strong_enough = LEVELS if required is None else LEVELS[: LEVELS.index(required) + 1]
    if provider != "auto":
        if provider not in strong_enough:
            raise UserError(f"the sandbox {provider} is weaker than the required level {required}")
        found = await _try(provider)
        if not found.works:
            raise UserError(f"the sandbox {provider} does not work here: {found.reason}")
        return provider
    reasons = []
    for level in strong_enough:
        if level == "process":
            continue  # isolates nothing: only by name
        found = await _try(level)
        if found.works:
            return level
        reasons.append(f"{level}: {found.reason}")
    hint = "allow user namespaces, or install bubblewrap 0.8"
    if required in (None, "process"):
        hint += ", or name the level process, which limits resources and isolates nothing"
    raise UserError(f"no sandbox works here ({'; '.join(reasons)}); {hint}")


async def _try(level: str) -> Availability:
    async with _of_this_loop().trial:
        if level not in _tried:
            found = await _trial(level)
            # one bad moment of a busy machine must not weaken the whole run
            _tried[level] = found if found.works else await _trial(level)
        return _tried[level]


async def _trial(level: str) -> Availability:
    try:
        result = await _run(level, TRIAL, [written((21,))], TRIAL_LIMITS)
    except SandboxError as error:
        return Availability(level=level, works=False, reason=str(error))
    works = result.results == (CallResult(value=42),)
    return Availability(level=level, works=works, reason=None if works else f"a trial gave {result.results[0]}")


async def _run(level: str, program: Program, calls: list[str], limits: Limits) -> SandboxResult:
    nonce = secrets.token_hex(16)
    request = {
        "nonce": nonce,
        "source": program.source,
        "function": program.function,
        "calls": calls,
        "output_bytes": limits.output_bytes,
    }
    how = providers.start(level, limits, f"infopo-{nonce}")
    with _started(how, ascii(request).encode()) as started:
        try:
            reader, transport = await _reader(started.process, longest_reply(limits.output_bytes, len(calls)))
            try:
                await _wait_until_ready(reader, nonce, level, started.complaints)
                begun = time.perf_counter()
                error, line = await _read_line(reader, limits)
                seconds = time.perf_counter() - begun
                if error is None and not line.endswith(b"\n"):
                    error = await _end_without_answer(started.process, how)
            finally:
                transport.close()
        finally:
            await _stop(started, how)
    results: tuple[CallResult, ...] = ()
    if error is None:
        try:
            error, results = read_reply(line, nonce, len(calls))
        except ValueError:
            error = "the program wrote something else than answers"
    if error is not None:
        results = tuple(CallResult(error=error) for _ in calls)
    return SandboxResult(level=level, results=results, error=error, seconds=seconds)


@dataclass(slots=True)
class _Started:
    """A running sandbox: its process, what it complains of before the program runs, and the way to stop it."""

    process: subprocess.Popen[bytes]
    complaints: IO[bytes]
    lifeline: int


@contextlib.contextmanager
def _started(how: providers.Start, request: bytes) -> Iterator[_Started]:
    """Start it in a session of its own."""
    with contextlib.ExitStack() as stack:
        given, rules, complaints = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(3))
        for file, data in ((given, request), (rules, how.filter)):
            file.write(data)
            file.seek(0)
        watched, lifeline = os.pipe()
        stack.callback(os.close, lifeline)
        places = {providers.FILTER: rules.fileno(), providers.LIFELINE: watched}
        folder = "/"
        if how.own_folder:
            folder = tempfile.mkdtemp(prefix="infopo-sandbox-")
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            process = subprocess.Popen(
                [str(places.get(part, part)) for part in how.command],
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=complaints,
                pass_fds=[place for part, place in places.items() if part in how.command],
                env=how.environment,
                cwd=folder,
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(f"the sandbox does not start: {error}") from error
        finally:
            os.close(watched)
        if process.stdout is not None:
            stack.callback(process.stdout.close)
        yield _Started(process=process, complaints=complaints, lifeline=lifeline)


async def _reader(process: subprocess.Popen[bytes], longest: int) -> tuple[asyncio.StreamReader, asyncio.BaseTransport]:
    reader = asyncio.StreamReader(limit=longest)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
    return reader, transport


async def _wait_until_ready(reader: asyncio.StreamReader, nonce: str, level: str, complaints: IO[bytes]) -> None:
    try:
        async with asyncio.timeout(START_SECONDS):
            line = await reader.readline()
    except TimeoutError:
        raise SandboxError(f"the sandbox {level} did not start within {START_SECONDS:g} s") from None
    if not says_ready(line, nonce):
        complaints.seek(0)
        lines = complaints.read(1 << 16).decode(errors="replace").strip().splitlines() or ["it says nothing"]
        reason = lines[-1 if lines[0].startswith("Traceback") else 0]
        raise SandboxError(f"the sandbox {level} did not start: {one_line(reason)}")


async def _read_line(reader: asyncio.StreamReader, limits: Limits) -> tuple[str | None, bytes]:
    """What befell the program, or its whole answer: one line, and then the end."""
    for seconds in (limits.wall_seconds, GRACE_SECONDS):
        try:
            async with asyncio.timeout(seconds):
                line = await reader.readline()
                # what follows the line is read away, never kept
                return ("the program wrote something else than answers" if await reader.read(1) else None), line
        except TimeoutError:
            continue
        except ValueError:
            return "the program wrote more than it may", b""
    return f"the program ran longer than {limits.wall_seconds:g} s", b""


async def _end_without_answer(process: subprocess.Popen[bytes], how: providers.Start) -> str:
    if not await _ended(process, STOP_SECONDS):
        return "the program closed the way of its answers"
    code = _kill_group(process)
    if code < 0 and how.lifeline:  # our launcher mirrors the program's end, and never ends so by itself
        raise SandboxError(f"the sandbox was killed by {signal.Signals(-code).name}")
    if code < 0 or code > 128:
        number = -code if code < 0 else code - 128
        known = number in {one.value for one in signal.Signals}
        return f"the program was killed by {signal.Signals(number).name if known else f'signal {number}'}"
    return f"the program ended by itself with code {code}"


async def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether it has ended by then. It is not reaped: until then its number names its group and nothing else."""
    until = time.monotonic() + seconds
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > until:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True


async def _stop(started: _Started, how: providers.Start) -> None:
    """Kill the whole group and reap its leader, also when this task is cancelled meanwhile."""
    process = started.process
    try:
        if how.lifeline and process.returncode is None:
            with contextlib.suppress(BrokenPipeError):  # it has ended by itself
                os.write(started.lifeline, b"x")
            await _ended(process, STOP_SECONDS)
    finally:
        if process.returncode is None:
            _kill_group(process)
        if how.after_kill is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):  # the answer is there all the same
                await asyncio.to_thread(subprocess.run, how.after_kill, capture_output=True, timeout=START_SECONDS)


def _kill_group(process: subprocess.Popen[bytes]) -> int:
    """End what is left of the group, and only then reap its leader; returns how the leader ended."""
    os.killpg(process.pid, signal.SIGKILL)
    return process.wait()
