"""Batches for credit, by hand and at random, and what each method promises."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from infopo.algorithms import CreditBatch
from infopo.core import Span

GOLDEN = Path(__file__).parents[3] / "shared" / "golden" / "golden_advantages.json"

# One name a line. Methods whose statistics run over the whole batch: a group is not credited by itself.
BATCH_WIDE = {
    "infopo-official",
    "reinforce++",
    "starpo-s",
    "bi-level-gae",
    "turn-ppo",
}
# Methods whose advantages depend on how many policy tokens there are.
COUNTS_TOKENS = {
    "infopo-official",
    "reinforce++",
    "userrl",
    "starpo-s",
    "bi-level-gae",
    "turn-ppo",
    "collabllm",
}
# Methods that give a group of one something by its outcome.
KEEPS_SINGLETONS = {
    "infopo-official",
    "reinforce++",
    "starpo-s",
    "bi-level-gae",
    "turn-ppo",
    "gigpo",  # steps of one episode from the same state are compared with each other
}

SCORES = st.floats(0, 1, allow_nan=False).map(lambda value: round(value, 3))
GAINS = st.one_of(st.none(), st.floats(-5, 5, allow_nan=False).map(lambda value: round(value, 3)))
REWARDS = st.one_of(st.none(), SCORES)


@pytest.fixture(scope="session")
def golden_file() -> Path:
    if not GOLDEN.is_file():
        pytest.skip("the golden advantages are not beside the checkout (../shared/golden/golden_advantages.json)")
    return GOLDEN


def make_batch(
    group: Sequence[int],
    outcome: Sequence[float],
    spans: Sequence[Sequence[tuple[int, int]]],
    gains: Sequence[Sequence[float | None]] | None = None,
    *,
    rewards: Sequence[Sequence[float | None]] | None = None,
    length: int | None = None,
) -> CreditBatch:
    """A batch in which exactly the action tokens are sampled; NaN stands wherever a gain or a reward is missing."""
    ends = [end for row in spans for _, end in row]
    sampled = np.zeros((len(group), max(ends, default=0) if length is None else length), dtype=np.bool_)
    for row, actions in enumerate(spans):
        for start, end in actions:
            sampled[row, start:end] = True
    signals, masks = {}, {}
    if gains is not None:
        signals["gain"], masks["gain"] = per_turn(gains)
    paid, scored = (None, None) if rewards is None else per_turn(rewards)
    return CreditBatch(
        group=np.array(group, dtype=np.int64),
        sampled=sampled,
        action_spans=tuple(tuple(Span(start=start, end=end) for start, end in row) for row in spans),
        outcome=np.array(outcome, dtype=np.float64),
        signals=signals,
        signal_masks=masks,
        turn_rewards=paid,
        turn_reward_mask=scored,
        names=tuple(f"episode {row}" for row in range(len(group))),
    )


def per_turn(rows: Sequence[Sequence[float | None]]) -> tuple[np.ndarray, np.ndarray]:
    """Values and mask `[N, T]` of ragged rows; NaN stands where one is missing."""
    values = np.full((len(rows), max((len(row) for row in rows), default=0)), np.nan)
    for row, given in enumerate(rows):
        for turn, value in enumerate(given):
            values[row, turn] = np.nan if value is None else value
    return values, ~np.isnan(values)


@st.composite
def batches(draw: st.DrawFn, least: int = 1) -> CreditBatch:
    """Up to eight episodes of up to three groups, one to four turns each, with everything that a method may need.

    Some turns have no gain, belief or reward.
    """
    count = draw(st.integers(least, 8))
    turns = [draw(st.integers(1, 4)) for _ in range(count)]
    spans = []
    for number in turns:
        position, row = draw(st.integers(0, 3)), []
        for _ in range(number):
            width = draw(st.integers(1, 3))
            row.append((position, position + width))
            position += width + draw(st.integers(0, 2))
        spans.append(row)
    rewards = [[draw(REWARDS) for _ in range(number)] for number in turns]
    plain = make_batch(
        [draw(st.integers(0, 2)) for _ in range(count)],
        [draw(SCORES) for _ in range(count)],
        spans,
        [[draw(GAINS) for _ in range(number)] for number in turns],
        rewards=rewards,
    )
    beliefs, believed = per_turn([[draw(GAINS) for _ in range(number)] for number in turns])
    values = np.random.default_rng(draw(st.integers(0, 99))).random(plain.sampled.shape)
    return replace(
        plain,
        signals={**plain.signals, "belief": beliefs},
        signal_masks={**plain.signal_masks, "belief": believed},
        state_keys=tuple(
            ("start", *draw(st.lists(st.sampled_from("ab"), min_size=n - 1, max_size=n - 1))) for n in turns
        ),
        values=values,
    )


def take(batch: CreditBatch, rows: list[int]) -> CreditBatch:
    """Some rows of a batch, in this order."""
    return replace(
        batch,
        group=batch.group[rows],
        sampled=batch.sampled[rows],
        action_spans=tuple(batch.action_spans[row] for row in rows),
        outcome=batch.outcome[rows],
        signals={name: values[rows] for name, values in batch.signals.items()},
        signal_masks={name: mask[rows] for name, mask in batch.signal_masks.items()},
        turn_rewards=None if batch.turn_rewards is None else batch.turn_rewards[rows],
        turn_reward_mask=None if batch.turn_reward_mask is None else batch.turn_reward_mask[rows],
        state_keys=None if batch.state_keys is None else tuple(batch.state_keys[row] for row in rows),
        values=None if batch.values is None else batch.values[rows],
        names=tuple(batch.names[row] for row in rows),
    )


def no_signals(batch: CreditBatch) -> CreditBatch:
    """The batch with every signal missing."""
    return replace(batch, signal_masks={name: np.zeros_like(mask) for name, mask in batch.signal_masks.items()})
