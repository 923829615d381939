"""UserRL's multi-turn GRPO: a score of the whole episode, dealt out to its turns by their credit.

With turn rewards r_t, `G_t = r_t + gamma * G_{t+1}`, T turns and z the standard score inside the group:
`A[i, k] = c_t(k) * z(S_i) * N_i / sum_k c_t(k)`, N_i the credited policy tokens of the episode.
`score` S: `Sum` of r_t, `mean` of r_t (what UserRL calls Sum), `R2G` G_1. `credit` c_t: `Equalized` 1, `R2G` G_t, `EM`
`1/2 + 1/2 (1 - e^(-2 r_t)) / (1 - e^-2)`, meant for rewards in [0, 1]. A turn that was not scored has r_t = 0;
an episode without a scored turn is paid its outcome on its last turn.
Under R2G credit an episode without any reward gets 0 instead of a negative advantage, as published.
Published in "UserRL" (arXiv 2509.19736).
"""

from dataclasses import dataclass

import numpy as np

from infopo.algorithms.base import Credit, CreditBatch, Floats, Method
from infopo.algorithms.group_stats import group_metrics, summary
from infopo.algorithms.multi_turn import MultiTurnRule, multi_turn
from infopo.algorithms.option_checks import check_flag
from infopo.algorithms.turn_values import paid_turns
from infopo.core import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRLOptions(MultiTurnRule):
    """`score`, `credit`, `gamma`: as above. `norm_std` false: scores are centred only. `decimals`: places that Sum,
    mean and EM are rounded to (none: not at all). `singleton`: a group of one gets 0, or its plain score (`pass`).
    `epsilon`: added to the deviation. `allow_negative_credit`: R2G credit although a reward is negative."""

    allow_negative_credit: bool = False

    def __post_init__(self) -> None:
        self.check("userrl")
        check_flag("userrl", "allow_negative_credit", self.allow_negative_credit)


def make(options: UserRLOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        rewards, scored = paid_turns(batch)
        if options.credit == "R2G" and not options.allow_negative_credit:
            _refuse_negative(rewards, batch)
        found = multi_turn(batch, rewards, options)
        stats = group_metrics(batch.group, batch.outcome) | summary("userrl/score", found.scores, "mean", "std")
        turns = sum(len(spans) for spans in batch.action_spans)
        if turns:
            stats["userrl/scored_turns_frac"] = float(scored.sum()) / turns
        return Credit(advantages=found.tokens, stats=stats)

    return Method(
        name="userrl",
        summary="group-normalised score of an episode's turn rewards, dealt out to its turns by their credit",
        credit=credit,
    )


def _refuse_negative(rewards: Floats, batch: CreditBatch) -> None:
    rows = np.flatnonzero((rewards < 0).any(axis=1))
    if rows.size:
        who = batch.names[rows[0]] if batch.names else f"row {rows[0]} of the batch"
        raise UserError(
            f"userrl: credit R2G with a negative turn reward ({who}): credits are divided by their sum, and where that"
            " falls below 0 a better episode is pushed down; use credit Equalized or EM, rewards from 0, or set"
            " allow_negative_credit"
        )
