"""Comparisons against enumeration, tables of Student's t, and what comparisons of runs without a difference must do."""

from itertools import product
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infopo.core import UserError
from infopo.evaluation import compare, planned_difference, summarise
from infopo.evaluation.comparison import detectable_difference, difference_interval, sign_flip, student

from .worked import tasks

QUARTERS = st.integers(-4, 4).map(lambda value: value / 4)


def summary(*verdicts: str, env: str = "toy/slots", split: str = "test") -> dict[str, Any]:
    return summarise(tasks(*verdicts), env=env, split=split, samples=len(verdicts[0]), seed=0).summary()


@settings(max_examples=60, deadline=None)
@given(st.lists(QUARTERS, min_size=1, max_size=9))
def test_the_p_value_is_the_share_of_all_sign_patterns(differences: list[float]) -> None:
    patterns = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in product((1, -1), repeat=len(differences))
    ]
    expected = fmean(pattern >= abs(sum(differences)) for pattern in patterns)  # quarters: sums are exact
    assert sign_flip(differences) == (pytest.approx(expected), "sign-flip-exact")


def test_many_tasks_are_drawn_and_agree_with_the_binomial_tail() -> None:
    # 30 tasks differ, 20 for the better: the two-sided sign test's tail, computed from the binomial
    expected = 0.098737
    p_value, method = sign_flip([1.0] * 20 + [-1.0] * 10 + [0.0] * 40)
    assert method == "sign-flip-drawn"
    assert p_value == pytest.approx(expected, abs=0.01)
    assert sign_flip([1.0] * 40)[0] == pytest.approx(1 / 20_001)
    assert sign_flip([0.0, 0.0])[0] == 1.0


def test_student_is_the_table() -> None:
    table = {1: 12.7062, 2: 4.3027, 3: 3.1824, 4: 2.7764, 9: 2.2622, 29: 2.0452, 30: 2.0423, 98: 1.9845}
    for freedom, value in table.items():
        assert student(freedom) == pytest.approx(value, abs=1e-4)


def test_a_comparison_by_hand() -> None:
    found = compare(summary("++", "+-", "--", "-!", "!!"), summary("++", "++", "+-", "++", "++"))
    differences = [0.0, 0.5, 0.5, 1.0]
    assert (found.tasks, found.left_out) == (4, 1)
    assert (found.first, found.second, found.difference) == (1.5 / 4, 3.5 / 4, 0.5)
    half = 3.1824 * stdev(differences) / 2
    assert found.method == "paired-t"
    assert found.ci95 == pytest.approx((0.5 - half, min(1.0, 0.5 + half)), abs=1e-4)
    assert (found.p_value, found.p_method) == (2 / 8, "sign-flip-exact")  # three tasks differ, all for the better
    assert found.detectable is None  # four tasks can show nothing
    assert found.data()["ci95"] == list(found.ci95)


def test_the_other_way_round_is_the_mirror() -> None:
    first, second = summary("+-", "--", "++", "+-"), summary("++", "+-", "-+", "--")
    forth, back = compare(first, second), compare(second, first)
    assert forth.p_value == back.p_value
    assert (forth.difference, forth.ci95[0]) == (-back.difference, pytest.approx(-back.ci95[1]))
    by_score = compare(first, second, measure="score")
    assert by_score.difference == forth.difference  # here the score is the verdict


def test_no_difference_at_all_is_no_certainty() -> None:
    same = compare(summary("+", "-", "+"), summary("+", "-", "+"))
    assert (same.difference, same.p_value, same.method, same.detectable) == (0.0, 1.0, "adjusted-wald", None)
    # Bonett and Price by hand: variance 2 / 5 over 5 tasks
    assert same.ci95 == pytest.approx((-0.55437, 0.55437), abs=1e-4)
    more = compare(summary(*"+-" * 50), summary(*"+-" * 50))
    assert more.ci95[1] < 0.04


def test_a_hundred_tasks_are_bootstrapped() -> None:
    differences = [0.5, -0.5, 0.0, 1.0] * 30
    interval, method = difference_interval(differences, seed=0)
    half = 1.96 * stdev(differences) / np.sqrt(120)
    assert method == "cluster-bootstrap"
    assert interval == pytest.approx((0.25 - half, 0.25 + half), abs=0.02)


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (summary("++", "--", env="usergym/travel"), "one run has env toy/slots, the other usergym/travel"),
        (summary("++", "--", split="train"), "one run has split test, the other train"),
        (summary("++", "--", "++"), r"different tasks \(2 and 3; 1 are in one alone, such as toy/slots t2\)"),
        (summary("!!", "!!"), "no task has an episode with an outcome in both"),
        ({"env": "toy/slots", "split": "test"}, "without results per task"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(second: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        compare(summary("++", "-+"), second)


def test_tasks_that_cannot_be_told_apart_are_refused() -> None:
    twice = summary("+", "-")
    twice["per_task"][1]["task_id"] = "t0"
    with pytest.raises(UserError, match="not unique"):
        compare(twice, twice)


def test_equal_runs_seldom_differ_and_the_detectable_difference_is_found_in_four_of_five() -> None:
    generator = np.random.default_rng(0)
    trials, size = 200, 40
    null = [sign_flip(generator.normal(0, 0.3, size).tolist(), seed=k)[0] for k in range(trials)]
    assert 0.02 <= fmean(p < 0.05 for p in null) <= 0.09
    seen = detectable_difference([0.3] * 20 + [-0.3] * 20)
    assert seen is not None
    power = [sign_flip(generator.normal(seen, 0.3, size).tolist(), seed=k)[0] < 0.05 for k in range(trials)]
    assert 0.72 <= fmean(power) <= 0.88


def test_what_a_plan_promises_is_what_its_runs_show() -> None:
    generator = np.random.default_rng(1)
    verdicts = generator.binomial(4, 0.5, size=(2, 4000)) / 4
    seen, planned = detectable_difference((verdicts[1] - verdicts[0]).tolist()), planned_difference(4000, 4)
    assert seen == pytest.approx(planned, rel=0.05)
    assert planned_difference(5, 4) is None
    assert detectable_difference([0.5, 0.0, 0.0, 0.0, 0.0]) is None
