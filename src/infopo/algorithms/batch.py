"""From groups of episodes to the arrays that a method sees. Failed episodes are not in them."""

from collections.abc import Mapping, Sequence

import numpy as np

from infopo.algorithms.base import Bools, CreditBatch, Floats, Method
from infopo.core import Group, Trajectory


def credit_rows(groups: Sequence[Group]) -> tuple[Trajectory, ...]:
    """The episodes that `credit_batch` makes rows of, in its order: survivors of groups with at least two."""
    return tuple(trajectory for group in groups if len(group.survivors) >= 2 for trajectory in group.survivors)


def rows_with_gain(method: Method, groups: Sequence[Group]) -> set[int]:
    """Numbers of the `credit_rows(groups)` whose gains matter to `method`."""
    found: set[int] = set()
    start = 0
    for group in groups:
        episodes = credit_rows([group])
        if episodes and method.gain_matters(_outcomes(episodes)):
            found.update(range(start, start + len(episodes)))
        start += len(episodes)
    return found


def credit_batch(
    groups: Sequence[Group],
    signals: Mapping[str, Sequence[Sequence[float | None]]],
    *,
    values: Floats | None = None,
    token_penalty: Floats | None = None,
    epoch: int = 0,
    progress: float = 0.0,
) -> CreditBatch:
    """The batch `[N, ...]` of the surviving episodes of all groups with at least two; other groups give no row.

    `signals[name]` has one entry for each of `credit_rows(groups)`, in that order, and in it one value for each turn;
    None means not measured and is masked (the value under a mask is NaN, so that a method which looks shows it).
    Row i has group number j where it came from `groups[j]`. `values`, `token_penalty` `[N, L]`, `epoch` and `progress`
    are passed on; turn rewards and state keys come from the turns. Raises `ValueError` where a signal has other
    lengths.
    """
    rows = credit_rows(groups)
    numbers = [index for index, group in enumerate(groups) if len(group.survivors) >= 2 for _ in group.survivors]
    length = max((len(row.token_ids) for row in rows), default=0)
    sampled = np.zeros((len(rows), length), dtype=np.bool_)
    for index, row in enumerate(rows):
        sampled[index, : len(row.sampled)] = row.sampled
    turns = max((len(row.turns) for row in rows), default=0)
    measured = {name: _per_turn(name, rows, given, turns) for name, given in signals.items()}
    rewards, rewarded = _per_turn("reward", rows, [[turn.reward for turn in row.turns] for row in rows], turns)
    return CreditBatch(
        group=np.array(numbers, dtype=np.int64),
        sampled=sampled,
        action_spans=tuple(tuple(turn.action for turn in row.turns) for row in rows),
        outcome=_outcomes(rows),
        signals={name: found for name, (found, _) in measured.items()},
        signal_masks={name: mask for name, (_, mask) in measured.items()},
        turn_rewards=rewards,
        turn_reward_mask=rewarded,
        state_keys=tuple(_before([turn.state_key for turn in row.turns]) for row in rows),
        values=values,
        token_penalty=token_penalty,
        names=tuple(f"task {row.task_id}, episode {row.episode} of group {row.group_id}" for row in rows),
        epoch=epoch,
        progress=progress,
    )


def _outcomes(rows: Sequence[Trajectory]) -> Floats:
    return np.array([row.outcome.score for row in rows if row.outcome is not None], dtype=np.float64)


def _per_turn(
    name: str, rows: Sequence[Trajectory], given: Sequence[Sequence[float | None]], turns: int
) -> tuple[Floats, Bools]:
    """Values and mask `[N, T]` of one number a turn."""
    if len(given) != len(rows):
        raise ValueError(f"signal {name!r} has {len(given)} episodes for the {len(rows)} rows of credit_rows")
    values, mask = np.full((len(rows), turns), np.nan), np.zeros((len(rows), turns), dtype=np.bool_)
    for index, (row, measured) in enumerate(zip(rows, given, strict=True)):
        if len(measured) != len(row.turns):
            raise ValueError(f"signal {name!r}, task {row.task_id}: {len(measured)} values for {len(row.turns)} turns")
        for turn, value in enumerate(measured):
            if value is not None:
                values[index, turn] = value
                mask[index, turn] = True
    return values, mask


def _before(after: Sequence[str | None]) -> tuple[str | None, ...]:
    """A turn records the state behind its action; before the first one every episode of a task is in the same state."""
    return ("start", *after[:-1]) if after else ()
