"""Checks of a method's options: what is wrong, by method and option, as `UserError`."""

import math
from collections.abc import Sequence
from typing import Any

from infopo.core import UserError


def check_choice(method: str, name: str, value: Any, known: Sequence[str]) -> None:
    """Refuse a word that is not one of `known`."""
    if value not in known:
        words = " or ".join(repr(word) for word in known)
        raise UserError(f"{method}: {name} must be {words}, got {value!r}")


def check_flag(method: str, name: str, value: Any) -> None:
    """Refuse what is neither true nor false."""
    if not isinstance(value, bool):
        raise UserError(f"{method}: {name} must be true or false, got {value!r}")


def check_number(
    method: str,
    name: str,
    value: Any,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    whole: bool = False,
) -> None:
    """Refuse what is no finite number (or, if `whole`, no integer), outside [least, most], or not above `above`."""
    kind = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kind) or not math.isfinite(value):
        raise UserError(f"{method}: {name} must be a {'whole' if whole else 'finite'} number, got {value!r}")
    if value < least:
        raise UserError(
            f"{method}: {name} must be {'not negative' if least == 0 else f'at least {least}'}, got {value!r}"
        )
    if value <= above:
        raise UserError(f"{method}: {name} must be {'positive' if above == 0 else f'above {above}'}, got {value!r}")
    if value > most:
        raise UserError(f"{method}: {name} must be at most {most}, got {value!r}")
