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
    from infopo.sandbox import CallResult

REMEMBERED = 4096  # programs

# The two ways in which calls are evaluated, both inside the sandbox. `module`: like a file that is imported and used.
# `official`: definitions land in one namespace and look for names in another, so that a function does not see its
# neighbours, its imports or itself, as in the published checker.
_MODULE = """{source}


def _evaluate(expression):
    return eval(expression, globals())
"""
_OFFICIAL = """_SOURCE = {source!r}


def _evaluate(expression):
    outer, inner = {{}}, {{}}
    exec(_SOURCE, outer, inner)
    return eval(expression, outer, inner)
"""


class BrokenTaskError(InfopoError):
    """A published task that no answer can be tested against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What each call gave, and how closed the sandbox was."""

    results: tuple["CallResult", ...]
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
            value is not None and result.error is None and bool(result.value == value[0])
            for result, value in zip(ran.results, wanted, strict=True)
            if official or value is not None
        ]
        return Verdict(passed=tuple(passed), level=ran.level)

    async def _wanted(self) -> list[tuple[Any] | None]:
        """The value of each call; None: there is none."""
        if self._expected is not None:
            return [(value,) for value in self._expected]
        ran = await run_calls(self._reference, self._calls, self._options)
        wanted = [None if one.error is not None or one.value is None else (one.value,) for one in ran.results]
        if self._options.scope == "module" and not any(wanted):
            said = next((one.error for one in ran.results if one.error is not None), "None")
            raise BrokenTaskError(f"{self._where}: the reference gives no value for any test ({said})")
        return wanted


_remembered: OrderedDict[tuple[str, tuple[str, ...], str, str | None], Ran] = OrderedDict()


async def run_calls(code: str, calls: Sequence[str], options: CodeOptions) -> Ran:
    """What `code` gives for each call; a call that ends the process is an error, and the others get a new one."""
    template = _OFFICIAL if options.scope == "official" else _MODULE
    source = template.format(source=code)
    key = (source, tuple(calls), options.provider, options.required_level)
    if key in _remembered:
        _remembered.move_to_end(key)
        return _remembered[key]
    ran, whole = await _run(source, calls, options)
    if whole:  # what ran out of time may do better on a machine that is less busy
        _remembered[key] = ran
        while len(_remembered) > REMEMBERED:
            _remembered.popitem(last=False)
    return ran


async def _run(source: str, calls: Sequence[str], options: CodeOptions) -> tuple[Ran, bool]:
    from infopo.sandbox import CallResult, Program, run_program

    results: list[CallResult] = []
    level, lost, in_vain = "", False, 0
    while len(results) < len(calls) and in_vain < 2:
        left = tuple((call,) for call in calls[len(results) :])
        program = Program(source=source, function="_evaluate", calls=left)
        result = await run_program(program, provider=options.provider, required_level=options.required_level)
        level = result.level
        results += result.results
        in_vain = 0 if result.results else in_vain + 1
        if len(results) < len(calls):
            lost = True
            results.append(CallResult(value=None, error=result.error or "no result"))
    results += [CallResult(value=None, error="not run")] * (len(calls) - len(results))
    return Ran(results=tuple(results), level=level), not lost
