"""InfoPO's ablations: the defaults are the paper's form, bit by bit; each option changes what it names."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from infopo import algorithms
from infopo.algorithms import CreditBatch
from infopo.algorithms.gain_credit import gate, magnitude_ratio
from infopo.core import UserError

from .conftest import batches, make_batch

FEW = settings(max_examples=40, deadline=None)
# Two episodes of equal outcomes; gains 0.6, 0.0 and 0.2 on actions of two tokens, one and three.
SPANS = [[(0, 2), (3, 4), (5, 6)], [(1, 4), (5, 6)]]
EQUAL = make_batch([0, 0], [1.0, 1.0], SPANS, [[0.6, 0.0, None], [0.2, None]])
MIXED = replace(EQUAL, outcome=np.array([1.0, 0.0]))


def credit(batch: CreditBatch, **options: Any) -> np.ndarray:
    return algorithms.get("infopo", **options).credit(batch).advantages


def papers_form(batch: CreditBatch, beta: float, temperature: float) -> np.ndarray:
    """The formula of the docstring, one episode and one turn after another."""

    def standard(values: np.ndarray) -> np.ndarray:
        if values.size < 2 or np.ptp(values) <= 1e-8:
            return np.zeros_like(values)
        return (values - values.mean()) / (values.std(ddof=1) + 1e-6)

    gains, mask = batch.signals["gain"], batch.signal_masks["gain"]
    found = np.zeros(batch.sampled.shape)
    for number in np.unique(batch.group):
        rows = np.flatnonzero(batch.group == number)
        outcome, outcomes = standard(batch.outcome[rows]), batch.outcome[rows]
        sigma = 0.0 if rows.size < 2 or np.ptp(outcomes) <= 1e-8 else float(outcomes.std(ddof=1))
        small = math.exp(-sigma / temperature)
        scores = iter(standard(gains[rows][mask[rows]]))
        for place, row in enumerate(rows):
            found[row] = np.where(batch.sampled[row], outcome[place], 0.0)
            for turn, span in enumerate(batch.action_spans[row]):
                if mask[row, turn]:
                    found[row, span.start : span.end] += beta * (small / (1 + small)) * next(scores)
    return found


@FEW
@given(batch=batches())
def test_the_defaults_are_the_papers_form_bit_by_bit(batch: CreditBatch) -> None:
    np.testing.assert_array_equal(credit(batch), papers_form(batch, 0.5, 0.5))
    np.testing.assert_array_equal(credit(batch, beta=0.3, gate_temperature=0.1), papers_form(batch, 0.3, 0.1))


def test_without_the_outcome_the_normalised_gain_is_all() -> None:
    gains = np.array([0.6, 0.0, 0.2])
    expected = (gains - gains.mean()) / (gains.std(ddof=1) + 1e-6)
    for batch in (EQUAL, MIXED):
        found = credit(batch, no_outcome=True, beta=0.1)
        np.testing.assert_allclose(found[0], [expected[0]] * 2 + [0, expected[1], 0, 0])
        np.testing.assert_allclose(found[1], [0] + [expected[2]] * 3 + [0, 0])


def test_the_gate_can_be_left_open_or_half_open() -> None:
    outcome = algorithms.get("grpo").credit(MIXED).advantages
    whole, half = credit(MIXED, gate="none") - outcome, credit(MIXED, gate="half") - outcome
    np.testing.assert_allclose(half, whole / 2)
    np.testing.assert_allclose(credit(MIXED) - outcome, whole * gate(math.sqrt(0.5), 0.5))
    np.testing.assert_array_equal(credit(EQUAL, gate="half"), credit(EQUAL))
    np.testing.assert_allclose(whole[0, 0], 0.5 * credit(MIXED, no_outcome=True)[0, 0])


def test_centring_alone_and_raw_gains() -> None:
    centred = credit(MIXED, no_std=True, gate="none", beta=1.0)
    mean = 0.8 / 3
    np.testing.assert_allclose(centred[0], [0.5 + 0.6 - mean] * 2 + [0, 0.5 - mean, 0, 0.5])
    np.testing.assert_allclose(centred[1], [0] + [-0.5 + 0.2 - mean] * 3 + [0, -0.5])
    raw = credit(EQUAL, no_norm=True, gate="none", beta=1.0)
    np.testing.assert_allclose(raw, [[0.6, 0.6, 0, 0, 0, 0], [0, 0.2, 0.2, 0.2, 0, 0]])


def test_credit_may_go_to_the_action_that_follows_the_answer() -> None:
    now = credit(EQUAL, no_norm=True, gate="none", beta=1.0, credit_to="a_t+1")
    np.testing.assert_allclose(now, [[0, 0, 0, 0.6, 0, 0.0], [0, 0, 0, 0, 0, 0.2]])


def test_token_statistics_count_tokens_and_miss_zeros() -> None:
    found = credit(EQUAL, stats="token_nonzero", no_outcome=True)
    tokens = np.array([0.6, 0.6, 0.2, 0.2, 0.2])
    expected = (tokens - tokens.mean()) / (tokens.std(ddof=1) + 1e-6)
    np.testing.assert_allclose(found[0], [expected[0]] * 2 + [0, 0, 0, 0])
    np.testing.assert_allclose(found[1], [0] + [expected[2]] * 3 + [0, 0])
    assert credit(EQUAL, no_outcome=True)[0, 3] < 0  # by turn, a gain of 0 is a value


def test_the_second_length_division() -> None:
    raw = credit(EQUAL, no_norm=True, gate="none", beta=1.0, length_norm="next_and_own")
    np.testing.assert_allclose(raw, [[0.3, 0.3, 0, 0, 0, 0], [0, 0.2 / 3, 0.2 / 3, 0.2 / 3, 0, 0]])


def test_large_raw_gains_are_bounded_by_the_outcomes() -> None:
    large = replace(MIXED, signals={"gain": MIXED.signals["gain"] * 100})
    options = {"no_norm": True, "gate": "none", "beta": 1.0}
    outcome = algorithms.get("grpo").credit(large).advantages
    plain, bounded = credit(large, **options) - outcome, credit(large, **options, magnitude_bound=True) - outcome
    ratio = magnitude_ratio(outcome, plain, large.sampled, 1e-6)
    assert 0 < ratio < 0.1
    np.testing.assert_allclose(bounded, plain * ratio)
    stats = algorithms.get("infopo", magnitude_bound=True, **(options | {"beta": 0.3})).credit(large).stats
    assert stats["info/magnitude_ratio"] == pytest.approx(ratio)
    assert (stats["info/beta_t"], stats["info/effective_weight"]) == (0.3, pytest.approx(0.3 * ratio))
    np.testing.assert_array_equal(credit(EQUAL, magnitude_bound=True), credit(EQUAL))


def test_gains_are_clipped_before_they_are_compared() -> None:
    wild = replace(EQUAL, signals={"gain": np.array([[60.0, -9.0, np.nan], [0.2, np.nan, np.nan]])})
    tame = replace(EQUAL, signals={"gain": np.array([[5.0, -5.0, np.nan], [0.2, np.nan, np.nan]])})
    np.testing.assert_array_equal(credit(wild, clip=5.0), credit(tame))
    assert not np.allclose(credit(wild), credit(tame))
    np.testing.assert_array_equal(credit(tame, clip=5.0), credit(tame))


def test_no_scored_turn_leaves_the_outcome() -> None:
    nothing = replace(MIXED, signal_masks={"gain": np.zeros((2, 3), dtype=bool)})
    outcome = algorithms.get("grpo").credit(MIXED).advantages
    for options in (
        {},
        {"stats": "token_nonzero"},
        {"no_norm": True},
        {"magnitude_bound": True},
        {"credit_to": "a_t+1"},
    ):
        np.testing.assert_array_equal(credit(nothing, **options), outcome)
    assert (credit(nothing, no_outcome=True) == 0).all()


@pytest.mark.parametrize(
    "options",
    [
        {"gate": "open"},
        {"no_outcome": 1},
        {"no_std": "yes"},
        {"no_norm": None},
        {"credit_to": "a_t+2"},
        {"stats": "token"},
        {"length_norm": "own"},
        {"magnitude_bound": 0},
        {"clip": 0.0},
        {"clip": float("nan")},
        {"epsilon": -1.0},
    ],
)
def test_bad_values_are_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"infopo: {next(iter(options))}"):
        algorithms.get("infopo", **options)
