"""GRPO: the outcome, normalised inside the group, on every token that the policy wrote.

`A[i, k] = (R_i - mean_g) / (std_g + epsilon)`, standard deviation with n - 1. A group of equal outcomes gets exactly 0.
Published in "DeepSeekMath" (arXiv 2402.03300), outcome supervision. The loss of that publication (a mean over episodes
of an episode's mean, a KL to the reference) is not covered: preset `as-published` leaves the loss as `matched` has it.
"""

from dataclasses import dataclass

from infopo.algorithms.base import Credit, CreditBatch, Method
from infopo.algorithms.group_stats import EPSILON, SINGLETON, Singleton, group_metrics, outcome_zscores, spread
from infopo.algorithms.option_checks import check_choice, check_number


@dataclass(frozen=True, slots=True, kw_only=True)
class GRPOOptions:
    """`singleton`: what a group of one gets. `zero` (nothing to compare with), or `pass`, its plain outcome divided by
    1 + epsilon, as the verl family does. `epsilon`: added to the deviation."""

    singleton: Singleton = "zero"
    epsilon: float = EPSILON

    def __post_init__(self) -> None:
        check_choice("grpo", "singleton", self.singleton, SINGLETON)
        check_number("grpo", "epsilon", self.epsilon, above=0)


def make(options: GRPOOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        scores = outcome_zscores(batch.group, batch.outcome, epsilon=options.epsilon, singleton=options.singleton)
        return Credit(
            advantages=spread(scores, batch.sampled),
            stats=group_metrics(batch.group, batch.outcome),
        )

    return Method(
        name="grpo",
        summary="group-normalised outcome on every policy token",
        credit=credit,
    )
