"""Two values side by side: numbers within a tolerance, everything else equal."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Stands for a value of `expected` that the package has no function for, with the reason."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """A number agrees within `absolute`, or within `relative` of the expected one."""

    absolute: float = 1e-5
    relative: float = 1e-4

    def agrees(self, difference: float, expected: float) -> bool:
        """Whether a difference is small enough; one that is not a number never is."""
        return difference <= max(self.absolute, self.relative * abs(expected))


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One compared value: where it stands, how far apart, and whether that is within the tolerance."""

    path: str
    size: float
    agrees: bool


def differences(path: str, found: Any, expected: Any, tolerance: Tolerance) -> Iterator[Difference]:
    """Every value inside `expected` against the same place in `found`. None is what could not be measured."""
    if hasattr(found, "tolist"):
        found = found.tolist()
    if isinstance(expected, Mapping):
        known = found if isinstance(found, Mapping) else {}
        for name, value in expected.items():
            yield from differences(f"{path}.{name}", known.get(name), value, tolerance)
    elif isinstance(expected, list):
        if not isinstance(found, (list, tuple)) or len(found) != len(expected):
            yield Difference(path=path, size=math.inf, agrees=False)
            return
        for index, value in enumerate(expected):
            yield from differences(f"{path}[{index}]", found[index], value, tolerance)
    elif _is_number(expected) and _is_number(found):
        size = abs(float(found) - float(expected))
        yield Difference(path=path, size=size, agrees=tolerance.agrees(size, float(expected)))
    else:
        unmeasured = expected is None and isinstance(found, float) and math.isnan(found)
        same = unmeasured or (type(found) is type(expected) and found == expected)
        yield Difference(path=path, size=0.0 if same else math.inf, agrees=same)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
