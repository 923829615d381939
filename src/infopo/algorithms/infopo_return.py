"""InfoPO-return: in groups that failed alike, the information that an episode drew from its answers is its return.

`D_i = sum_t s(I[i, t])` over the scored turns of episode i, `s(I) = log((K + 1) / (1 + K exp(-I)))`, K the `draws`;
`A[i, k] = z_i + beta * 2 sigmoid(-sigma_g / tau) * (1 - mean_g) * (D_i - b_i(m[i, t]))` on the tokens of action t.
`z` is GRPO's, `mean_g` and `sigma_g` are mean and standard deviation (n - 1) of the group's outcomes, `m[i, t]` counts
the scored answers before action t, `b_i` is the line that the other episodes draw (`expected_totals`). Derivation:

- A return, not a score of turns. Scores that are centred among scored turns cannot say that asking beats guessing, and
  pooled over turns they hold a late question against an early one. The total of an episode says both, and a turn
  without an answer adds nothing to it.
- Gains are summed log-ratios. Their mean is the mutual information of an answer and the actions that follow it; the
  mean of `D` is an amount of information, in nats, and needs no deviation to be divided by.
- `s` makes it a contrastive bound. Where I holds the answer against K others of the true marginal (`resample`), s(I) is
  the log-ratio against a mixture that contains the answer itself. It is at most log(K + 1), one lucky draw pays no
  more, and its mean is at most the information. The action is distributed as that mixture, whichever of its K + 1
  replies was real, so that the score of the mixture has mean 0: what is left, `E[D grad log p]`, is the exact gradient
  of `E[D]`, for every K. Against a placeholder s is a cap alone, and the gradient is that with the placeholder's
  prediction held still.
- `b_i` is drawn by other episodes and reads nothing of this one but what stood before the action: a baseline (under
  `gain.score_part all`; `after-thought` counts an answer by the action behind it). It takes off what the number of
  answers so far lets one expect: less noise, the same mean. Where every episode fails the gain's part is beta times the
  exact gradient of `E[D]`; what it is over the groups that happen to fail is in docs/methods.md.
- Gate and headroom make it GRPO elsewhere: the gate closes as outcomes differ, and where all succeeded nothing is left
  to find out. An all-failed group, where GRPO has no update, has gate and headroom 1. Where beta times
  both is below 0.001, it is 0: the group is credited as GRPO credits it, and its gains are not scored.

With `gain.horizon all` an answer counts only where a later action rests on it: to ask and never to act is worth 0, and
so is to ask again. (The above is exact as long as later answers do not depend on the one that is replaced.)
An addition of this project; the bound is that of "CPC" (arXiv 1807.03748).
"""

from dataclasses import dataclass

import numpy as np

from infopo.algorithms.base import Credit, CreditBatch, Floats, Method
from infopo.algorithms.gain_credit import expected_totals, gate, measured_gains, on_actions
from infopo.algorithms.gain_metrics import gain_metrics, share_metrics
from infopo.algorithms.group_stats import EPSILON, deviation, group_metrics, members, outcome_zscores, spread, summary
from infopo.algorithms.option_checks import check_flag, check_number
from infopo.core import UserError

LEAST = 0.001  # deviations of outcomes that a nat must be worth to be scored


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoPOReturnOptions:
    """`beta`: weight of a nat, in standard deviations of outcomes (0: GRPO). Where all groups of a batch are silent, an
    optimiser that divides by the size of gradients hardly feels it; beside groups that speak, too large a weight drowns
    them. `gate_temperature`: tau, in units of the outcome. `draws`: K of the bound, the `rollout.alternatives` of the
    run; None: gains as they are, without a bound. `no_std`: outcomes are centred only. `no_gate`: gate and headroom are
    1 everywhere. `epsilon`: added to the deviation of outcomes."""

    beta: float = 0.1
    gate_temperature: float = 0.05
    draws: int | None = 32
    no_std: bool = False
    no_gate: bool = False
    epsilon: float = EPSILON

    def __post_init__(self) -> None:
        check_number("infopo-return", "beta", self.beta, least=0)
        for name in ("gate_temperature", "epsilon"):
            check_number("infopo-return", name, getattr(self, name), above=0)
        if self.draws is not None and (isinstance(self.draws, bool) or int(self.draws) != self.draws or self.draws < 1):
            raise UserError(f"infopo-return: draws must be a whole number from 1, or none, got {self.draws!r}")
        for name in ("no_std", "no_gate"):
            check_flag("infopo-return", name, getattr(self, name))


def bounded(gains: Floats, draws: int) -> Floats:
    """`log((K + 1) / (1 + K exp(-I)))`: 0 at 0, at most log(K + 1).

    >>> bounded(np.array([1.0, 50.0, -50.0]), 3).round(4).tolist()
    [0.6426, 1.3863, -49.7123]
    """
    found: Floats = np.log(draws + 1.0) - np.logaddexp(0.0, np.log(draws) - gains)
    return found


def returns(batch: CreditBatch, draws: int | None) -> Floats:
    """The total of each episode `[N]`; turns without a gain add nothing."""
    gains, mask = measured_gains(batch, "infopo-return")
    total: Floats = np.where(mask, gains if draws is None else bounded(gains, draws), 0.0).sum(axis=1)
    return total


def make(options: InfoPOReturnOptions) -> Method:
    """The method under these options."""

    def weight(outcomes: Floats) -> float:
        """Gate times headroom of a group, 0 where a nat is worth less than `LEAST`."""
        opened = 2 * gate(deviation(outcomes), options.gate_temperature) * (1 - float(outcomes.mean()))
        found = 1.0 if options.no_gate else opened
        return found if options.beta * found >= LEAST else 0.0

    def credit(batch: CreditBatch) -> Credit:
        totals, groups = returns(batch, options.draws), members(batch.group)
        weights = np.zeros(len(totals))
        for rows in groups:
            weights[rows] = weight(batch.outcome[rows])
        scores = outcome_zscores(batch.group, batch.outcome, epsilon=options.epsilon, divide=not options.no_std)
        outcome = spread(scores, batch.sampled)
        unweighted = on_actions(totals[:, None] - expected_totals(batch, totals), batch)
        intrinsic = options.beta * weights[:, None] * unweighted
        stats = group_metrics(batch.group, batch.outcome) | gain_metrics(batch)
        stats |= share_metrics(batch.sampled, outcome, unweighted, intrinsic)
        stats |= summary("info/return", totals[weights > 0], "mean", "std", "max", "min")
        stats |= summary("info/gate", np.array([weights[rows[0]] for rows in groups]), "mean", "min", "max")
        return Credit(advantages=outcome + intrinsic, stats=stats)

    return Method(
        name="infopo-return",
        summary="GRPO; where a whole group failed, the bounded sum of its gains as a return (experimental)",
        credit=credit,
        needs=frozenset({"gain"}),
        gain_matters=lambda outcomes: weight(outcomes) > 0,
    )
