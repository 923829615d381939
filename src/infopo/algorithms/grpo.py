"""GRPO: the outcome, normalised inside the group, on every token that the policy wrote.

`A[i, k] = (R_i - mean_g) / (std_g + 1e-6)`, standard deviation with n - 1. A group of equal outcomes gets exactly 0.
Published in "DeepSeekMath" (arXiv 2402.03300), outcome supervision.
"""

from dataclasses import dataclass
from typing import Literal

from infopo.algorithms.base import Credit, CreditBatch, Method
from infopo.algorithms.group_stats import EPSILON, group_metrics, members, outcome_zscores, spread
from infopo.core import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class GRPOOptions:
    """`singleton`: what a group of one gets. `zero` (nothing to compare with), or `pass`, its plain outcome divided by
    1 + 1e-6, as the verl family does."""

    singleton: Literal["zero", "pass"] = "zero"

    def __post_init__(self) -> None:
        if self.singleton not in ("zero", "pass"):
            raise UserError(f"grpo: singleton must be 'zero' or 'pass', got {self.singleton!r}")


def make(options: GRPOOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        scores = outcome_zscores(batch.group, batch.outcome)
        if options.singleton == "pass":
            for rows in members(batch.group):
                if rows.size == 1:
                    scores[rows] = batch.outcome[rows] / (1 + EPSILON)
        return Credit(
            advantages=spread(scores, batch.sampled),
            stats=group_metrics(batch.group, batch.outcome),
        )

    return Method(name="grpo", summary="group-normalised outcome on every policy token", credit=credit)
