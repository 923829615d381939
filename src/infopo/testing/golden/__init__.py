"""Golden cases: published formulas as numbers, run through the very functions that training calls.

A file holds `meta` (its tolerance), `fixture` (episodes that many cases share) and `cases`: by name, each with
`method`, `inputs` and `expected`. Nothing in this folder computes: handlers translate the inputs, call the package, and
lay what comes back beside `expected`. Shell: `python -m infopo.testing.golden FILE.json`.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from infopo.core import UserError
from infopo.testing.golden.compare import Skipped, Tolerance, differences
from infopo.testing.golden.fixture import GoldenError, Inputs
from infopo.testing.golden.registry import Handler, handlers

__all__ = ["GoldenError", "GoldenResult", "cases_of", "run_case", "run_file"]

Status = Literal["ok", "wrong", "unknown", "broken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenResult:
    """One case. `largest` is the largest difference; `detail` says where it is wrong, or why it could not run."""

    case: str
    status: Status
    largest: float = math.nan
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether every expected value came out."""
        return self.status == "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    place: str
    tolerance: Tolerance
    fixture: Mapping[str, Any]
    cases: Mapping[str, Any]


def run_file(path: Path) -> list[GoldenResult]:
    """The result of every case of a file, in its order; raises `GoldenError` where the file is no golden file."""
    file, known = _load(path), handlers()
    return [_run(file, name, known) for name in file.cases]


def cases_of(path: Path) -> list[str]:
    """The names of a file's cases; raises `GoldenError` as `run_file` does."""
    return list(_load(path).cases)


def run_case(path: Path, name: str) -> GoldenResult:
    """The result of one case of a file; raises `GoldenError` as `run_file` does, and where there is no such case."""
    file = _load(path)
    if name not in file.cases:
        raise GoldenError(f"{path}: has no case {name!r}")
    return _run(file, name, handlers())


def _run(file: _File, name: str, known: Mapping[str, Handler]) -> GoldenResult:
    case, place = file.cases[name], f"{file.place}, case {name!r}"
    try:
        method, given, expected = (_part(case, place, field, kind) for field, kind in _CASE.items())
        if method not in known:
            return GoldenResult(case=name, status="unknown", detail=f"no handler for method {method!r}")
        inputs = Inputs(place, given, file.fixture, expected)
        found = known[method](inputs)
        if inputs.unread():
            raise inputs.error(inputs.unread()[0], f"is not known to method {method!r}")
    except (UserError, ValueError, IndexError, RuntimeError) as error:  # RuntimeError: tensors of other shapes
        says = str(error) if isinstance(error, GoldenError) else f"{place}: {error}"
        return GoldenResult(case=name, status="broken", detail=says)
    compared = [
        difference
        for field, value in expected.items()
        if not isinstance(found.get(field), Skipped)
        for difference in differences(field, found.get(field), value, file.tolerance)
    ]
    if not compared:
        return GoldenResult(case=name, status="broken", detail=f"{place}, field 'expected': holds nothing to compare")
    worst = max(compared, key=lambda one: (not one.agrees, math.inf if math.isnan(one.size) else one.size))
    if all(one.agrees for one in compared):
        return GoldenResult(case=name, status="ok", largest=worst.size)
    absent = "" if worst.path.split(".")[0].split("[")[0] in found else ", which no function gives"
    return GoldenResult(case=name, status="wrong", largest=worst.size, detail=f"at {worst.path}{absent}")


_CASE: Mapping[str, type] = {"method": str, "inputs": dict, "expected": dict}


def _part(whole: Any, place: str, field: str, kind: type) -> Any:
    if not isinstance(whole, dict) or not isinstance(whole.get(field), kind):
        raise GoldenError(f"{place}, field {field!r}: must be there, as {_JSON[kind]}")
    return whole[field]


_JSON: Mapping[type, str] = {str: "a text", dict: "an object"}


def _load(path: Path) -> _File:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GoldenError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise GoldenError(f"{path}: is not JSON ({error})") from error
    cases, meta = (_part(data, str(path), field, dict) for field in ("cases", "meta"))
    fixture = _part(data, str(path), "fixture", dict) if "fixture" in data else {}
    if not cases:
        raise GoldenError(f"{path}, field 'cases': must hold one case or more")
    return _File(place=str(path), tolerance=_tolerance(str(path), meta), fixture=fixture, cases=cases)


def _tolerance(place: str, meta: Mapping[str, Any]) -> Tolerance:
    """As `meta` states it in words, such as `abs 1e-5 or rel 1e-4`; absent, the default."""
    if "tolerance" not in meta:
        return Tolerance()
    stated = dict(re.findall(r"\b(abs|rel) +(\d[\d.]*(?:e[-+]?\d+)?)", str(meta["tolerance"])))
    if not stated:
        raise GoldenError(f"{place}, field 'meta.tolerance': must read like 'abs 1e-5 or rel 1e-4'")
    return Tolerance(absolute=float(stated.get("abs", 0)), relative=float(stated.get("rel", 0)))
