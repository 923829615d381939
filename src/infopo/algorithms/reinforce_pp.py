"""REINFORCE++: the outcome, whitened over all policy tokens of the batch instead of inside the group.

`A = (x - mean) / sqrt(var + 1e-8)` over the batch's policy tokens, variance with n - 1. `baseline group` (the published
variant for several episodes a task): `x[i, k] = R_i - mean_g`. `baseline none`: `x[i, k] = R_i`. A KL in the reward
(`loss.kl_in reward`) is a cost of each token, and x[i, k] loses that of token k and of all later ones.
Whitening ties an episode to all others of the batch: a group of equal outcomes is moved by the batch's mean.
Published in "REINFORCE++" (arXiv 2501.03262).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from infopo.algorithms.advantage_estimation import whiten
from infopo.algorithms.base import Credit, CreditBatch, Method
from infopo.algorithms.group_stats import SINGLETON, Singleton, group_metrics, outcome_zscores, spread
from infopo.algorithms.option_checks import check_choice


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinforcePPOptions:
    """`baseline`: the mean of the group, or none. `singleton`: under baseline group, what a group of one has before
    whitening: `zero`, or `pass`, its plain outcome, as the verl family does."""

    baseline: Literal["group", "none"] = "group"
    singleton: Singleton = "zero"

    def __post_init__(self) -> None:
        check_choice("reinforce++", "baseline", self.baseline, ("group", "none"))
        check_choice("reinforce++", "singleton", self.singleton, SINGLETON)


def make(options: ReinforcePPOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        rewards = batch.outcome
        if options.baseline == "group":
            rewards = outcome_zscores(batch.group, rewards, divide=False, singleton=options.singleton)
        values = spread(rewards, batch.sampled)
        if batch.token_penalty is not None:
            costs = np.where(batch.sampled, batch.token_penalty, 0.0)
            values = values - costs[:, ::-1].cumsum(axis=1)[:, ::-1]
        return Credit(
            advantages=whiten(values, batch.sampled),
            stats=group_metrics(batch.group, batch.outcome),
        )

    return Method(
        name="reinforce++",
        summary="outcome less the group's mean, whitened over all policy tokens of the batch",
        credit=credit,
        token_costs=True,
    )
