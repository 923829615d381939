"""What a critic's values make of rewards: generalised advantage estimation by token, by turn and on both levels.

`delta_k = r_k + gamma V_{k+1} - V_k`, `A_k = delta_k + gamma lam A_{k+1}`, return `A_k + V_k` (arXiv 1506.02438).
What "next" means is the difference: the next position, the next token that the policy wrote, or its next turn.
"""

import numpy as np

from infopo.algorithms.base import Bools, Credit, CreditBatch, Floats
from infopo.algorithms.group_stats import group_metrics

WHITEN_EPSILON = 1e-8  # added to the variance


def gae(rewards: Floats, values: Floats, *, gamma: float, lam: float) -> tuple[Floats, Floats]:
    """Advantages and returns `[N, L]` over all positions, as in a trainer that does not know turns.

    Values of observation and padding tokens leak into the policy's: here for comparison, no method uses it.
    """
    return masked_gae(rewards, values, np.ones(rewards.shape, dtype=np.bool_), gamma=gamma, lam=lam)


def masked_gae(rewards: Floats, values: Floats, mask: Bools, *, gamma: float, lam: float) -> tuple[Floats, Floats]:
    """Advantages and returns `[N, L]` over the tokens of `mask`, 0 elsewhere: the next value is that of the next one.

    >>> reward, value = np.array([[0.0, 9.0, 1.0]]), np.array([[0.5, 9.0, 0.8]])
    >>> masked_gae(reward, value, np.array([[True, False, True]]), gamma=1.0, lam=1.0)[0].round(4).tolist()
    [[0.5, 0.0, 0.2]]
    """
    advantages = np.zeros(rewards.shape, dtype=np.float64)
    for row, chosen in enumerate(mask):
        places = np.flatnonzero(chosen)
        advantages[row, places] = _backwards(rewards[row, places], values[row, places], gamma, lam)
    return advantages, np.where(mask, advantages + values, 0.0)


def turn_gae(rewards: Floats, values: Floats, *, gamma: float, lam: float) -> Floats:
    """Advantages `[T]` of the turns of one episode from their rewards and the values of the states before them."""
    return _backwards(rewards, values, gamma, lam)


def bi_level_gae(
    rewards: Floats,
    values: Floats,
    mask: Bools,
    turn_ends: Bools | None = None,
    *,
    gamma: float,
    lam: float,
    gamma_high: float,
) -> tuple[Floats, Floats]:
    """Advantages and returns `[N, L]`: first from turn to turn, then inside each turn ("RAGEN", arXiv 2504.20073).

    High: over the last tokens of turns, with `gamma_high`; advantage plus value is what the turn is worth. Low: inside
    a turn that worth stands in place of the reward of its last token, after which nothing follows.
    `turn_ends` `[N, L]` marks those tokens. None: the released rule, by which a reward of exactly 0 ends no turn. The
    last token of an episode always ends one.
    """
    advantages = np.zeros(rewards.shape, dtype=np.float64)
    marked = rewards != 0 if turn_ends is None else turn_ends
    for row, chosen in enumerate(mask):
        places = np.flatnonzero(chosen)
        ends = [int(place) for place in places if marked[row, place] or place == places[-1]]
        high = _backwards(rewards[row, ends], values[row, ends], gamma_high, lam)
        start = 0
        for end, advantage in zip(ends, high, strict=True):
            inside = places[(places >= start) & (places <= end)]
            paid = rewards[row, inside].copy()
            paid[-1] = advantage + values[row, end]
            advantages[row, inside] = _backwards(paid, values[row, inside], gamma, lam)
            start = end + 1
    return advantages, np.where(mask, advantages + values, 0.0)


def whiten(values: Floats, mask: Bools) -> Floats:
    """The values of `mask` `[N, L]` with mean 0 and variance 1 (n - 1, plus 1e-8); 0 elsewhere, and for fewer than two.

    >>> whiten(np.array([[1.0, 7.0, 3.0]]), np.array([[True, False, True]])).round(4).tolist()
    [[-0.7071, 0.0, 0.7071]]
    """
    chosen = values[mask]
    found = np.zeros(values.shape, dtype=np.float64)
    if chosen.size > 1:
        found[mask] = (chosen - chosen.mean()) / np.sqrt(chosen.var(ddof=1) + WHITEN_EPSILON)
    return found


def whitened_credit(batch: CreditBatch, advantages: Floats, returns: Floats) -> Credit:
    """What a method with a critic hands back: its advantages `[N, L]` whitened over all policy tokens, the returns that
    the critic is to predict, and what the outcomes of the groups were like."""
    return Credit(
        advantages=whiten(advantages, batch.sampled),
        returns=returns,
        stats=group_metrics(batch.group, batch.outcome),
    )


def _backwards(rewards: Floats, values: Floats, gamma: float, lam: float) -> Floats:
    """Advantages `[n]` of a sequence after which nothing follows."""
    advantages = np.zeros(len(rewards), dtype=np.float64)
    following = following_value = 0.0
    for index in range(len(rewards) - 1, -1, -1):
        delta = rewards[index] + gamma * following_value - values[index]
        following, following_value = delta + gamma * lam * following, values[index]
        advantages[index] = following
    return advantages
