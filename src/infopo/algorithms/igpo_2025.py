"""IGPO, the form of 2025: reward to go from each token, less its mean over the group at the same position.

`A[i, k] = G[i, k] - mean_j G[j, k]`, G the sum of all rewards at or behind token k: the gain in belief of turn t
(`igpo`) sits on the last token before action t + 1, the outcome on the last token of the last action. Tokens of one
turn get different baselines, and beyond its end an episode counts with 0: both as released. No deviation, no
discount. Published in "IGPO" (arXiv 2510.14967, first version; released code of November 2025). Of the loss only that
of February 2026 is known here: `as-published` takes it.
"""

from dataclasses import dataclass

import numpy as np

from infopo.algorithms.base import Credit, CreditBatch, Floats, Method
from infopo.algorithms.belief_gains import BELIEF_KINDS, BeliefKind, belief_gains, belief_metrics
from infopo.algorithms.group_stats import group_metrics, members
from infopo.algorithms.loss_config import LossConfig
from infopo.algorithms.option_checks import check_choice


@dataclass(frozen=True, slots=True, kw_only=True)
class IGPO2025Options:
    """`kind` of gain: prob_diff or log_prob_diff."""

    kind: BeliefKind = "prob_diff"

    def __post_init__(self) -> None:
        check_choice("igpo-2025", "kind", self.kind, BELIEF_KINDS)


def rewards_to_go(rewards: Floats) -> Floats:
    """`[N, L]`, for each token the sum of the rewards on it and behind it.

    >>> rewards_to_go(np.array([[1.0, 0.0, 2.0]])).tolist()
    [[3.0, 2.0, 2.0]]
    """
    return np.cumsum(rewards[:, ::-1], axis=1)[:, ::-1]


def less_position_mean(group: np.ndarray, values: Floats) -> Floats:
    """`[N, L]` less the mean over the row's group at the same position."""
    found = np.zeros_like(values)
    for rows in members(group):
        found[rows] = values[rows] - values[rows].mean(axis=0)
    return found


def make(options: IGPO2025Options) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        gains, mask = belief_gains(batch, options.kind, name="igpo-2025")
        rewards = np.zeros(batch.sampled.shape, dtype=np.float64)
        for row, spans in enumerate(batch.action_spans):
            for turn, span in enumerate(spans[1:]):
                rewards[row, span.start - 1] += gains[row, turn]
            if spans:
                rewards[row, spans[-1].end - 1] += batch.outcome[row]
        advantages = less_position_mean(batch.group, rewards_to_go(rewards))
        return Credit(
            advantages=np.where(batch.sampled, advantages, 0.0),
            stats=belief_metrics(gains, mask) | group_metrics(batch.group, batch.outcome),
        )

    return Method(
        name="igpo-2025",
        summary="gain in belief and outcome to go from each token, less the group's mean at its position",
        credit=credit,
        needs=frozenset({"reference_answer"}),
        loss=LossConfig(kl_coefficient=0.001, entropy_coefficient=0.001),
    )
