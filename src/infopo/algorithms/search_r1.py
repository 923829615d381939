"""Search-R1: GRPO on the final outcome, with its own loss; text that the policy did not write is masked.

`A[i, k] = (R_i - mean_g) / (std_g + epsilon)`. Every method here masks what was retrieved, so under preset `matched`
this is GRPO; `as-published` adds a KL term (k3, 0.001) and an entropy bonus (0.001) and takes the dual clip away. The
outcome is the environment's: exact match in the publication. Published in "Search-R1" (arXiv 2503.09516), its GRPO
variant.
"""

from dataclasses import dataclass

from infopo.algorithms import grpo
from infopo.algorithms.base import Credit, CreditBatch, Method
from infopo.algorithms.group_stats import EPSILON, SINGLETON, Singleton
from infopo.algorithms.loss_config import LossConfig
from infopo.algorithms.option_checks import check_choice, check_number


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchR1Options:
    """`singleton`: what a group of one gets, zero, or pass (its plain outcome). `epsilon`: added to the deviation."""

    singleton: Singleton = "zero"
    epsilon: float = EPSILON

    def __post_init__(self) -> None:
        check_choice("search-r1", "singleton", self.singleton, SINGLETON)
        check_number("search-r1", "epsilon", self.epsilon, above=0)


def make(options: SearchR1Options) -> Method:
    """The method under these options."""

    plain = grpo.make(grpo.GRPOOptions(singleton=options.singleton, epsilon=options.epsilon))

    def credit(batch: CreditBatch) -> Credit:
        return plain.credit(batch)

    return Method(
        name="search-r1",
        summary="GRPO on the final outcome, published with a KL term and without dual clip",
        credit=credit,
        loss=LossConfig(dual_clip=None, kl_coefficient=0.001, entropy_coefficient=0.001),
    )
