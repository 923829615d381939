"""Methods that read outcomes alone: what each is beside GRPO, and what it does not react to."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from infopo import algorithms
from infopo.algorithms import CreditBatch
from infopo.algorithms.group_stats import members
from infopo.core import UserError

from .conftest import batches, make_batch, no_signals

FEW = settings(max_examples=30, deadline=None)
CENTRED = pytest.mark.parametrize("name", ["infopo", "grpo", "dr-grpo", "rloo", "dapo"])
PAIR = make_batch([0, 0, 1, 1], [1.0, 0.0, 1.0, 1.0], [[(0, 2)], [(0, 1), (2, 4)], [(0, 3)], [(1, 2)]])


@pytest.mark.parametrize("name", ["infopo", "grpo", "dr-grpo", "rloo", "reinforce++", "dapo"])
@FEW
@given(batch=batches(), shift=st.floats(-3, 3))
def test_a_constant_on_every_outcome_changes_nothing(name: str, batch: CreditBatch, shift: float) -> None:
    method = algorithms.get(name)
    moved = method.credit(replace(batch, outcome=batch.outcome + shift))
    np.testing.assert_allclose(moved.advantages, method.credit(batch).advantages, atol=1e-7)


@pytest.mark.parametrize("name", ["grpo", "reinforce++", "dapo"])
@FEW
@given(batch=batches(), scale=st.floats(0.5, 4))
def test_the_unit_of_the_outcome_does_not_matter(name: str, batch: CreditBatch, scale: float) -> None:
    deviations = [batch.outcome[rows].std() for rows in members(batch.group)]
    assume(all(value == 0 or value > 0.05 for value in deviations))  # the added epsilon is small beside these
    method = algorithms.get(name)
    scaled = method.credit(replace(batch, outcome=batch.outcome * scale))
    np.testing.assert_allclose(scaled.advantages, method.credit(batch).advantages, atol=1e-3)


@pytest.mark.parametrize("name", ["dr-grpo", "rloo"])
@FEW
@given(batch=batches(), scale=st.floats(0.5, 4))
def test_without_a_deviation_advantages_have_the_unit_of_the_outcome(
    name: str, batch: CreditBatch, scale: float
) -> None:
    method = algorithms.get(name)
    scaled = method.credit(replace(batch, outcome=batch.outcome * scale))
    np.testing.assert_allclose(scaled.advantages, method.credit(batch).advantages * scale, atol=1e-9)


@CENTRED
@FEW
@given(batch=batches(), outcome=st.sampled_from([0.0, 0.1, 1.0]))
def test_equal_outcomes_without_gains_teach_nothing(name: str, batch: CreditBatch, outcome: float) -> None:
    equal = no_signals(replace(batch, outcome=np.full(len(batch.group), outcome)))
    assert (algorithms.get(name).credit(equal).advantages == 0).all()


@CENTRED
@FEW
@given(batch=batches())
def test_better_episodes_are_pushed_up(name: str, batch: CreditBatch) -> None:
    found = algorithms.get(name).credit(no_signals(batch)).advantages
    for rows in members(batch.group):
        score = np.array([found[row][batch.sampled[row]][0] for row in rows])
        order = np.argsort(batch.outcome[rows], kind="stable")
        assert (np.diff(score[order]) >= -1e-9).all()
        assert score.sum() == pytest.approx(0, abs=1e-9)


def test_dr_grpo_is_the_distance_from_the_mean() -> None:
    found = algorithms.get("dr-grpo").credit(PAIR).advantages
    assert found.tolist() == [[0.5, 0.5, 0, 0], [-0.5, 0, -0.5, -0.5], [0, 0, 0, 0], [0, 0, 0, 0]]
    loss = algorithms.get("dr-grpo").loss
    assert (loss.aggregation, loss.dual_clip) == ("seq-mean-token-sum-norm", None)


@FEW
@given(batch=batches())
def test_rloo_is_the_distance_from_the_mean_of_the_others(batch: CreditBatch) -> None:
    found = algorithms.get("rloo").credit(batch).advantages
    for rows in members(batch.group):
        for row in rows:
            others = [batch.outcome[other] for other in rows if other != row]
            expected = batch.outcome[row] - np.mean(others) if others else 0.0
            np.testing.assert_allclose(found[row][batch.sampled[row]], expected, atol=1e-9)


def test_rloo_takes_a_cost_of_tokens_off_the_whole_episode() -> None:
    penalty = np.full(PAIR.sampled.shape, 0.1)
    found = algorithms.get("rloo").credit(replace(PAIR, token_penalty=penalty)).advantages
    assert found[0, 0] == pytest.approx((1.0 - 0.2) - (0.0 - 0.3))
    assert found[2, 0] == pytest.approx((1.0 - 0.3) - (1.0 - 0.1))


@FEW
@given(batch=batches(least=2))
def test_reinforce_is_white_over_the_tokens_of_the_batch(batch: CreditBatch) -> None:
    batch = replace(batch, outcome=batch.outcome.round(1))  # a variance near 1e-8 would be whitened to less than 1
    for baseline in ("group", "none"):
        inside = algorithms.get("reinforce++", baseline=baseline).credit(batch).advantages[batch.sampled]
        assert inside.mean() == pytest.approx(0, abs=1e-6)
        assert np.ptp(inside) < 1e-3 or inside.std(ddof=1) == pytest.approx(1, abs=1e-2)


def test_reinforce_costs_a_token_what_it_and_later_ones_cost() -> None:
    batch = make_batch([0, 0], [0.5, 0.5], [[(0, 2)], [(1, 3)]])
    penalty = np.array([[0.1, 0.2, 9.0], [9.0, 0.3, 0.4]])
    found = algorithms.get("reinforce++", baseline="none").credit(replace(batch, token_penalty=penalty)).advantages
    plain = np.array([-0.3, -0.2, -0.7, -0.4])
    np.testing.assert_allclose(found[batch.sampled], (plain - plain.mean()) / plain.std(ddof=1), atol=1e-6)
    assert (found[~batch.sampled] == 0).all()


def test_dapo_is_grpo_with_its_filter_and_its_loss() -> None:
    method = algorithms.get("dapo")
    np.testing.assert_array_equal(method.credit(PAIR).advantages, algorithms.get("grpo").credit(PAIR).advantages)
    assert method.filter is not None
    assert method.filter.kind == "dynamic"
    assert (method.loss.clip_low, method.loss.clip_high, method.loss.aggregation) == (0.2, 0.28, "token-mean")
    assert method.defining == {"loss", "filter"}


def test_dapo_punishes_length_softly() -> None:
    spans = [[(0, 2)], [(0, 4)], [(0, 5)], [(0, 6)]]
    batch = make_batch([0, 0, 0, 0], [1.0] * 4, spans)
    found = algorithms.get("dapo", overlong_from=2, overlong_to=5).credit(batch).advantages[:, 0]
    rewards = np.array([1.0, 1 / 3, 0.0, 0.0])
    np.testing.assert_allclose(found, (rewards - rewards.mean()) / (rewards.std(ddof=1) + 1e-6))


@pytest.mark.parametrize("name", ["grpo", "dr-grpo", "rloo"])
def test_a_group_of_one_may_keep_its_outcome(name: str) -> None:
    batch = make_batch([0], [0.7], [[(0, 2)]])
    assert (algorithms.get(name).credit(batch).advantages == 0).all()
    found = algorithms.get(name, singleton="pass").credit(batch).advantages
    np.testing.assert_allclose(found, 0.7, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("grpo", {"epsilon": 0.0}),
        ("dr-grpo", {"singleton": "keep"}),
        ("rloo", {"singleton": None}),
        ("reinforce++", {"baseline": "batch"}),
        ("dapo", {"overlong_from": 5}),
        ("dapo", {"overlong_to": 5, "overlong_from": 5}),
        ("dapo", {"epsilon": float("inf")}),
    ],
)
def test_bad_values_are_refused_by_name(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(options))):
        algorithms.get(name, **options)
