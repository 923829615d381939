"""Batches that hold everything a method may ask for, with junk wherever a mask says that nothing was measured."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from infopo.algorithms import CreditBatch

from .conftest import make_batch

SCORES = st.floats(0, 1, allow_nan=False).map(lambda value: round(value, 3))
NUMBERS = st.floats(-3, 3, allow_nan=False).map(lambda value: round(value, 3))


def full_batch(
    group: Sequence[int],
    outcome: Sequence[float],
    spans: Sequence[Sequence[tuple[int, int]]],
    *,
    beliefs: Sequence[Sequence[float | None]] | None = None,
    rewards: Sequence[Sequence[float | None]] | None = None,
    keys: Sequence[Sequence[str | None]] | None = None,
    values: Any = None,
    junk: float = np.nan,
) -> CreditBatch:
    """`make_batch` with beliefs, turn rewards, state keys and a critic's values; what is left out is made up."""
    batch = make_batch(group, outcome, spans)
    turns = max(map(len, spans), default=0)

    def by_turn(given: Sequence[Sequence[float | None]]) -> tuple[Any, Any]:
        found = np.full((len(group), turns), junk)
        mask = np.zeros(found.shape, dtype=bool)
        for row, numbers in enumerate(given):
            for turn, number in enumerate(numbers):
                if number is not None:
                    found[row, turn], mask[row, turn] = number, True
        return found, mask

    belief = by_turn(beliefs or [[-1.0 - 0.1 * turn for turn in range(len(row))] for row in spans])
    reward = by_turn(rewards or [[0.5] * len(row) for row in spans])
    made_up = np.where(batch.sampled, 0.1 * np.arange(batch.sampled.shape[1])[None, :], junk)
    return replace(
        batch,
        signals={"belief": belief[0]},
        signal_masks={"belief": belief[1]},
        turn_rewards=reward[0],
        turn_reward_mask=reward[1],
        state_keys=tuple(tuple(row) for row in keys or [[f"s{k}" for k in range(len(row))] for row in spans]),
        values=made_up if values is None else np.array(values, dtype=float),
    )


@st.composite
def full_batches(draw: st.DrawFn) -> CreditBatch:
    """Up to seven episodes of up to three groups, one to four turns each; the first turn of the first is scored."""
    count = draw(st.integers(1, 7))
    turns = [draw(st.integers(1, 4)) for _ in range(count)]
    spans = []
    for number in turns:
        position, row = draw(st.integers(0, 2)), []
        for _ in range(number):
            width = draw(st.integers(1, 3))
            row.append((position, position + width))
            position += width + draw(st.integers(0, 2))
        spans.append(row)
    rewards = [[draw(st.one_of(st.none(), NUMBERS)) for _ in range(number)] for number in turns]
    rewards[0][0] = draw(NUMBERS)
    length = max(end for row in spans for _, end in row)
    return full_batch(
        [draw(st.integers(0, 2)) for _ in range(count)],
        [draw(SCORES) for _ in range(count)],
        spans,
        beliefs=[[draw(st.one_of(st.none(), NUMBERS)) for _ in range(number)] for number in turns],
        rewards=rewards,
        keys=[["start", *(draw(st.sampled_from(["a", "b"])) for _ in range(number - 1))] for number in turns],
        values=draw(st.lists(st.lists(NUMBERS, min_size=length, max_size=length), min_size=count, max_size=count)),
    )


def take(batch: CreditBatch, rows: Sequence[int]) -> CreditBatch:
    """Some rows of a batch, in this order."""
    chosen = list(rows)
    return replace(
        batch,
        group=batch.group[chosen],
        sampled=batch.sampled[chosen],
        action_spans=tuple(batch.action_spans[row] for row in chosen),
        outcome=batch.outcome[chosen],
        signals={name: values[chosen] for name, values in batch.signals.items()},
        signal_masks={name: mask[chosen] for name, mask in batch.signal_masks.items()},
        turn_rewards=None if batch.turn_rewards is None else batch.turn_rewards[chosen],
        turn_reward_mask=None if batch.turn_reward_mask is None else batch.turn_reward_mask[chosen],
        state_keys=None if batch.state_keys is None else tuple(batch.state_keys[row] for row in chosen),
        values=None if batch.values is None else batch.values[chosen],
    )


def padded(batch: CreditBatch, junk: float) -> CreditBatch:
    """The same batch with three more columns of tokens and two of turns, in which nothing is measured."""

    def wider(values: Any, more: int, fill: Any) -> Any:
        return np.concatenate([values, np.full((len(values), more), fill)], axis=1)

    return replace(
        batch,
        sampled=wider(batch.sampled, 3, False),
        signals={name: wider(values, 2, junk) for name, values in batch.signals.items()},
        signal_masks={name: wider(mask, 2, False) for name, mask in batch.signal_masks.items()},
        turn_rewards=wider(batch.turn_rewards, 2, junk),
        turn_reward_mask=wider(batch.turn_reward_mask, 2, False),
        values=wider(batch.values, 3, junk),
    )
