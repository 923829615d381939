"""InfoPO: the outcome, and what each answer told the policy, both normalised inside the group.

`A[i, k] = z_i + beta * sigmoid(-sigma_g / tau) * zgain[i, t(k)]` for tokens k of action t. `z` is GRPO's; `sigma_g` the
standard deviation (n - 1) of the group's outcomes; `zgain` the standard score of a turn's information gain among all
scored turns of the group, each turn once: 0 for a turn without a gain, and where a group's gains are fewer than two or
all equal.
The gate is 1/2 where outcomes say nothing and closes as they differ; `tau` is in units of the outcome.
Published in "InfoPO" (arXiv 2603.00656); this is the paper's form, without the second length division of its code.

Every other option takes one part away or puts a part of the released code in. Two controls belong to the gain itself:
`gain.counterfactual swap` holds each answer against those of other tasks instead of a placeholder (the shuffled
feedback of the ablations), and `gain.estimator exact-kl` is the divergence instead of one sample of it.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from infopo.algorithms.base import Credit, CreditBatch, Floats, Method
from infopo.algorithms.gain_credit import (
    gate,
    magnitude_ratio,
    measured_gains,
    on_actions,
    scores_by_token,
    scores_by_turn,
)
from infopo.algorithms.gain_metrics import gain_metrics, share_metrics
from infopo.algorithms.group_stats import EPSILON, deviation, group_metrics, members, outcome_zscores, spread, summary
from infopo.algorithms.option_checks import check_choice, check_flag, check_number


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoPOOptions:
    """`beta`: weight of the gain (0: GRPO). `gate_temperature`: tau, in units of the outcome. `gate`: `none` is 1
    everywhere, `half` 1/2. `no_outcome`: zgain alone, without weight and gate. `no_std`: outcomes and gains are centred
    only. `no_norm`: gains as they are. `credit_to`: the action that was answered, or the one that follows the answer.
    `stats`: each scored turn once, or each of its tokens and none whose gain is 0. `length_norm`: gains per token of
    the next action, or also divided by the tokens of their own. `magnitude_bound`: gains shrink where they deviate more
    than outcomes. `clip`: bound of a gain in nats. `epsilon`: added to deviations."""

    beta: float = 0.5
    gate_temperature: float = 0.5
    gate: Literal["sigmoid", "none", "half"] = "sigmoid"
    no_outcome: bool = False
    no_std: bool = False
    no_norm: bool = False
    credit_to: Literal["a_t", "a_t+1"] = "a_t"
    stats: Literal["turn", "token_nonzero"] = "turn"
    length_norm: Literal["next", "next_and_own"] = "next"
    magnitude_bound: bool = False
    clip: float | None = None
    epsilon: float = EPSILON

    def __post_init__(self) -> None:
        check_number("infopo", "beta", self.beta, least=0)
        for name in ("gate_temperature", "epsilon", *(["clip"] if self.clip is not None else [])):
            check_number("infopo", name, getattr(self, name), above=0)
        for name in ("no_outcome", "no_std", "no_norm", "magnitude_bound"):
            check_flag("infopo", name, getattr(self, name))
        check_choice("infopo", "gate", self.gate, ("sigmoid", "none", "half"))
        check_choice("infopo", "credit_to", self.credit_to, ("a_t", "a_t+1"))
        check_choice("infopo", "stats", self.stats, ("turn", "token_nonzero"))
        check_choice("infopo", "length_norm", self.length_norm, ("next", "next_and_own"))


def group_gates(sigmas: Floats, options: InfoPOOptions) -> Floats:
    """How open each group's gate is `[G]`, given the deviations of its outcomes `[G]`."""
    if options.no_outcome or options.gate != "sigmoid":
        return np.full(len(sigmas), 0.5 if options.gate == "half" and not options.no_outcome else 1.0)
    return np.array([gate(sigma, options.gate_temperature) for sigma in sigmas])


def token_gains(batch: CreditBatch, options: InfoPOOptions) -> Floats:
    """`zgain` `[N, L]`: the normalised gain on the policy tokens that it credits, before weight and gate."""
    gains, mask = measured_gains(batch, "infopo", own_length=options.length_norm == "next_and_own", bound=options.clip)
    later = 0 if options.credit_to == "a_t" else 1
    if options.stats == "turn" and not options.no_norm:
        gains = scores_by_turn(gains, mask, batch, epsilon=options.epsilon, divide=not options.no_std)
    tokens = on_actions(gains, batch, later=later)
    if options.stats == "turn" or options.no_norm:
        return tokens
    return scores_by_token(tokens, batch, epsilon=options.epsilon, divide=not options.no_std)


def make(options: InfoPOOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        unweighted, groups = token_gains(batch, options), members(batch.group)
        sigmas = np.array([deviation(batch.outcome[rows]) for rows in groups])
        gates, row_gates = group_gates(sigmas, options), np.zeros(len(batch.group))
        for rows, value in zip(groups, gates, strict=True):
            row_gates[rows] = value
        scores = outcome_zscores(batch.group, batch.outcome, epsilon=options.epsilon, divide=not options.no_std)
        outcome = spread(scores, batch.sampled)
        beta, ratio = 1.0 if options.no_outcome else options.beta, 1.0
        if options.magnitude_bound:
            ratio = magnitude_ratio(outcome, unweighted, batch.sampled, options.epsilon)
        if options.no_outcome:
            outcome = np.zeros_like(outcome)
        intrinsic = beta * ratio * row_gates[:, None] * unweighted
        stats = group_metrics(batch.group, batch.outcome) | gain_metrics(batch)
        stats |= {"info/beta_t": beta, "info/magnitude_ratio": ratio}
        stats |= share_metrics(batch.sampled, outcome, unweighted, intrinsic)
        stats |= summary("info/gate", gates, "mean", "min", "max", "std")
        stats |= summary("info/group_std", sigmas, "mean", "min", "max")
        if gates.size:
            stats["info/effective_weight"] = beta * ratio * float(gates.mean())
        return Credit(advantages=outcome + intrinsic, stats=stats)

    return Method(
        name="infopo",
        summary="group-normalised outcome, plus gated, group-normalised information gain of each turn",
        credit=credit,
        needs=frozenset({"gain"}),
    )
