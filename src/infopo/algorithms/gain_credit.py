"""From the gains of turns to credit on tokens: what the methods of the gain share."""

import math

import numpy as np

from infopo.algorithms.base import Bools, CreditBatch, Floats
from infopo.algorithms.group_stats import members, zscore
from infopo.algorithms.turn_values import turn_mask
from infopo.core import InfopoError


def measured_gains(
    batch: CreditBatch, method: str, *, own_length: bool = False, bound: float | None = None
) -> tuple[Floats, Bools]:
    """The gains `[N, T]` and which are there; 0 where there is none.

    `own_length` divides each by the tokens of the action that it credits, a second length division; `bound` keeps the
    gains within +-bound. Raises `InfopoError` where the batch has no gains at all.
    """
    if "gain" not in batch.signals:
        raise InfopoError(f"{method} needs the signal 'gain' in its batch; compute infopo.information_gain first")
    mask = batch.signal_masks["gain"]
    gains: Floats = np.where(mask, batch.signals["gain"], 0.0)
    if bound is not None:
        gains = gains.clip(-bound, bound)
    if own_length:
        for row, spans in enumerate(batch.action_spans):
            for turn, span in enumerate(spans):
                gains[row, turn] /= max(len(span), 1)
    return gains, mask


def scores_by_turn(gains: Floats, mask: Bools, batch: CreditBatch, *, epsilon: float, divide: bool) -> Floats:
    """Standard scores `[N, T]` among the scored turns of each group, each turn once; 0 where there is no gain."""
    scores = np.zeros(mask.shape, dtype=np.float64)
    for rows in members(batch.group):
        inside = np.zeros_like(mask)
        inside[rows] = mask[rows]
        scores[inside] = zscore(gains[inside], epsilon=epsilon, divide=divide)
    return scores


def nonzero(tokens: Floats, batch: CreditBatch) -> list[Bools]:
    """For each group the policy tokens `[N, L]` of its episodes whose value is not exactly 0."""
    inside = []
    for rows in members(batch.group):
        here = np.zeros(tokens.shape, dtype=np.bool_)
        here[rows] = batch.sampled[rows] & (tokens[rows] != 0)
        inside.append(here)
    return inside


def scores_by_token(tokens: Floats, batch: CreditBatch, *, epsilon: float, divide: bool) -> Floats:
    """Standard scores `[N, L]` among the `nonzero` tokens of each group; the other tokens stay 0.

    A turn counts as often as it has tokens, and a measured gain of 0 as missing: the statistics of the released code.
    """
    scores = np.zeros_like(tokens)
    for inside in nonzero(tokens, batch):
        scores[inside] = zscore(tokens[inside], epsilon=epsilon, divide=divide)
    return scores


def on_actions(values: Floats, batch: CreditBatch, *, later: int = 0) -> Floats:
    """One value a turn `[N, T]` onto the policy tokens `[N, L]` of its action, or of the action `later` turns on."""
    tokens = np.zeros(batch.sampled.shape, dtype=np.float64)
    for row, spans in enumerate(batch.action_spans):
        for turn, span in enumerate(spans[later:]):
            tokens[row, span.start : span.end] = values[row, turn]
    return np.where(batch.sampled, tokens, 0.0)


def expected_totals(batch: CreditBatch, totals: Floats) -> Floats:
    """The total `[N]` that the other episodes of its group let one expect of an episode before each action `[N, T]`.

    The least-squares line of their totals over the number of scored answers before each of their actions: a point an
    action, so that long episodes weigh more. One unit is added to the squares: few points draw a flatter line. Without
    others that acted, an episode's own total.
    """
    turns = turn_mask(batch)
    mask = batch.signal_masks["gain"][:, : turns.shape[1]]
    told = np.cumsum(mask, axis=1, dtype=np.float64) - mask
    found = np.repeat(totals[:, None], turns.shape[1], axis=1)
    for rows in members(batch.group):
        for row in rows:
            others = rows[rows != row]
            inside = turns[others]
            if inside.any():
                answers, worth = told[others][inside], np.broadcast_to(totals[others, None], inside.shape)[inside]
                apart = answers - answers.mean()
                slope = float(apart @ worth) / (float(apart @ apart) + 1.0)
                found[row] = worth.mean() + slope * (told[row] - answers.mean())
    return found


def magnitude_ratio(outcome: Floats, intrinsic: Floats, sampled: Bools, epsilon: float) -> float:
    """`min(1, max(s_outcome, 1) / s_intrinsic)`, s the deviations over all policy tokens of the batch."""
    s_outcome, s_intrinsic = (token_deviation(part, sampled, epsilon) for part in (outcome, intrinsic))
    return min(1.0, max(s_outcome, 1.0) / s_intrinsic)


def token_deviation(tokens: Floats, sampled: Bools, epsilon: float) -> float:
    """The standard deviation (n - 1) over policy tokens, 0 for fewer than two; plus epsilon."""
    return (float(tokens[sampled].std(ddof=1)) if sampled.sum() > 1 else 0.0) + epsilon


def gate(sigma: float, temperature: float) -> float:
    """`sigmoid(-sigma / temperature)`: 1/2 for a group of equal outcomes.

    >>> gate(0.0, 0.5), round(gate(1.0, 0.5), 4)
    (0.5, 0.1192)
    """
    small = math.exp(-sigma / temperature)
    return small / (1 + small)
