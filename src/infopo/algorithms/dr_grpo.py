"""Dr. GRPO: the outcome less the mean of its group, on every token that the policy wrote.

`A[i, k] = R_i - mean_g`: no division by the deviation, which favours tasks that are nearly always or hardly ever
solved. This is one half of the publication. The other half is its loss, a plain sum of token losses divided by a
constant instead of by an episode's length: preset `as-published` brings it. Set `loss.normaliser_length` to the most
tokens an episode can have, and leave it there.
Published in "Understanding R1-Zero-Like Training" (arXiv 2503.20783).
"""

from dataclasses import dataclass

from infopo.algorithms.base import Credit, CreditBatch, Method
from infopo.algorithms.group_stats import SINGLETON, Singleton, group_metrics, outcome_zscores, spread
from infopo.algorithms.loss_config import LossConfig
from infopo.algorithms.option_checks import check_choice


@dataclass(frozen=True, slots=True, kw_only=True)
class DrGRPOOptions:
    """`singleton`: what a group of one gets: `zero`, or `pass`, its plain outcome, as the verl family does."""

    singleton: Singleton = "zero"

    def __post_init__(self) -> None:
        check_choice("dr-grpo", "singleton", self.singleton, SINGLETON)


def make(options: DrGRPOOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        scores = outcome_zscores(batch.group, batch.outcome, divide=False, singleton=options.singleton)
        return Credit(advantages=spread(scores, batch.sampled), stats=group_metrics(batch.group, batch.outcome))

    return Method(
        name="dr-grpo",
        summary="outcome less the group's mean on every policy token; published with a constant length divisor",
        credit=credit,
        loss=LossConfig(dual_clip=None, aggregation="seq-mean-token-sum-norm"),
    )
