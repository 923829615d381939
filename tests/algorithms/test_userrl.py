"""UserRL: how episodes score, how credit deals an advantage out to turns, and where it must not be used."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infopo import algorithms
from infopo.algorithms import CreditBatch
from infopo.algorithms.multi_turn import MultiTurnRule, episode_score, multi_turn, turn_credits
from infopo.core import UserError

from .conftest import batches, make_batch

FEW = settings(max_examples=30, deadline=None)
CREDITS = pytest.mark.parametrize("credit", ["Equalized", "R2G", "EM"])
SPANS = [[(0, 2), (3, 4)], [(0, 1), (2, 5)]]


def pair(first: list[float | None], second: list[float | None]) -> CreditBatch:
    return make_batch([0, 0], [1.0, 0.0], SPANS, rewards=[first, second])


@CREDITS
@pytest.mark.parametrize("score", ["Sum", "mean", "R2G"])
@FEW
@given(batch=batches())
def test_credit_moves_an_advantage_between_turns_and_keeps_its_mean(
    batch: CreditBatch, score: Any, credit: Any
) -> None:
    method = algorithms.get("userrl", score=score, credit=credit)
    rewards = np.where(batch.turn_reward_mask, batch.turn_rewards, 0.0)
    for row, spans in enumerate(batch.action_spans):
        if not batch.turn_reward_mask[row].any():  # nobody scored a turn: the outcome is what was earned
            rewards[row, len(spans) - 1] = batch.outcome[row]
    z = multi_turn(batch, rewards, MultiTurnRule(score=score)).z
    for row, found in enumerate(method.credit(batch).advantages):
        credited = found[found != 0]
        assert credited.size == 0 or credited.mean() == pytest.approx(z[row], abs=1e-9)
        assert credited.size or credit == "R2G" or z[row] == pytest.approx(0, abs=1e-9)


@FEW
@given(batch=batches(), shift=st.sampled_from([-0.5, 0.25, 2.0]))
def test_equal_credit_ignores_a_constant_on_every_reward(batch: CreditBatch, shift: float) -> None:
    scored = replace(batch, turn_rewards=np.nan_to_num(batch.turn_rewards), turn_reward_mask=all_turns(batch))
    moved = replace(scored, turn_rewards=scored.turn_rewards + shift)
    method = algorithms.get("userrl", decimals=None)
    np.testing.assert_allclose(method.credit(moved).advantages, method.credit(scored).advantages, atol=1e-6)


def all_turns(batch: CreditBatch) -> np.ndarray:
    mask = np.zeros_like(batch.turn_reward_mask)
    for row, spans in enumerate(batch.action_spans):
        mask[row, : len(spans)] = True
    return mask


@CREDITS
def test_equal_scores_teach_nothing(credit: str) -> None:
    batch = pair([0.5, 0.5], [1.0, 0.0])
    assert (algorithms.get("userrl", credit=credit).credit(batch).advantages == 0).all()


def test_a_turn_without_a_reward_counts_as_zero() -> None:
    method = algorithms.get("userrl", credit="EM")
    missing, zero = method.credit(pair([None, 1.0], [0.0, None])), method.credit(pair([0.0, 1.0], [0.0, 0.0]))
    np.testing.assert_array_equal(missing.advantages, zero.advantages)
    assert missing.stats["userrl/scored_turns_frac"] == 0.5
    assert zero.stats["userrl/scored_turns_frac"] == 1.0


def test_under_r2g_credit_an_episode_without_reward_gets_nothing() -> None:
    found = algorithms.get("userrl", credit="R2G").credit(pair([0.0, 1.0], [0.0, 0.0])).advantages
    assert (found[1] == 0).all()
    assert found[0, 3] > found[0, 0] > 0  # the turn that was paid above the one before it
    assert algorithms.get("userrl").credit(pair([0.0, 1.0], [0.0, 0.0])).advantages[1, 0] < 0


def test_r2g_credit_refuses_negative_rewards_and_says_why() -> None:
    batch = pair([-1.0, 0.2], [-2.0, 0.5])
    with pytest.raises(UserError, match=r"negative turn reward \(episode 0\).*pushed down.*allow_negative_credit"):
        algorithms.get("userrl", credit="R2G", score="R2G").credit(batch)
    allowed = algorithms.get("userrl", credit="R2G", score="R2G", allow_negative_credit=True).credit(batch)
    assert allowed.advantages[0, 3] < 0 < allowed.advantages[0, 0]  # the better episode: signs are turned
    for credit in ("Equalized", "EM"):
        algorithms.get("userrl", credit=credit).credit(batch)
    masked = replace(batch, turn_reward_mask=np.array([[False, True], [False, True]]))
    algorithms.get("userrl", credit="R2G").credit(masked)


@pytest.mark.parametrize(
    ("score", "decimals", "expected"),
    [("Sum", 4, 0.6667), ("Sum", None, 2 / 3), ("mean", 4, 0.3333), ("R2G", 4, 1 / 3 + 0.5 / 3)],
)
def test_scores_by_hand(score: Any, decimals: int | None, expected: float) -> None:
    rule = MultiTurnRule(score=score, gamma=0.5, decimals=decimals)
    assert episode_score([1 / 3, 1 / 3], rule) == pytest.approx(expected, abs=1e-12)
    assert episode_score([], rule) == 0


def test_exponential_credit_by_hand() -> None:
    found = turn_credits([0.0, 0.2, 0.3, 0.5, 0.7, 1.0], MultiTurnRule(credit="EM"))
    assert found == [0.5, 0.6906, 0.7609, 0.8655, 0.9357, 1.0]


@pytest.mark.parametrize(
    "options",
    [
        {"score": "sum"},
        {"credit": "equal"},
        {"gamma": 1.5},
        {"norm_std": 1},
        {"decimals": -1},
        {"decimals": 2.5},
        {"singleton": "keep"},
        {"epsilon": 0},
        {"allow_negative_credit": "yes"},
    ],
)
def test_bad_values_are_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"userrl: {next(iter(options))}"):
        algorithms.get("userrl", **options)
