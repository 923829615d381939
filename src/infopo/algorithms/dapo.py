"""DAPO: GRPO that plays on until every group can teach something, under a wider upper clip.

`A[i, k] = (R_i - mean_g) / (std_g + epsilon)`, as GRPO. What makes it DAPO comes with it under every preset: groups of
equal outcomes are dropped and other tasks played in their place (filter `dynamic`), and the loss is the mean over all
tokens with a clip of 0.2 below and 0.28 above, without KL.
`overlong_from`, `overlong_to`: soft punishment of long episodes. With l policy tokens, R_i loses
`(l - from) / (to - from)`, at least 0 and at most 1.
Published in "DAPO" (arXiv 2503.14476).
"""

from dataclasses import dataclass

import numpy as np

from infopo.algorithms.base import Credit, CreditBatch, Floats, Method
from infopo.algorithms.filters import GroupFilter
from infopo.algorithms.group_stats import EPSILON, group_metrics, outcome_zscores, spread
from infopo.algorithms.loss_config import LossConfig
from infopo.algorithms.option_checks import check_number
from infopo.core import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class DAPOOptions:
    """`overlong_from`, `overlong_to`: policy tokens at which the punishment of length starts and is whole; none: no
    punishment. `epsilon`: added to the deviation."""

    overlong_from: int | None = None
    overlong_to: int | None = None
    epsilon: float = EPSILON

    def __post_init__(self) -> None:
        check_number("dapo", "epsilon", self.epsilon, above=0)
        if (self.overlong_from is None) != (self.overlong_to is None):
            raise UserError("dapo: overlong_from and overlong_to go together; set both or neither")
        if self.overlong_from is not None and self.overlong_to is not None:
            check_number("dapo", "overlong_from", self.overlong_from, least=0)
            check_number("dapo", "overlong_to", self.overlong_to, above=self.overlong_from)


def rewards_of(batch: CreditBatch, options: DAPOOptions) -> Floats:
    """The outcomes `[N]`, less the punishment of length."""
    if options.overlong_from is None or options.overlong_to is None:
        return batch.outcome
    over = (batch.sampled.sum(axis=1) - options.overlong_from) / (options.overlong_to - options.overlong_from)
    rewards: Floats = batch.outcome - np.clip(over, 0.0, 1.0)
    return rewards


def make(options: DAPOOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        scores = outcome_zscores(batch.group, rewards_of(batch, options), epsilon=options.epsilon)
        return Credit(advantages=spread(scores, batch.sampled), stats=group_metrics(batch.group, batch.outcome))

    return Method(
        name="dapo",
        summary="GRPO without groups of equal outcomes (others are played instead), and a wider upper clip",
        credit=credit,
        loss=LossConfig(clip_high=0.28, dual_clip=None),
        filter=GroupFilter(kind="dynamic"),
        defining=frozenset({"loss", "filter"}),
    )
