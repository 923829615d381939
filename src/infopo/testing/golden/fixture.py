"""The inputs of a golden case: read field by field, and laid out as the `CreditBatch` that training would see."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infopo.algorithms import CreditBatch
from infopo.core import Span, UserError

Floats = NDArray[np.float64]
_REQUIRED: Any = object()


class GoldenError(UserError):
    """A golden file that cannot be run; the text names the file, the case and the field."""


class Inputs:
    """The inputs of one case. A field that no handler read is an unknown one: see `unread`.

    `shared` looks in the case first, then in the file's fixture where the case says `"use": "fixture"`. Of `expected`
    only the shape is looked at: see `expected_width`.
    """

    def __init__(
        self, place: str, given: Mapping[str, Any], fixture: Mapping[str, Any], expected: Mapping[str, Any]
    ) -> None:
        self.place = place
        self._given = given
        self._expected = expected
        self._read: set[str] = set()
        used = self.get("use", None)
        if used not in (None, "fixture"):
            raise self.error("use", f"must be 'fixture' or absent, got {used!r}")
        self._fixture = fixture if used else {}

    def error(self, field: str, says: str) -> GoldenError:
        """What is wrong with a field, as an error to raise."""
        return GoldenError(f"{self.place}, field {field!r}: {says}")

    def __contains__(self, field: str) -> bool:
        return field in self._given

    def unread(self) -> list[str]:
        """Fields that nothing asked for."""
        return [field for field in self._given if field not in self._read]

    def get(self, field: str, default: Any = _REQUIRED) -> Any:
        """The field as it stands in the case; raises `GoldenError` where it is absent and has no default."""
        self._read.add(field)
        if field in self._given:
            return self._given[field]
        if default is _REQUIRED:
            raise self.error(field, "is missing")
        return default

    def shared(self, field: str, default: Any = _REQUIRED) -> Any:
        """The field of the case, or else of the fixture that it uses."""
        if field not in self._given and field in self._fixture:
            return self._fixture[field]
        return self.get(field, default)

    def named(self, field: str, default: Any = _REQUIRED) -> Any:
        """A field that holds either the value or the name of the shared field that does."""
        found = self.get(field, default)
        return self.shared(found) if isinstance(found, str) else found

    def stated_length(self, *, temperature: bool) -> int:
        """The padded length `T` of the case, or else of the fixture that it uses; 0 where neither states one.

        `temperature`: in cases of this method `T` is that, and only the fixture's is a length.
        """
        own = 0 if temperature else self.number("T", 0)
        return int(own or self._fixture.get("T", 0))

    def expected_width(self, rows: int) -> int:
        """The width of the widest table of `rows` equal rows in `expected`; 0 where there is none."""
        tables = [
            {len(row) for row in table}
            for table in self._expected.values()
            if isinstance(table, list) and len(table) == rows and all(isinstance(row, list) for row in table)
        ]
        return max((max(widths) for widths in tables if len(widths) == 1), default=0)

    def number(self, field: str, default: Any = _REQUIRED) -> Any:
        """A finite number, or the default as it is."""
        found = self.get(field, default)
        if found is default:
            return found
        if isinstance(found, bool) or not isinstance(found, (int, float)) or not math.isfinite(found):
            raise self.error(field, f"must be a finite number, got {found!r}")
        return found

    def flag(self, field: str, default: Any = _REQUIRED) -> bool:
        """True or false."""
        found = self.get(field, default)
        if not isinstance(found, bool):
            raise self.error(field, f"must be true or false, got {found!r}")
        return found

    def choice(self, field: str, known: Sequence[str], default: Any = _REQUIRED) -> Any:
        """One of a few words."""
        found = self.get(field, default)
        if found not in known:
            raise self.error(field, f"must be one of {', '.join(known)}, got {found!r}")
        return found

    def array(self, field: str, dimensions: int = 1, *, given: Any = None) -> Floats:
        """Finite numbers, `dimensions` deep and rectangular; `given` instead of what the field itself holds."""
        found = self.get(field) if given is None else given
        try:
            values = np.array(found, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise self.error(field, f"must hold numbers in equal rows: {error}") from error
        if values.ndim != dimensions or not np.isfinite(values).all():
            raise self.error(field, f"must hold finite numbers, {dimensions} deep")
        return values


def batch_of(
    inputs: Inputs,
    *,
    outcome: Any = None,
    turn_rewards: Any = None,
    signals: Mapping[str, Any] | None = None,
    temperature: bool = False,
) -> CreditBatch:
    """The batch of a case: its groups, spans and mask, with the values given.

    `outcome` one number an episode (absent: 0); `turn_rewards` and each of `signals` one an action, None: missing.
    An episode without `turns_action_obs` is one action of one token. Groups are numbered as they first appear. The
    padded length is that of the mask, or else `T` (unless it is a `temperature`), or else that of what is expected.
    """
    names = group_names(inputs)
    spans, end = _spans(inputs, len(names))
    stated, mask = inputs.stated_length(temperature=temperature), inputs.shared("mask", None)
    if mask is None:
        laid_out = inputs.shared("turns_action_obs", None) is not None
        length = stated or (inputs.expected_width(len(names)) if laid_out else 0)
        sampled = np.zeros((len(names), max(length, end)), dtype=np.bool_)
        for row, actions in enumerate(spans):
            for action in actions:
                sampled[row, action.start : action.end] = True
    else:
        sampled = inputs.array("mask", 2, given=mask) > 0
        if sampled.shape[0] != len(names) or sampled.shape[1] < max(stated, end):
            raise inputs.error("mask", f"must be {len(names)} rows of {max(stated, end)} or more, got {sampled.shape}")
    score = np.zeros(len(names)) if outcome is None else inputs.array("outcome", given=outcome)
    if score.shape != (len(names),):
        raise inputs.error("outcome", f"must be {len(names)} numbers, one an episode, got {score.size}")
    rewards = None if turn_rewards is None else per_turn(inputs, "turn_rewards", turn_rewards, spans)
    measured = {name: per_turn(inputs, name, given, spans) for name, given in (signals or {}).items()}
    unique = list(dict.fromkeys(names))
    return CreditBatch(
        group=np.array([unique.index(name) for name in names], dtype=np.int64),
        sampled=sampled,
        action_spans=spans,
        outcome=score,
        turn_rewards=None if rewards is None else rewards[0],
        turn_reward_mask=None if rewards is None else rewards[1],
        signals={name: values for name, (values, _) in measured.items()},
        signal_masks={name: mask for name, (_, mask) in measured.items()},
    )


def group_names(inputs: Inputs) -> list[str]:
    """The group of each episode, as the file names it."""
    index = inputs.shared("index")
    if not isinstance(index, list) or not index:
        raise inputs.error("index", "must be a list: the group of each episode")
    return [str(name) for name in index]


def per_turn(
    inputs: Inputs, field: str, given: Any, spans: Sequence[Sequence[Span]]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Values and mask `[N, T]` of ragged rows, one value an action; None is missing."""
    widths = [len(row) for row in spans]
    if not isinstance(given, list) or [len(row) for row in given if isinstance(row, list)] != widths:
        raise inputs.error(field, f"must hold one value an action, in rows of {widths}")
    values = np.full((len(spans), max(widths, default=0)), np.nan)
    for row, numbers in enumerate(given):
        values[row, : len(numbers)] = [
            math.nan if value is None else _finite(inputs, field, value) for value in numbers
        ]
    return values, ~np.isnan(values)


