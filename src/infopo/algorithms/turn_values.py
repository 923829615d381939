"""Numbers by turn: which turns there are, what each was paid, and how a number a turn becomes one a token."""

import numpy as np

from infopo.algorithms.base import Bools, CreditBatch, Floats
from infopo.core import InfopoError, UserError


def turn_mask(batch: CreditBatch) -> Bools:
    """Which turns `[N, T]` an episode has."""
    counts = np.array([len(spans) for spans in batch.action_spans], dtype=np.int64)
    mask: Bools = np.arange(counts.max(initial=0))[None, :] < counts[:, None]
    return mask


def paid_turns(batch: CreditBatch) -> Floats:
    """What each turn `[N, T]` was paid: the environment's turn rewards, 0 for a turn that it did not score.

    An episode without a scored turn, as under the outcome scheme, is paid its outcome on its last turn.
    """
    paid, scored = _rewards(batch)
    for row, spans in enumerate(batch.action_spans):
        if spans and not scored[row].any():
            paid[row, len(spans) - 1] = batch.outcome[row]
    return paid


def scored_turns(batch: CreditBatch, name: str) -> tuple[Floats, Bools]:
    """The environment's turn rewards `[N, T]`, 0 where it did not score the turn, and which it scored.

    Raises `UserError`, with the method's `name`, where it scored no turn at all.
    """
    rewards, scored = _rewards(batch)
    if scored.size and not scored.any():
        raise UserError(
            f"{name} needs turn rewards, and no turn of this batch has one; use an environment or an option that scores"
            " turns, such as --env-options.reward upstream, or another method"
        )
    return rewards, scored


def on_actions(batch: CreditBatch, values: Floats) -> Floats:
    """One value a turn `[N, T]` onto the sampled tokens of its action `[N, L]`; 0 elsewhere."""
    found = np.zeros(batch.sampled.shape, dtype=np.float64)
    for row, spans in enumerate(batch.action_spans):
        for turn, span in enumerate(spans):
            found[row, span.start : span.end] = values[row, turn]
    return np.where(batch.sampled, found, 0.0)


def action_ends(batch: CreditBatch) -> Bools:
    """The last sampled token `[N, L]` of every action."""
    ends = np.zeros(batch.sampled.shape, dtype=np.bool_)
    for row, spans in enumerate(batch.action_spans):
        for span in spans:
            places = np.flatnonzero(batch.sampled[row, span.start : span.end])
            if places.size:
                ends[row, span.start + places[-1]] = True
    return ends


def critic_values(batch: CreditBatch, name: str) -> Floats:
    """The critic's values `[N, L]`; raises `InfopoError` where the batch has none."""
    if batch.values is None and batch.sampled.size:
        raise InfopoError(f"{name} needs a critic's values in its batch")
    return np.zeros(batch.sampled.shape) if batch.values is None else batch.values


def token_costs(batch: CreditBatch) -> Floats:
    """What a KL in the reward costs each token `[N, L]`; 0 without one."""
    return np.zeros(batch.sampled.shape) if batch.token_penalty is None else batch.token_penalty


def _rewards(batch: CreditBatch) -> tuple[Floats, Bools]:
    """Turn rewards, 0 where there is none, and which there are, both `[N, T]` for the turns that the batch has."""
    turns = turn_mask(batch)
    if batch.turn_rewards is None or batch.turn_reward_mask is None:
        return np.zeros(turns.shape), np.zeros_like(turns)
    scored = batch.turn_reward_mask[:, : turns.shape[1]]
    return np.where(scored, batch.turn_rewards[:, : turns.shape[1]], 0.0), scored
