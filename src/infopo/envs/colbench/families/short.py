"""One-line functions for the nano policy: three facts each, every one a word or a number that the user says."""

from collections.abc import Callable, Iterable
from typing import Any

from infopo.envs.colbench.task import Fact, Family

ENDS = {"bang": "!", "mark": "?", "dot": ".", "comma": ",", "colon": ":", "dash": "-", "star": "*", "slash": "/"}
TESTS: dict[str, Callable[[int], bool]] = {
    "every": lambda value: True,
    "even": lambda value: value % 2 == 0,
    "odd": lambda value: value % 2 == 1,
    "plus": lambda value: value > 0,
    "minus": lambda value: value < 0,
}


def _fact(name: str, values: Iterable[str | int]) -> Fact:
    return Fact(name=name, topic=name, says={value: f"{name} {value}" for value in values})


def _number(op: str, by: int, below: str) -> Callable[..., Any]:
    def function(x: int) -> int:
        kept = {"keep": x, "zero": max(x, 0), "flip": abs(x)}[below]
        return {"times": kept * by, "plus": kept + by, "minus": kept - by}[op]

    return function


def _write_number(op: str, by: int, below: str) -> str:
    kept = {"keep": "x", "zero": "max( x , 0 )", "flip": "abs( x )"}[below]
    sign = {"times": "*", "plus": "+", "minus": "-"}[op]
    return f"def f(x): return {kept} {sign} {by}"


def _total(keep: str, result: str, add: int) -> Callable[..., Any]:
    def function(x: list[int]) -> int:
        kept = list(filter(TESTS[keep], x))
        return {"sum": sum(kept), "count": len(kept), "most": max(kept, default=0)}[result] + add

    return function


def _write_total(keep: str, result: str, add: int) -> str:
    test = {"every": "", "even": "n % 2 == 0", "odd": "n % 2 == 1", "plus": "n > 0", "minus": "n < 0"}[keep]
    kept = "for n in x" + (f" if {test}" if test else "")
    value = {"sum": f"sum( n {kept} )", "count": f"sum( 1 {kept} )", "most": f"max( ( n {kept} ) , default=0 )"}[result]
    return f"def f(x): return {value} + {add}"


def _label(case: str, repeat: int, end: str) -> Callable[..., Any]:
    def function(x: str) -> str:
        return {"upper": x.upper(), "lower": x.lower(), "title": x.title()}[case] * repeat + ENDS[end]

    return function


def _write_label(case: str, repeat: int, end: str) -> str:
    return f'def f(x): return x.{case}() * {repeat} + "{ENDS[end]}"'


_LISTS: tuple[list[int], ...] = (
    [1, 2, 3, 4],
    [],
    [-1, -2, -3],
    [5, 5, 8],
    [0, 7, -7],
    [10, -10, 3],
    [6],
    [-4, 9, 2, -5],
    [1, 1, 1, 2],
    [12, 11, -13, -14],
)
SHORT = (
    Family(
        function="f",
        parameters="x",
        request="number",
        facts=(
            _fact("op", ("times", "plus", "minus")),
            _fact("by", range(2, 21)),
            _fact("below", ("keep", "zero", "flip")),
        ),
        make=_number,
        write=_write_number,
        inputs=tuple((x,) for x in (-9, -5, -2, -1, 0, 1, 2, 3, 7, 20)),
    ),
    Family(
        function="f",
        parameters="x",
        request="list",
        facts=(_fact("keep", TESTS), _fact("result", ("sum", "count", "most")), _fact("add", range(1, 16))),
        make=_total,
        write=_write_total,
        inputs=tuple((x,) for x in _LISTS),
    ),
    Family(
        function="f",
        parameters="x",
        request="text",
        facts=(_fact("case", ("upper", "lower", "title")), _fact("repeat", range(2, 10)), _fact("end", ENDS)),
        make=_label,
        write=_write_label,
        inputs=tuple((x,) for x in ("a", "B", "cD", "hello", "Two words", "", "x1", "LOUD", "it is", "Mixed CASE")),
    ),
)
