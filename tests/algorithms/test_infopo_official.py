"""InfoPO as released: its bugs are there, each by itself."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from infopo import algorithms
from infopo.algorithms import CreditBatch
from infopo.algorithms.infopo_official import InfoPOOfficialOptions, official_parts
from infopo.core import UserError

from .conftest import batches, make_batch, no_signals

FEW = settings(max_examples=40, deadline=None)
SPANS = [[(0, 2), (3, 4), (5, 6)], [(1, 4), (5, 6)]]
GAINS: list[list[float | None]] = [[0.6, 0.0, None], [0.2, None]]
BATCH = make_batch([0, 0], [1.0, 0.0], SPANS, GAINS, rewards=[[1.0, 0.0, None], [0.5, 0.25]])


def parts(batch: CreditBatch, **options: Any) -> Any:
    return official_parts(batch, InfoPOOfficialOptions(**options))


def test_the_last_reward_is_overwritten_with_the_outcome() -> None:
    assert parts(BATCH).outcome.scores.tolist() == [2.0, 0.5]  # paid early and solved: counted twice
    assert parts(BATCH, overwrite_last=False).outcome.scores.tolist() == [1.0, 0.75]


def test_without_turn_rewards_the_outcome_is_the_score() -> None:
    batch = replace(BATCH, turn_rewards=None, turn_reward_mask=None)
    assert parts(batch).outcome.scores.tolist() == [1.0, 0.0]
    assert parts(batch, overwrite_last=False).outcome.scores.tolist() == [1.0, 0.0]


def test_scores_are_rounded_to_four_places() -> None:
    batch = replace(BATCH, turn_rewards=np.array([[0.123456, 0, 0], [0, 0, 0]]))
    assert parts(batch).outcome.scores.tolist() == [1.1235, 0.0]


def test_gains_are_divided_twice_and_a_zero_is_missing() -> None:
    found = parts(BATCH)
    np.testing.assert_allclose(found.gains, [[0.3, 0.3, 0, 0, 0, 0], [0, 0.2 / 3, 0.2 / 3, 0.2 / 3, 0, 0]])
    tokens = np.array([0.3, 0.3, 0.2 / 3, 0.2 / 3, 0.2 / 3])
    expected = (tokens - tokens.mean()) / (tokens.std(ddof=1) + 1e-6)
    np.testing.assert_allclose(found.intrinsic[0], [expected[0]] * 2 + [0] * 4)
    np.testing.assert_allclose(found.intrinsic[1], [0] + [expected[2]] * 3 + [0] * 2)


def test_a_group_of_one_keeps_its_score_and_a_gate_at_deviation_one() -> None:
    batch = make_batch([0], [0.7], [[(0, 2), (3, 4)]], [[0.4, None]], rewards=[[0.3, None]])
    found = parts(batch)
    np.testing.assert_allclose(found.advantages[0], [1 / (1 + 1e-6)] * 2 + [0, 1 / (1 + 1e-6)])
    assert found.gates[0] == pytest.approx(1 / (1 + math.exp(2)))


def test_the_decay_is_applied_twice() -> None:
    later = replace(BATCH, epoch=3)
    assert parts(later, decay=0.1).beta == pytest.approx(0.5 * math.exp(-0.6))
    assert parts(BATCH, decay=0.1).beta == parts(later).beta == 0.5


def test_intrinsic_only_knows_neither_weight_nor_gate() -> None:
    found = parts(BATCH, use_intrinsic_only=True, beta=0.01)
    np.testing.assert_array_equal(found.advantages, found.ratio * found.intrinsic)


def test_large_raw_gains_shrink_by_the_magnitude_of_the_whole_batch() -> None:
    large = replace(BATCH, signals={"gain": BATCH.signals["gain"] * 100})
    found = parts(large, normalize_intrinsic=False)
    deviation = found.gains[large.sampled].std(ddof=1)
    assert found.ratio == pytest.approx(max(1.0, found.outcome.tokens[large.sampled].std(ddof=1)) / deviation, rel=1e-5)
    assert parts(large).ratio > 0.9


def test_negative_rewards_turn_signs_under_r2g_credit() -> None:
    spans = [[(0, 2), (3, 5)], [(0, 2), (3, 5)]]
    batch = make_batch([0, 0], [0.0, 0.0], spans, [[None, None]] * 2, rewards=[[-1.0, 0.2], [-2.0, 0.5]])
    found = parts(batch, overwrite_last=False, score="R2G", credit="R2G")
    assert found.outcome.z[0] > 0 > found.advantages[0, 3]


@FEW
@given(batch=batches())
def test_without_gains_it_is_multi_turn_grpo_on_the_overwritten_rewards(batch: CreditBatch) -> None:
    found = parts(no_signals(batch))
    np.testing.assert_array_equal(found.advantages, found.outcome.tokens)
    method = algorithms.get("infopo-official")
    np.testing.assert_array_equal(method.credit(batch).advantages, parts(batch).advantages)


@pytest.mark.parametrize(
    "options",
    [
        {"beta": -1},
        {"decay": -0.1},
        {"gate_temperature": 0},
        {"normalize_intrinsic": 1},
        {"use_intrinsic_only": None},
        {"overwrite_last": "no"},
        {"score": "sum"},
        {"credit": "InfoGRPO"},
    ],
)
def test_bad_values_are_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"infopo-official: {next(iter(options))}"):
        algorithms.get("infopo-official", **options)
