"""IGPO: beliefs become gains, gains and outcome become advantages; what is missing, and what is merely 0."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infopo import algorithms
from infopo.algorithms import CreditBatch
from infopo.algorithms.belief_gains import belief_gains
from infopo.algorithms.igpo import curriculum

from .conftest import batches
from .full_batch import full_batch

THREE = [[(0, 1), (2, 3), (4, 5)]] * 2


def advantages(batch: CreditBatch, **options: Any) -> Any:
    return algorithms.get("igpo", **options).credit(batch).advantages


def pair(first: list[float | None], second: list[float | None], outcomes: tuple[float, float]) -> CreditBatch:
    return full_batch([0, 0], outcomes, THREE, beliefs=[first, second])


@given(batch=batches())
def test_gains_telescope_where_every_belief_is_known(batch: CreditBatch) -> None:
    gains, mask = belief_gains(batch, "log_prob_diff", name="test")
    beliefs, known = batch.signals["belief"], batch.signal_masks["belief"]
    for row, spans in enumerate(batch.action_spans):
        assert not mask[row, len(spans) - 1 :].any(), "the last turn has no gain"
        if known[row, : len(spans)].all():
            assert gains[row].sum() == pytest.approx(beliefs[row, len(spans) - 1] - beliefs[row, 0], abs=1e-9)
    assert (gains[~mask] == 0).all()


def test_equal_outcomes_are_told_apart_by_the_belief() -> None:
    batch = pair([-3.0, -1.0, -1.0], [-3.0, -3.0, -3.0], (1.0, 1.0))
    assert (algorithms.get("grpo").credit(batch).advantages == 0).all()
    found = advantages(batch)
    assert found[0, 0] > 0 > found[1, 0]
    assert found[0, 4] == found[1, 4] == 0, "the last turn has the outcome alone"


def test_a_gain_of_zero_is_a_value_and_the_released_rule_is_an_option() -> None:
    batch = pair([-3.0, -3.0, -1.0], [-3.0, -2.0, -1.5], (1.0, 0.0))
    value, missing = advantages(batch), advantages(batch, zero="missing")
    assert value[0, 0] != pytest.approx(value[0, 2])
    assert missing[0, 0] == pytest.approx(missing[0, 2]), "the turn melts into the next one"
    gone = pair([None, -3.0, -1.0], [-3.0, -2.0, -1.5], (1.0, 0.0))
    np.testing.assert_allclose(advantages(gone), missing)


def test_a_discount_counts_turns() -> None:
    batch = pair([-3.0, -2.0, -2.0], [-3.0, -3.0, -2.0], (1.0, 0.0))
    one, none = advantages(batch, gamma=1.0), advantages(batch, gamma=0.0)
    np.testing.assert_allclose(one[:, 0], none[:, 0] + none[:, 2] + none[:, 4], atol=1e-12)
    half = advantages(batch, gamma=0.5)
    np.testing.assert_allclose(half[:, 0], none[:, 0] + 0.5 * none[:, 2] + 0.25 * none[:, 4], atol=1e-12)


@given(shift=st.floats(-2, 2), scale=st.floats(0.5, 3))
def test_separate_scores_ignore_the_unit_of_gains_and_outcomes(shift: float, scale: float) -> None:
    batch = pair([-3.0, -1.0, -2.0], [-3.0, -2.5, -0.5], (0.2, 0.9))
    other = replace(
        batch, outcome=batch.outcome * scale + shift, signals={"belief": batch.signals["belief"] * scale + shift}
    )
    np.testing.assert_allclose(advantages(other), advantages(batch), atol=1e-4)


def test_the_curriculum_is_a_weight_of_scores() -> None:
    assert [curriculum(x, 1.0, 0.5) for x in (0.0, 0.5, 1.0, 2.0)] == [1.0, 0.75, 0.5, 0.5]
    batch = pair([-3.0, -1.0, -2.0], [-3.0, -2.5, -0.5], (0.2, 0.9))
    published = {"outcome_weight": 0.5, "outcome_weight_end": 1.0, "gain_weight_end": 0.5}
    early, late = (advantages(replace(batch, progress=progress), **published) for progress in (0.0, 1.0))
    plain = advantages(batch)
    np.testing.assert_allclose(early[:, 4], 0.5 * plain[:, 4])
    np.testing.assert_allclose(late[:, 4], plain[:, 4])
    np.testing.assert_allclose(late[:, 0] - late[:, 4], 0.5 * (plain[:, 0] - plain[:, 4]), atol=1e-12)


def test_weights_before_the_normalisation_cancel_unless_it_is_joint() -> None:
    batch = pair([-3.0, -1.0, -2.0], [-3.0, -2.5, -0.5], (0.2, 0.9))
    weights = {"outcome_weight": 0.5, "outcome_weight_end": 0.5, "weigh": "before"}
    np.testing.assert_allclose(advantages(batch, **weights), advantages(batch), atol=1e-4)
    joint = advantages(batch, normalisation="joint", **weights)
    assert np.abs(joint - advantages(batch, normalisation="joint")).max() > 0.05


def test_one_turn_is_its_outcome() -> None:
    batch = full_batch([0, 0], [1.0, 0.0], [[(0, 2)], [(0, 2)]], beliefs=[[-1.0], [-2.0]])
    np.testing.assert_allclose(advantages(batch)[:, 0], [1, -1], atol=1e-5)
    np.testing.assert_allclose(algorithms.get("igpo-2025").credit(batch).advantages[:, 0], [0.5, -0.5])


def test_the_old_form_compares_positions() -> None:
    batch = full_batch([0, 0], [1.0, 0.5], [[(0, 1), (3, 5)], [(0, 1)]], beliefs=[[-2.0, -1.5], [-2.0]])
    found = algorithms.get("igpo-2025", kind="log_prob_diff").credit(batch).advantages
    np.testing.assert_allclose(found[0], [0.5, 0, 0, 0.5, 0.5], atol=1e-12)
    np.testing.assert_allclose(found[1], [-0.5, 0, 0, 0, 0], atol=1e-12)
