"""InfoPO-return: the total of an episode as a return, where outcomes say nothing and something is left to gain."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infopo import algorithms
from infopo.algorithms import CreditBatch
from infopo.algorithms.infopo_return import bounded, returns
from infopo.core import UserError

from .conftest import batches, make_batch, no_signals

TWO_TURNS = [(0, 2), (3, 4)]


def advantages(batch: CreditBatch, **options: Any) -> np.ndarray:
    return algorithms.get("infopo-return", **options).credit(batch).advantages


def three(outcomes: list[float]) -> CreditBatch:
    """One asks and is told 1 nat, one asks twice for 2 and 3 nats, one guesses."""
    spans = [TWO_TURNS, [*TWO_TURNS, (5, 6)], [(0, 2)]]
    return make_batch([0, 0, 0], outcomes, spans, [[1.0, None], [2.0, 3.0, None], [None]])


def test_a_failed_group_by_hand() -> None:
    found = advantages(three([0.0, 0.0, 0.0]), draws=None, beta=0.5)
    # Totals 1, 5, 0. The first's line is drawn by (answers so far, total) (0, 5), (1, 5), (2, 5), (0, 0): means 0.75
    # and 3.75, slope 3.75 / (2.75 + 1), so that it expects 3 at first and 4 behind an answer.
    assert found[0, :6].tolist() == [-1, -1, 0, -1.5, 0, 0]
    # (0, 1), (1, 1), (0, 0): 0.6, and 0.2 more for each answer
    np.testing.assert_allclose(found[1, :6], [2.2, 2.2, 0, 2.1, 0, 2.0])
    # (0, 1), (1, 1), (0, 5), (1, 5), (2, 5): 3.4 - 0.8 * 2.4 / (2.8 + 1)
    np.testing.assert_allclose(found[2, :6], [-0.5 * (3.4 - 1.92 / 3.8)] * 2 + [0] * 4)


def test_the_answers_before_an_action_count_less() -> None:
    """Three were told the same, one of them then asked in vain: behind the answer little is left of their advantage."""
    spans = [TWO_TURNS, [*TWO_TURNS, (5, 6)], TWO_TURNS, [(0, 2)], [(0, 2)], [(0, 2)]]
    gains = [[2.0, None], [2.0, None, None], [2.0, None], [None], [None], [None]]
    found = advantages(make_batch([0] * 6, [0.0] * 6, spans, gains), draws=None, beta=1.0)
    first, second = found[1, 0], found[1, 3]
    assert first > 1.0
    assert abs(second) < 0.5 * first
    assert abs(found[0, 3]) < 0.5 * found[0, 0]
    assert found[1, 5] == second  # no answer between the two


def test_to_ask_beats_to_guess_where_infopo_is_silent() -> None:
    batch = make_batch([0, 0], [0.0, 0.0], [TWO_TURNS, [(0, 2)]], [[1.0, None], [None]])
    assert not algorithms.get("infopo").credit(batch).advantages.any()
    found = advantages(batch)
    assert found[0, 0] > 0 > found[1, 0]


@pytest.mark.parametrize("outcomes", [[1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
def test_where_outcomes_speak_or_nothing_is_left_it_is_grpo(outcomes: list[float]) -> None:
    batch = three(outcomes)
    plain = algorithms.get("grpo").credit(batch).advantages
    np.testing.assert_array_equal(advantages(batch), plain)
    assert np.abs(advantages(batch, no_gate=True) - plain).max() > 0.1


def test_the_headroom_of_equal_outcomes() -> None:
    whole, half = (advantages(three([level] * 3), draws=None) for level in (0.0, 0.5))
    np.testing.assert_allclose(half, whole / 2)


@pytest.mark.parametrize(
    ("outcomes", "options", "matters"),
    [
        ([0.0, 0.0, 0.0], {}, True),
        ([0.5, 0.5], {}, True),
        ([0.45, 0.5, 0.5], {}, True),
        ([0.0, 1.0, 0.0], {}, False),
        ([1.0, 1.0, 1.0], {}, False),
        ([1.0, 1.0, 1.0], {"no_gate": True}, True),
        ([0.0, 0.0, 0.0], {"beta": 0.0}, False),
        ([0.0, 0.0, 0.0], {"beta": 9e-4}, False),
        ([0.0, 1.0, 0.0], {"beta": 200.0}, True),
        ([0.0, 1.0, 0.0], {"gate_temperature": 0.5}, True),
    ],
)
def test_where_a_gain_matters(outcomes: list[float], options: dict[str, Any], matters: bool) -> None:
    assert algorithms.get("infopo-return", **options).gain_matters(np.array(outcomes)) is matters


@given(batches(least=2), st.sampled_from([0.0, 0.1, 1.0]), st.sampled_from([0.01, 0.05, 0.5]), st.booleans())
def test_a_gain_that_does_not_matter_may_be_missing(batch: CreditBatch, beta: float, tau: float, no_gate: bool) -> None:
    method = algorithms.get("infopo-return", beta=beta, gate_temperature=tau, no_gate=no_gate)
    kept = np.array([method.gain_matters(batch.outcome[batch.group == number]) for number in batch.group])[:, None]
    less = replace(
        batch,
        signals={**batch.signals, "gain": np.where(kept, batch.signals["gain"], np.nan)},
        signal_masks={**batch.signal_masks, "gain": batch.signal_masks["gain"] & kept},
    )
    found = method.credit(less)
    np.testing.assert_array_equal(found.advantages, method.credit(batch).advantages)
    assert all(math.isfinite(value) for value in found.stats.values())


@given(batches())
def test_without_gains_it_is_grpo(batch: CreditBatch) -> None:
    plain = algorithms.get("grpo").credit(batch).advantages
    np.testing.assert_array_equal(advantages(no_signals(batch)), plain)
    np.testing.assert_array_equal(advantages(batch, beta=0.0), plain)


@given(st.floats(-30, 30), st.integers(1, 9))
def test_the_bound(gain: float, draws: int) -> None:
    """What is left of a log-ratio when the answer itself joins the K others that it is held against."""
    others = math.exp(-gain)  # their mean probability, that behind the answer being 1
    assert float(bounded(np.array([gain]), draws)[0]) == pytest.approx(-math.log((1 + draws * others) / (draws + 1)))


def test_a_turn_without_a_gain_adds_nothing() -> None:
    totals = returns(three([0.0] * 3), 4)
    assert totals[2] == 0
    assert totals[1] == pytest.approx(bounded(np.array([2.0, 3.0]), 4).sum())


@pytest.mark.parametrize(
    "options", [{"draws": 0}, {"draws": 1.5}, {"draws": True}, {"beta": -1.0}, {"gate_temperature": 0}, {"no_gate": 1}]
)
def test_a_bad_option_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"infopo-return: {next(iter(options))}"):
        algorithms.get("infopo-return", **options)
