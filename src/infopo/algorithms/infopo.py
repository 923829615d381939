"""InfoPO: the outcome, and what each answer told the policy, both normalised inside the group.

`A[i, k] = z_i + beta * sigmoid(-sigma_g / tau) * zgain[i, t(k)]` for tokens k of action t. `z` is GRPO's; `sigma_g` the
standard deviation (n - 1) of the group's outcomes; `zgain` the standard score of a turn's information gain among all
scored turns of the group, each turn once: 0 for a turn without a gain, and where a group's gains are fewer than two or
all equal.
The gate is 1/2 where outcomes say nothing and closes as they differ; `tau` is in units of the outcome.
Published in "InfoPO" (arXiv 2603.00656); this is the paper's form, without the second length division of its code.
"""

import math
from dataclasses import dataclass
from numbers import Real

import numpy as np

from infopo.algorithms.base import Credit, CreditBatch, Floats, Method
from infopo.algorithms.gain_metrics import gain_metrics, share_metrics
from infopo.algorithms.group_stats import deviation, group_metrics, members, outcome_zscores, spread, summary, zscore
from infopo.core import InfopoError, UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoPOOptions:
    """`beta`: weight of the gain (0: GRPO). `gate_temperature`: tau, in units of the outcome."""

    beta: float = 0.5
    gate_temperature: float = 0.5

    def __post_init__(self) -> None:
        for name, low in (("beta", "not negative"), ("gate_temperature", "positive")):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
                raise UserError(f"infopo: {name} must be a finite number, got {value!r}")
            if value < 0 or (value == 0 and low == "positive"):
                raise UserError(f"infopo: {name} must be {low}, got {value!r}")


def gate(sigma: float, temperature: float) -> float:
    """`sigmoid(-sigma / temperature)`: 1/2 for a group of equal outcomes.

    >>> gate(0.0, 0.5), round(gate(1.0, 0.5), 4)
    (0.5, 0.1192)
    """
    small = math.exp(-sigma / temperature)
    return small / (1 + small)


def turn_zscores(batch: CreditBatch) -> Floats:
    """Standard scores `[N, T]` of the gains among the scored turns of each group; 0 where there is no gain."""
    gains, mask = batch.signals["gain"], batch.signal_masks["gain"]
    scores = np.zeros(mask.shape, dtype=np.float64)
    for rows in members(batch.group):
        inside = np.zeros_like(mask)
        inside[rows] = mask[rows]
        scores[inside] = zscore(gains[inside])
    return scores


def make(options: InfoPOOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        if "gain" not in batch.signals:
            raise InfopoError("infopo needs the signal 'gain' in its batch; compute infopo.information_gain first")
        groups = members(batch.group)
        sigmas = np.array([deviation(batch.outcome[rows]) for rows in groups])
        gates = np.array([gate(sigma, options.gate_temperature) for sigma in sigmas])
        scores, row_gates = turn_zscores(batch), np.zeros(len(batch.group))
        for rows, value in zip(groups, gates, strict=True):
            row_gates[rows] = value
        outcome = spread(outcome_zscores(batch.group, batch.outcome), batch.sampled)
        unweighted = np.zeros_like(outcome)
        for row, spans in enumerate(batch.action_spans):
            for turn, span in enumerate(spans):
                unweighted[row, span.start : span.end] = scores[row, turn]
        unweighted = np.where(batch.sampled, unweighted, 0.0)
        intrinsic = options.beta * row_gates[:, None] * unweighted
        stats = group_metrics(batch.group, batch.outcome) | gain_metrics(batch)
        stats |= share_metrics(batch.sampled, outcome, unweighted, intrinsic)
        stats |= summary("info/gate", gates, "mean", "min", "max", "std")
        stats |= summary("info/group_std", sigmas, "mean", "min", "max")
        if gates.size:
            stats["info/effective_weight"] = options.beta * float(gates.mean())
        return Credit(advantages=outcome + intrinsic, stats=stats)

    return Method(
        name="infopo",
        summary="group-normalised outcome, plus gated, group-normalised information gain of each turn",
        credit=credit,
        needs=frozenset({"gain"}),
    )
