"""RLOO: the outcome less the mean of the other episodes of its group, on every token that the policy wrote.

`A[i, k] = R_i - mean_{j != i} R_j = (R_i - mean_g) * n / (n - 1)` in a group of n. The whole episode is one action: a
KL in the reward (`loss.kl_in reward`) is taken off R_i, summed over the episode's policy tokens. Published, the loss is
the mean over episodes of an episode's sum, unclipped: the gradient that the clipped loss has in a batch's first update.
Published in "Back to Basics" (arXiv 2402.14740).
"""

from dataclasses import dataclass

import numpy as np

from infopo.algorithms.base import Credit, CreditBatch, Method
from infopo.algorithms.group_stats import SINGLETON, Singleton, group_metrics, members, outcome_zscores, spread
from infopo.algorithms.loss_config import LossConfig
from infopo.algorithms.option_checks import check_choice


@dataclass(frozen=True, slots=True, kw_only=True)
class RLOOOptions:
    """`singleton`: what a group of one gets: `zero`, or `pass`, its plain outcome, as the verl family does."""

    singleton: Singleton = "zero"

    def __post_init__(self) -> None:
        check_choice("rloo", "singleton", self.singleton, SINGLETON)


def make(options: RLOOOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        rewards = batch.outcome
        if batch.token_penalty is not None:
            rewards = rewards - np.where(batch.sampled, batch.token_penalty, 0.0).sum(axis=1)
        scores = outcome_zscores(batch.group, rewards, divide=False, singleton=options.singleton)
        for rows in members(batch.group):
            scores[rows] *= rows.size / max(rows.size - 1, 1)
        return Credit(advantages=spread(scores, batch.sampled), stats=group_metrics(batch.group, batch.outcome))

    return Method(
        name="rloo",
        summary="outcome less the mean of the group's other episodes, on every policy token",
        credit=credit,
        loss=LossConfig(dual_clip=None, aggregation="seq-mean-token-sum"),
        token_costs=True,
    )
