"""InfoPO as its released code computes it, bugs included: for reproduction, not for use.

`A = A_out + beta_t * G_g * rho * A_int` on policy tokens. A_out is multi-turn GRPO (`score`, `credit`, as in `userrl`).
A_int is the standard score of I_t / |a_t| on the tokens of a_t. `G_g = sigmoid(-sigma_g / tau)`, sigma_g the deviation
of the group's S. `rho = min(1, max(s_out, 1) / s_int)`, s the deviations (plus epsilon) over the batch's policy tokens.
What differs from the paper, and from `infopo`:
- the last turn's reward is overwritten with the episode's outcome before S is taken: an episode that was paid early and
  then succeeds counts twice (`overwrite_last`); a turn that was not scored has reward 0
- the gain is divided by the tokens of its own action once more, after the tokens of the next one
- group statistics of gains are over non-zero tokens: a long turn counts more, a gain of exactly 0 counts as missing
- rho ties each group to the whole batch
- the decay is applied twice: `beta_t = beta * exp(-decay * epoch)^2`
- a group of one keeps its raw score, and its gate stands at sigma = 1; S and EM credits are rounded to 4 places
- `use_intrinsic_only`: `A = rho * A_int`, without weight and gate
The released gain is `gain.counterfactual fill`. Source: released code of "InfoPO" (arXiv 2603.00656).
"""

import math
from dataclasses import dataclass

import numpy as np

from infopo.algorithms.base import Credit, CreditBatch, Floats, Method
from infopo.algorithms.gain_credit import gate, magnitude_ratio, measured_gains, on_actions, scores_by_token
from infopo.algorithms.gain_metrics import gain_metrics, share_metrics
from infopo.algorithms.group_stats import Singleton, deviation, group_metrics, members, summary
from infopo.algorithms.multi_turn import MultiTurn, MultiTurnRule, Score, multi_turn
from infopo.algorithms.option_checks import check_flag, check_number
from infopo.algorithms.turn_values import paid_turns


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoPOOfficialOptions(MultiTurnRule):
    """Defaults of the released code. `beta`: weight of the gain; it decays by `decay` an epoch. `gate_temperature`:
    tau. `norm_std` false: outcomes and gains are centred only. `normalize_intrinsic` false: gains as they are. The
    others: see `userrl`."""

    score: Score = "Sum"
    singleton: Singleton = "pass"
    beta: float = 0.5
    gate_temperature: float = 0.5
    decay: float = 0.0
    normalize_intrinsic: bool = True
    use_intrinsic_only: bool = False
    overwrite_last: bool = True

    def __post_init__(self) -> None:
        self.check("infopo-official")
        for name in ("beta", "decay"):
            check_number("infopo-official", name, getattr(self, name), least=0)
        check_number("infopo-official", "gate_temperature", self.gate_temperature, above=0)
        for name in ("normalize_intrinsic", "use_intrinsic_only", "overwrite_last"):
            check_flag("infopo-official", name, getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialParts:
    """What the released code computes on the way. `gains` and `intrinsic` `[N, L]`: I_t / |a_t|, and A_int; `gates`
    `[N]`; `advantages` `[N, L]`; `weighted` `[N, L]` the gain's summand, also where it is not added."""

    outcome: MultiTurn
    gains: Floats
    intrinsic: Floats
    gates: Floats
    ratio: float
    beta: float
    weighted: Floats
    advantages: Floats


def official_parts(batch: CreditBatch, options: InfoPOOfficialOptions) -> OfficialParts:
    """The whole computation, step by step."""
    rewards, _ = paid_turns(batch, overwrite_last=options.overwrite_last)
    outcome = multi_turn(batch, rewards, options)
    gains = on_actions(measured_gains(batch, "infopo-official", own_length=True)[0], batch)
    intrinsic = gains
    if options.normalize_intrinsic:
        intrinsic = scores_by_token(gains, batch, epsilon=options.epsilon, divide=options.norm_std)
    gates = np.zeros(len(batch.group))
    for rows in members(batch.group):
        sigma = 1.0 if rows.size == 1 else deviation(outcome.scores[rows])
        gates[rows] = gate(sigma, options.gate_temperature)
    ratio = magnitude_ratio(outcome.tokens, intrinsic, batch.sampled, options.epsilon)
    beta = options.beta * math.exp(-options.decay * batch.epoch) * math.exp(-options.decay * batch.epoch)
    weighted = beta * gates[:, None] * ratio * intrinsic
    return OfficialParts(
        outcome=outcome,
        gains=gains,
        intrinsic=intrinsic,
        gates=gates,
        ratio=ratio,
        beta=beta,
        weighted=weighted,
        advantages=ratio * intrinsic if options.use_intrinsic_only else outcome.tokens + weighted,
    )


def make(options: InfoPOOfficialOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        parts = official_parts(batch, options)
        stats = group_metrics(batch.group, batch.outcome) | gain_metrics(batch)
        stats |= share_metrics(batch.sampled, parts.outcome.tokens, parts.intrinsic, parts.weighted)
        stats |= summary("info/gate", parts.gates, "mean", "min", "max")
        stats |= {"info/magnitude_ratio": parts.ratio, "info/beta_t": parts.beta}
        return Credit(advantages=parts.advantages, stats=stats)

    return Method(
        name="infopo-official",
        summary="InfoPO as released: second length division, token statistics, overwritten last reward",
        credit=credit,
        needs=frozenset({"gain"}),
    )
