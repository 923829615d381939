"""Multi-turn GRPO: a score of the whole episode, compared inside the group and dealt out to its turns by their credit.

With turn rewards r_t, `G_t = r_t + gamma * G_{t+1}`, T turns. The episode scores S: `Sum` of r_t, `mean` of r_t, or
`R2G`, G_1. The turn's credit c_t: `Equalized` 1, `R2G` G_t, or `EM` `1/2 + 1/2 (1 - e^(-2 r_t)) / (1 - e^-2)`. Then
`A[i, k] = c_t(k) * z_i * N_i / sum_k c_t(k)`, z_i the standard score of S_i in its group and N_i the policy tokens of
episode i whose credit is not 0: on average a credited token gets z_i. Where the credits of an episode add up to 0, all
of it gets 0. From "UserRL" (arXiv 2509.19736), whose `Sum` is the mean, and the released code of "InfoPO".
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from infopo.algorithms.base import CreditBatch, Floats
from infopo.algorithms.gain_credit import on_actions
from infopo.algorithms.group_stats import EPSILON, SINGLETON, TOLERANCE, Singleton, outcome_zscores
from infopo.algorithms.option_checks import check_choice, check_flag, check_number

Score = Literal["Sum", "mean", "R2G"]
TurnCredit = Literal["Equalized", "R2G", "EM"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiTurnRule:
    """How episodes score and turns are credited: options that two methods share. See `UserRLOptions`."""

    score: Score = "mean"
    credit: TurnCredit = "Equalized"
    gamma: float = 0.8
    norm_std: bool = True
    decimals: int | None = 4
    singleton: Singleton = "zero"
    epsilon: float = EPSILON

    def check(self, method: str) -> None:
        """Raise `UserError` where an option of `method` is none of these."""
        check_choice(method, "score", self.score, ("Sum", "mean", "R2G"))
        check_choice(method, "credit", self.credit, ("Equalized", "R2G", "EM"))
        check_choice(method, "singleton", self.singleton, SINGLETON)
        check_number(method, "gamma", self.gamma, least=0, most=1)
        check_number(method, "epsilon", self.epsilon, above=0)
        check_flag(method, "norm_std", self.norm_std)
        if self.decimals is not None:
            check_number(method, "decimals", self.decimals, least=0, whole=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiTurn:
    """`scores` and `z` `[N]`, `credits` `[N, T]` (0 behind the last turn), `tokens` `[N, L]`: the advantages."""

    scores: Floats
    credits: Floats
    z: Floats
    tokens: Floats


def multi_turn(batch: CreditBatch, rewards: Floats, rule: MultiTurnRule) -> MultiTurn:
    """Scores, credits and advantages under turn rewards `[N, T]`: see `paid_turns`."""
    scores = np.zeros(len(batch.group))
    credits = np.zeros(rewards.shape)
    for row, spans in enumerate(batch.action_spans):
        own = rewards[row, : len(spans)].tolist()
        scores[row] = episode_score(own, rule)
        credits[row, : len(spans)] = turn_credits(own, rule)
    z = outcome_zscores(batch.group, scores, epsilon=rule.epsilon, divide=rule.norm_std, singleton=rule.singleton)
    tokens = on_actions(credits, batch)
    total, credited = tokens.sum(axis=1), (tokens != 0).sum(axis=1)
    there = np.abs(total) > TOLERANCE
    weight = np.where(there, z * credited / np.where(there, total, 1.0), 0.0)
    return MultiTurn(scores=scores, credits=credits, z=z, tokens=tokens * weight[:, None])


def episode_score(rewards: list[float], rule: MultiTurnRule) -> float:
    """What an episode of these turn rewards scores; one without a turn scores 0."""
    if not rewards:
        return 0.0
    if rule.score == "R2G":
        return rewards_to_go(rewards, rule.gamma)[0]
    return _rounded(sum(rewards) / (len(rewards) if rule.score == "mean" else 1), rule.decimals)


def turn_credits(rewards: list[float], rule: MultiTurnRule) -> list[float]:
    """The credit of each turn."""
    if rule.credit == "Equalized":
        return [1.0] * len(rewards)
    if rule.credit == "R2G":
        return rewards_to_go(rewards, rule.gamma)
    return [_rounded(0.5 + 0.5 * math.expm1(-2 * reward) / math.expm1(-2), rule.decimals) for reward in rewards]


def rewards_to_go(rewards: list[float], gamma: float) -> list[float]:
    """`G_t = r_t + gamma * G_{t+1}`.

    >>> rewards_to_go([0.0, 0.5, 1.0], 0.8)
    [1.04, 1.3, 1.0]
    """
    found: list[float] = []
    for reward in reversed(rewards):
        found.append(reward + gamma * (found[-1] if found else 0.0))
    return found[::-1]


def _rounded(value: float, decimals: int | None) -> float:
    return value if decimals is None else round(value, decimals)