def ragged(values: Any, spans: Sequence[Sequence[Span]]) -> list[list[float]]:
    """Rows `[N, T]` cut to the actions that each episode has."""
    return [list(row[: len(actions)]) for row, actions in zip(values, spans, strict=True)]


def _finite(inputs: Inputs, field: str, value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise inputs.error(field, f"must hold finite numbers or null, got {value!r}")
    return float(value)


def _spans(inputs: Inputs, count: int) -> tuple[tuple[tuple[Span, ...], ...], int]:
    """The action spans of each episode, and where the last one ends: actions and answers follow one another from 0."""
    turns = inputs.shared("turns_action_obs", None)
    if turns is None:
        return ((Span(start=0, end=1),),) * count, 1
    try:
        widths = [[(int(action), int(answer)) for action, answer in row] for row in turns]
    except (TypeError, ValueError) as error:
        raise inputs.error("turns_action_obs", f"must hold pairs of token counts: {error}") from error
    if len(widths) != count or any(part < 0 for row in widths for pair in row for part in pair):
        raise inputs.error("turns_action_obs", f"must hold {count} rows of pairs of token counts")
    spans, ends = [], []
    for row in widths:
        position, actions = 0, []
        for action, answer in row:
            actions.append(Span(start=position, end=position + action))
            position += action + answer
        spans.append(tuple(actions))
        ends.append(position)
    return tuple(spans), max(ends)
