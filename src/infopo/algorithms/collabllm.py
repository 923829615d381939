"""CollabLLM: the outcome less what the conversation cost its reader, normalised inside the group.

`MR = mean over futures (R_ext + R_int)`, `R_int = -min(lam * tokens, 1) + judge`: what a conversation is worth in
expectation over how it may go on. `A[i, k] = (MR_i - mean_g) / (std_g + 1e-6)`. On this loop the one future of a turn
is the episode as it was played, so MR is the same for all its turns: the outcome, less `lam` for each token that the
policy wrote. Left out: further simulated futures, the judge's score of interactivity (0 here), and the offline
preference variants. Published in "CollabLLM" (arXiv 2502.00640).
"""

from dataclasses import dataclass

import numpy as np

from infopo.algorithms.base import Credit, CreditBatch, Floats, Method
from infopo.algorithms.group_stats import group_metrics, outcome_zscores, spread, summary
from infopo.algorithms.option_checks import check_number


@dataclass(frozen=True, slots=True, kw_only=True)
class CollabLLMOptions:
    """`lam`: what a token of the policy costs, in units of the outcome."""

    lam: float = 5e-4

    def __post_init__(self) -> None:
        check_number("collabllm", "lam", self.lam, least=0)


def multi_turn_rewards(extrinsic: Floats, tokens: Floats, judge: Floats, lam: float) -> Floats:
    """`R_ext + R_int` `[n]` of futures with these outcomes, policy tokens and judgements; their mean is the reward.

    >>> multi_turn_rewards(np.array([0.6]), np.array([300.0]), np.array([0.5]), 0.0005).round(4).tolist()
    [0.95]
    """
    return extrinsic - np.minimum(lam * tokens, 1.0) + judge


def make(options: CollabLLMOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        tokens = batch.sampled.sum(axis=1).astype(np.float64)
        rewards = multi_turn_rewards(batch.outcome, tokens, np.zeros(len(tokens)), options.lam)
        return Credit(
            advantages=spread(outcome_zscores(batch.group, rewards), batch.sampled),
            stats=summary("collabllm/reward", rewards, "mean") | group_metrics(batch.group, batch.outcome),
        )

    return Method(
        name="collabllm",
        summary="group-normalised outcome less a price for every token that the policy wrote",
        credit=credit,
    )
