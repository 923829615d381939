"""Numbers by turn: which turns there are, what each was paid, where it ends, and what a critic says of it."""

import numpy as np

from infopo.algorithms.base import Bools, CreditBatch, Floats
from infopo.core import InfopoError


def turn_mask(batch: CreditBatch) -> Bools:
    """Which turns `[N, T]` an episode has."""
    counts = np.array([len(spans) for spans in batch.action_spans], dtype=np.int64)
    mask: Bools = np.arange(counts.max(initial=0))[None, :] < counts[:, None]
    return mask


def paid_turns(batch: CreditBatch, *, overwrite_last: bool = False) -> tuple[Floats, Bools]:
    """What each turn `[N, T]` was paid, 0 where it has no reward, and which turns have one.

    Rewards are the environment's. An episode without a scored turn, as under the reward scheme `outcome`, has its
    outcome as the reward of its last turn, and none before. `overwrite_last`: every last turn has the outcome instead
    of its own reward, as in the released code of InfoPO.
    """
    turns = turn_mask(batch)
    paid, scored = np.zeros(turns.shape), np.zeros_like(turns)
    if batch.turn_rewards is not None and batch.turn_reward_mask is not None:
        scored = batch.turn_reward_mask[:, : turns.shape[1]] & turns
        paid = np.where(scored, batch.turn_rewards[:, : turns.shape[1]], 0.0)
    for row, spans in enumerate(batch.action_spans):
        if spans and (overwrite_last or not scored[row].any()):
            paid[row, len(spans) - 1], scored[row, len(spans) - 1] = batch.outcome[row], True
    return paid, scored


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
