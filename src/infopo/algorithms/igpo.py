"""IGPO, the form of 2026: what each turn did to the belief in the reference answer, then the outcome, summed backwards.

Rewards: `b_{t+1} - b_t` on turn t (b: mean log-probability of the answer, or its `exp`), the outcome on the last
turn. `z = (r - mu) / (sigma + 1e-6)`, `sigma = sqrt(var + 1e-8)` with n, over a group's gains and outcomes apart
(`separate`) or together (`joint`); fewer than two, or equal ones: 0. `A_t = z_t + gamma A_{t+1}` on the tokens of
action t. A turn without a gain has no reward of its own and shares the next turn's advantage. Published in "IGPO"
(arXiv 2510.14967; released code of February 2026). That code takes a gain of exactly 0 for missing
(`zero="missing"`), and weighs before it normalises (`weigh="before"`), where weights cancel under `separate`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from infopo.algorithms.base import Bools, Credit, CreditBatch, Floats, Method
from infopo.algorithms.belief_gains import BELIEF_KINDS, BeliefKind, belief_gains, belief_metrics
from infopo.algorithms.gain_credit import on_actions
from infopo.algorithms.group_stats import EPSILON, group_metrics, is_degenerate, members
from infopo.algorithms.loss_config import LossConfig
from infopo.algorithms.option_checks import check_choice, check_number

VARIANCE_EPSILON = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class IGPOOptions:
    """`kind` of gain, `normalisation`, `gamma` in [0, 1]. Weights go in a straight line from `*_weight` at the run's
    start to `*_weight_end` at its end; the published curriculum is outcome 0.5 to 1, gain 1 to 0.5."""

    kind: BeliefKind = "log_prob_diff"
    normalisation: Literal["separate", "joint"] = "separate"
    gamma: float = 1.0
    zero: Literal["value", "missing"] = "value"
    outcome_weight: float = 1.0
    outcome_weight_end: float = 1.0
    gain_weight: float = 1.0
    gain_weight_end: float = 1.0
    weigh: Literal["after", "before"] = "after"
    epsilon: float = EPSILON

    def __post_init__(self) -> None:
        check_choice("igpo", "kind", self.kind, BELIEF_KINDS)
        check_choice("igpo", "normalisation", self.normalisation, ("separate", "joint"))
        check_choice("igpo", "zero", self.zero, ("value", "missing"))
        check_choice("igpo", "weigh", self.weigh, ("after", "before"))
        check_number("igpo", "epsilon", self.epsilon, above=0)
        check_number("igpo", "gamma", self.gamma, least=0, most=1)
        for name in ("outcome_weight", "outcome_weight_end", "gain_weight", "gain_weight_end"):
            check_number("igpo", name, getattr(self, name), least=0)


def curriculum(progress: float, start: float, end: float) -> float:
    """A weight at this share of the run.

    >>> curriculum(0.25, 0.5, 1.0)
    0.625
    """
    return start + (end - start) * min(max(progress, 0.0), 1.0)


def turn_scores(batch: CreditBatch, options: IGPOOptions) -> tuple[Floats, Bools]:
    """The normalised, weighted reward of every turn `[N, T]`, and which turns have one."""
    rewards, has_gain = belief_gains(batch, options.kind, name="igpo")
    if options.zero == "missing":
        has_gain = has_gain & (rewards != 0)
    last = np.zeros_like(has_gain)
    for row, spans in enumerate(batch.action_spans):
        if spans:
            last[row, len(spans) - 1] = True
            rewards[row, len(spans) - 1] = batch.outcome[row]
    weights = np.where(
        last,
        curriculum(batch.progress, options.outcome_weight, options.outcome_weight_end),
        curriculum(batch.progress, options.gain_weight, options.gain_weight_end),
    )
    before, after = (weights, 1.0) if options.weigh == "before" else (1.0, weights)
    rewards, scores = rewards * before, np.zeros_like(rewards)
    for rows in members(batch.group):
        own = np.isin(np.arange(len(batch.group)), rows)[:, None]
        for part in (last | has_gain,) if options.normalisation == "joint" else (last, has_gain):
            scores[own & part] = _normalised(rewards[own & part], options.epsilon)
    return scores * after, last | has_gain


def turn_advantages(scores: Floats, has_reward: Bools, gamma: float) -> Floats:
    """`A_t = z_t + gamma A_{t+1}` `[N, T]`; where a turn has no reward, the advantage of the next one that has."""
    advantages = np.zeros_like(scores)
    following = np.zeros(len(scores))
    for turn in range(scores.shape[1] - 1, -1, -1):
        following = np.where(has_reward[:, turn], scores[:, turn] + gamma * following, following)
        advantages[:, turn] = following
    return advantages


def _normalised(values: Floats, epsilon: float) -> Floats:
    if is_degenerate(values):
        return np.zeros_like(values)
    scores: Floats = (values - values.mean()) / (np.sqrt(values.var() + VARIANCE_EPSILON) + epsilon)
    return scores


def make(options: IGPOOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        advantages = turn_advantages(*turn_scores(batch, options), options.gamma)
        stats = belief_metrics(*belief_gains(batch, options.kind, name="igpo"))
        return Credit(advantages=on_actions(advantages, batch), stats=stats | group_metrics(batch.group, batch.outcome))

    return Method(
        name="igpo",
        summary="gain in belief of the reference answer by turn, and the outcome, normalised and summed backwards",
        credit=credit,
        needs=frozenset({"reference_answer"}),
        loss=LossConfig(kl_coefficient=0.001, entropy_coefficient=0.001),
    )
