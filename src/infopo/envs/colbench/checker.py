"""Tests decide: an answer runs in a sandbox, which is told the calls and never the values that they should give.

What a piece of code gives for some calls is remembered: the next equal answer is not run again. So code that looks at
the clock gets the values of its first run.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infopo.core import InfopoError
from infopo.envs.colbench.answers import banned
from infopo.envs.colbench.options import CodeOptions

if TYPE_CHECKING:  # nothing is run before the first answer
    from infopo.sandbox import CallResult, SandboxResult

REMEMBERED = 4096  # programs
SECONDS_ALONE = 1.0  # of CPU, for a call in a process of its own; as published
WALL_ALONE = 2.0  # seconds: sixteen answers that all sleep are done with before the deadline of a step
MOST_BROKEN = 3  # calls of one answer that may each use up their time

# Calls are evaluated inside the sandbox, in one of two ways. `module`: like a file that is imported once. `official`:
# before every call, definitions land in one namespace and look for names in another, so that a function sees neither
# its neighbours nor its imports nor itself, as in the published checker. Values keep their types on the way out: a list
# is no tuple, and the keys of a dictionary need not be text.
_MODULE = """
_scopes = []


def _evaluate(expression):
    if not _scopes:
        scope = {"__name__": "answer"}
        exec(_SOURCE, scope)
        _scopes.append(scope)
    return _told(eval(expression, _scopes[0]))
"""
_OFFICIAL = """
def _evaluate(expression):
    outer, inner = {}, {}
    exec(_SOURCE, outer, inner)
    return _told(eval(expression, outer, inner))
"""
_TOLD = """
def _told(value):
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return ["float", repr(float(value))]
    if isinstance(value, dict):
        return ["dict", [[_told(name), _told(part)] for name, part in value.items()]]
    for kind, name in ((list, "list"), (tuple, "tuple"), ((set, frozenset), "set")):
        if isinstance(value, kind):
            return [name, [_told(part) for part in value]]
    if type(value).__module__ in ("datetime", "decimal", "fractions") or type(value) in (bytes, complex):
        return ["other", type(value).__name__ + " " + repr(value)]
    raise TypeError("a " + type(value).__name__ + " cannot be compared")
"""


class BrokenTaskError(InfopoError):
    """A published task that no answer can be tested against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What one call gave, or why it gave nothing."""

    value: Any = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A date, a fraction or the like, known by how it is written."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What each call gave, and how closed the sandbox was."""

    values: tuple[Value, ...]
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Which tests passed. `level` None: nothing was run."""

    passed: tuple[bool, ...]
    level: str | None

    @property
    def share(self) -> float:
        """The share of tests that passed."""
        return sum(self.passed) / len(self.passed)


class Checker:
    """Compares what an answer gives for `calls` with `expected`, or with what `reference` gives, run on its own.

    Scope `module` leaves out tests for which the reference itself has no value; for `official` nobody passes those.
    `where` names the task in errors.
    """

    def __init__(
        self,
        calls: Sequence[str],
        options: CodeOptions,
        *,
        where: str,
        expected: Sequence[Any] | None = None,
        reference: str = "",
    ) -> None:
        self._calls, self._options, self._where = tuple(calls), options, where
        self._expected, self._reference = expected, reference

    async def check(self, code: str) -> Verdict:
        """Raises `BrokenTaskError` where there is nothing to compare with, and what the sandbox raises."""
        wanted = await self._wanted()
        official = self._options.scope == "official"
        if official and banned(code):
            return Verdict(passed=(False,) * len(wanted), level=None)
        ran = await run_calls(code, self._calls, self._options)
        passed = [
            good and given.error is None and bool(given.value == value)
            for given, (good, value) in zip(ran.values, wanted, strict=True)
            if official or good
        ]
        return Verdict(passed=tuple(passed), level=ran.level)

    async def _wanted(self) -> list[tuple[bool, Any]]:
        """For each call whether it has a value, and the value."""
        if self._expected is not None:
            return [(True, value) for value in self._expected]
        ran = await run_calls(self._reference, self._calls, self._options, patience=len(self._calls))
        wanted = [(one.error is None and one.value is not None, one.value) for one in ran.values]
        if self._options.scope == "module" and not any(good for good, _ in wanted):
            said = next((one.error for one in ran.values if one.error is not None), "None")
            raise BrokenTaskError(f"{self._where}: the reference gives no value for any test ({said})")
        return wanted


_remembered: OrderedDict[tuple[str, tuple[str, ...], str, str | None], Ran] = OrderedDict()


async def run_calls(code: str, calls: Sequence[str], options: CodeOptions, *, patience: int = MOST_BROKEN) -> Ran:
    """What `code` gives for each call. Where one of them breaks the process, each gets a process of its own, until
    `patience` of them broke: an episode has a deadline, and who never ends could miss it on purpose."""
    source = f"_SOURCE = {code!r}\n{_TOLD}{_OFFICIAL if options.scope == 'official' else _MODULE}"
    key = (source, tuple(calls), options.provider, options.required_level)
    if key in _remembered:
        _remembered.move_to_end(key)
        return _remembered[key]
    whole = await _run(source, calls, options)
    if whole.error is not None:  # time, memory or a flood; it may have been one call's fault
        values = await _one_by_one(source, calls, options, whole.error, patience)
        return Ran(values=values, level=whole.level)
    ran = Ran(values=_values(whole), level=whole.level)
    _remembered[key] = ran
    while len(_remembered) > REMEMBERED:
        _remembered.popitem(last=False)
    return ran


async def _one_by_one(
    source: str, calls: Sequence[str], options: CodeOptions, error: str, patience: int
) -> tuple[Value, ...]:
    """A process for each call; after `patience` that broke, the rest counts as broken too."""
    values: list[Value] = []
    broken = 0
    for call in calls:
        if broken == patience:
            values.append(Value(error=error))
            continue
        result = await _run(source, [call], options)
        broken += result.error is not None
        values += _values(result)
    return tuple(values)


async def _run(source: str, calls: Sequence[str], options: CodeOptions) -> "SandboxResult":
    from infopo.sandbox import Limits, Program, run_program

    program = Program(source=source, function="_evaluate", calls=tuple((call,) for call in calls))
    limits = Limits() if len(calls) > 1 else Limits(cpu_seconds=SECONDS_ALONE, wall_seconds=WALL_ALONE)
    return await run_program(program, provider=options.provider, required_level=options.required_level, limits=limits)


def _values(result: "SandboxResult") -> tuple[Value, ...]:
    return tuple(_value(one) for one in result.results)


def _value(result: "CallResult") -> Value:
    if result.error is not None:
        return Value(error=result.error)
    try:
        return Value(value=_heard(result.value))
    except (
        TypeError,
        ValueError,
        LookupError,
        ArithmeticError,
        RecursionError,
    ):  # not what `_told` writes: the code has tampered with it
        return Value(error="no value")


def _heard(told: Any) -> Any:
    """The value that `_told` has written, as data of plain types."""
    if not isinstance(told, list):
        return told
    kind, content = told
    if kind == "float":
        return float(content)
    if kind == "dict":
        return {_heard(name): _heard(part) for name, part in content}
    if kind == "other":
        return Other(text=str(content))
    return {"list": list, "tuple": tuple, "set": frozenset}[kind](_heard(part) for part in content)
