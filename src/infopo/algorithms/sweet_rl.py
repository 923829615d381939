"""SWEET-RL: an advantage for every turn from a critic that knows what the policy does not.

Published: `A_t = mean_k [ log pi(a_{t,k} | h_t, c) - log pi_ref(a_{t,k} | h_t, c) ]`, pi trained as a critic on pairs
of episodes with the privileged c in view, then preference learning on the best and worst candidates of each turn.
None of that training fits on this loop and all of it is left out. What remains is the idea: how much more likely is c
with the turn than without it. By Bayes' rule `log p(a | h, c) / p(a | h) = log p(c | h, a) / p(c | h)`; with the
reference answer for c that is the change of the policy's belief in it (`turn_advantage` of one "token": the belief
after and before). `A = z + weight * z^turn_t`: z of the outcome, which a trained critic would have had; `z^turn` the
standard score of a turn's change among the group's, 0 on the last turn. Published in "SWEET-RL" (arXiv 2503.15478).
"""

from dataclasses import dataclass

import numpy as np

from infopo.algorithms.base import Credit, CreditBatch, Floats, Method
from infopo.algorithms.belief_gains import belief_gains, belief_metrics
from infopo.algorithms.gain_credit import on_actions
from infopo.algorithms.group_stats import group_metrics, members, outcome_zscores, zscore
from infopo.algorithms.option_checks import check_number


@dataclass(frozen=True, slots=True, kw_only=True)
class SweetRLOptions:
    """`weight` of the turn part beside the outcome."""

    weight: float = 1.0

    def __post_init__(self) -> None:
        check_number("sweet-rl", "weight", self.weight, least=0)


def turn_advantage(logprobs: Floats, reference: Floats) -> Floats:
    """The mean log-ratio `[...]` over the last axis of `[..., K]`.

    >>> turn_advantage(np.array([-0.5, -1.0]), np.array([-0.9, -1.1])).round(4).tolist()
    0.25
    """
    found: Floats = (logprobs - reference).mean(axis=-1)
    return found


def make(options: SweetRLOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        changes, mask = belief_gains(batch, "log_prob_diff", name="sweet-rl")
        levels = np.where(batch.signal_masks["belief"], batch.signals["belief"], 0.0)[..., None]
        changes[:, :-1] = turn_advantage(levels[:, 1:], levels[:, :-1])
        turns = np.zeros_like(changes)
        for rows in members(batch.group):
            inside = np.zeros_like(mask)
            inside[rows] = mask[rows]
            turns[inside] = zscore(changes[inside])
        values = outcome_zscores(batch.group, batch.outcome)[:, None] + options.weight * turns
        return Credit(
            advantages=on_actions(values, batch),
            stats=belief_metrics(changes, mask) | group_metrics(batch.group, batch.outcome),
        )

    return Method(
        name="sweet-rl",
        summary="group-normalised outcome, plus how much each turn spoke for the reference answer",
        credit=credit,
        needs=frozenset({"reference_answer"}),
    )
