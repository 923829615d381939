"""Advantages from values: identities that hold whatever the numbers are."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from infopo.algorithms.advantage_estimation import bi_level_gae, gae, masked_gae, turn_gae, whiten
from infopo.algorithms.filters import GroupFilter, group_spreads, kept_groups
from infopo.algorithms.reward_normalisation import normalised

SHAPE = (2, 7)
NUMBERS = arrays(np.float64, SHAPE, elements=st.floats(-2, 2).map(lambda value: round(value, 3)))
MASKS = arrays(np.bool_, SHAPE)
SHARES = st.floats(0, 1)


@given(rewards=NUMBERS, values=NUMBERS, mask=MASKS)
def test_undiscounted_advantages_are_rewards_to_go_less_the_value(rewards: Any, values: Any, mask: Any) -> None:
    found, returns = masked_gae(rewards, values, mask, gamma=1.0, lam=1.0)
    kept = np.where(mask, rewards, 0.0)
    ahead = np.where(mask, np.cumsum(kept[:, ::-1], axis=1)[:, ::-1], 0.0)
    np.testing.assert_allclose(returns, ahead, atol=1e-9)
    np.testing.assert_allclose(found, np.where(mask, ahead - values, 0.0), atol=1e-9)


@given(rewards=NUMBERS, values=NUMBERS, mask=MASKS, junk=NUMBERS, gamma=SHARES, lam=SHARES)
def test_values_outside_the_mask_do_not_leak(
    rewards: Any, values: Any, mask: Any, junk: Any, gamma: float, lam: float
) -> None:
    other = [np.where(mask, part, junk) for part in (rewards, values)]
    ends = mask & (rewards > 0)
    for one, two in (
        (masked_gae(rewards, values, mask, gamma=gamma, lam=lam), masked_gae(*other, mask, gamma=gamma, lam=lam)),
        (
            bi_level_gae(rewards, values, mask, ends, gamma=gamma, lam=lam, gamma_high=0.9),
            bi_level_gae(*other, mask, ends, gamma=gamma, lam=lam, gamma_high=0.9),
        ),
    ):
        np.testing.assert_array_equal(one, two)


def test_the_trainer_that_does_not_know_turns_leaks() -> None:
    rewards, values = np.array([[0.0, 0.0, 1.0]]), np.array([[0.5, 9.0, 0.5]])
    mask = np.array([[True, False, True]])
    assert abs(gae(rewards, values, gamma=1.0, lam=0.5)[0][0, 0]) > 4
    assert abs(masked_gae(rewards, values, mask, gamma=1.0, lam=0.5)[0][0, 0]) < 1


@given(rewards=NUMBERS, values=NUMBERS, gamma=SHARES, lam=SHARES)
def test_turns_of_one_token_are_tokens(rewards: Any, values: Any, gamma: float, lam: float) -> None:
    mask = np.ones(SHAPE, dtype=bool)
    by_token = masked_gae(rewards, values, mask, gamma=gamma, lam=lam)[0]
    for row in range(len(rewards)):
        np.testing.assert_array_equal(turn_gae(rewards[row], values[row], gamma=gamma, lam=lam), by_token[row])
    bi_level = bi_level_gae(rewards, values, mask, mask, gamma=0.3, lam=lam, gamma_high=gamma)[0]
    np.testing.assert_allclose(bi_level, by_token, atol=1e-12)


@given(rewards=NUMBERS, values=NUMBERS, mask=MASKS, gamma=SHARES, lam=SHARES)
def test_one_turn_is_token_gae(rewards: Any, values: Any, mask: Any, gamma: float, lam: float) -> None:
    ends = np.zeros(SHAPE, dtype=bool)
    one = bi_level_gae(rewards, values, mask, ends, gamma=gamma, lam=lam, gamma_high=0.2)
    np.testing.assert_allclose(one, masked_gae(rewards, values, mask, gamma=gamma, lam=lam), atol=1e-12)


def test_a_turn_without_a_reward_is_a_turn_only_by_the_mask() -> None:
    rewards, values = np.array([[0.0, 0.0, 0.0, 1.0]]), np.array([[0.1, 0.2, 0.3, 0.4]])
    mask, ends = np.ones((1, 4), dtype=bool), np.array([[False, True, False, True]])
    kwargs = {"gamma": 1.0, "lam": 1.0, "gamma_high": 0.5}
    told, released = (bi_level_gae(rewards, values, mask, given, **kwargs)[1][0] for given in (ends, None))
    np.testing.assert_allclose(told, [0.5, 0.5, 1.0, 1.0])
    np.testing.assert_allclose(released, [1.0] * 4)
    nothing = bi_level_gae(np.zeros((1, 4)), values, mask, None, **kwargs)[1][0]
    np.testing.assert_allclose(nothing, [0.0] * 4, atol=1e-12)


@given(values=NUMBERS, mask=MASKS)
def test_whitened_values_have_mean_zero_and_variance_one(values: Any, mask: Any) -> None:
    found = whiten(values, mask)
    assert (found[~mask] == 0).all()
    chosen = found[mask]
    if chosen.size > 1 and values[mask].std() > 0.01:
        assert chosen.mean() == pytest.approx(0, abs=1e-9)
        assert chosen.var(ddof=1) == pytest.approx(1, abs=1e-3)
    if chosen.size < 2:
        assert (found == 0).all()


@given(shift=st.floats(-3, 3), scale=st.floats(0.5, 4))
def test_normalisations_of_rewards(shift: float, scale: float) -> None:
    rewards = np.array([-10.0, 1.0, 2.0, 1.0, 1.0, 1.5])
    moved = rewards * scale + shift
    np.testing.assert_array_equal(normalised(moved, "identity"), moved)
    np.testing.assert_allclose(normalised(moved, "mean"), scale * normalised(rewards, "mean"), atol=1e-9)
    for kind in ("mean_std", "asym_clip"):
        np.testing.assert_allclose(normalised(moved, kind), normalised(rewards, kind), atol=1e-5)
    assert normalised(moved, "asym_clip").min() == -1 > normalised(moved, "mean_std").min()
    assert normalised(np.array([0.7]), "mean_std").tolist() == normalised(np.array([0.7]), "mean").tolist() == [0.0]


def test_a_share_of_less_than_one_group_keeps_one_unless_told_otherwise() -> None:
    groups = [np.array([0.0, 1.0]), np.array([1.0, 1.0]), np.array([0.3])]
    assert group_spreads(groups) == pytest.approx([np.sqrt(0.5), 0, 0])
    rule = GroupFilter(kind="std", keep=0.1)
    assert kept_groups(rule, groups) == [0]
    assert kept_groups(rule, groups, keep_min_one=False) == []
    assert kept_groups(rule, []) == []
    assert kept_groups(GroupFilter(kind="dynamic"), groups[1:]) == []
