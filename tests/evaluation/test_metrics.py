"""Rates over tasks against hand-worked cases, and pass@k and pass^k against enumeration of all draws."""

import json
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infopo.core import Group, trajectory_from_record, trajectory_to_record
from infopo.evaluation import pass_at_k, pass_hat_k, summarise
from infopo.evaluation.metrics import rate_at_k, rate_hat_k, task_results

from .worked import episode, tasks

COUNTS = st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n)))


@given(COUNTS)
def test_pass_at_k_and_pass_hat_k_are_shares_of_all_draws(counts: tuple[int, int, int]) -> None:
    n, successes, k = counts
    draws = list(combinations([True] * successes + [False] * (n - successes), k))
    assert pass_at_k(n, successes, k) == pytest.approx(sum(any(draw) for draw in draws) / len(draws))
    assert pass_hat_k(n, successes, k) == pytest.approx(sum(all(draw) for draw in draws) / len(draws))


@pytest.mark.parametrize(("n", "successes", "k"), [(3, 1, 4), (3, 4, 1), (3, 1, 0), (0, 0, 1), (3, -1, 1)])
def test_impossible_counts_are_refused(n: int, successes: int, k: int) -> None:
    for function in (pass_at_k, pass_hat_k):
        with pytest.raises(ValueError, match="1 <= k <= n"):
            function(n, successes, k)


def test_both_readings_of_pass_hat_k_by_hand() -> None:
    results = task_results(tasks("+++-", "++!!", "----", "+!!!"))
    evaluator = {k: rate_hat_k(results, k, reading="evaluator", seed=0) for k in (1, 2, 3, 4)}
    leaderboard = {k: rate_hat_k(results, k, reading="leaderboard", seed=0) for k in (1, 2, 3, 4)}
    # evaluator: broken trials are no trials; k 2: 3/6, 1, 0 and the last task has one trial only
    assert evaluator[1] is not None
    assert evaluator[2] is not None
    assert evaluator[3] is not None
    assert evaluator[4] is not None
    assert (evaluator[1].value, evaluator[1].tasks) == (pytest.approx((3 / 4 + 1 + 0 + 1) / 4), 4)
    assert (evaluator[2].value, evaluator[2].tasks) == (pytest.approx((3 / 6 + 1 + 0) / 3), 3)
    assert (evaluator[3].value, evaluator[3].tasks) == (pytest.approx((1 / 4 + 0) / 2), 2)
    assert (evaluator[4].value, evaluator[4].tasks) == (0.0, 2)
    # leaderboard: broken trials failed; k 2: 3/6, 1/6, 0, 0
    values = [one.value for one in leaderboard.values() if one is not None]
    assert values == pytest.approx([(3 / 4 + 2 / 4 + 0 + 1 / 4) / 4, (3 / 6 + 1 / 6) / 4, (1 / 4) / 4, 0.0])
    at_two = rate_at_k(results, 2, seed=0)
    assert at_two is not None
    assert at_two.value == pytest.approx((1 + 1 + 0) / 3)
    assert rate_hat_k(results, 5, reading="leaderboard", seed=0) is None


@given(st.lists(st.text("+-", min_size=3, max_size=3), min_size=1, max_size=6))
def test_where_nothing_breaks_the_readings_agree_and_order_holds(words: list[str]) -> None:
    results = task_results(tasks(*words))
    for k in (1, 2, 3):
        evaluator = rate_hat_k(results, k, reading="evaluator", seed=0)
        assert evaluator == rate_hat_k(results, k, reading="leaderboard", seed=0)
        at_k = rate_at_k(results, k, seed=0)
        assert evaluator is not None
        assert at_k is not None
        assert evaluator.value <= at_k.value + 1e-12
        assert evaluator.ci95[0] - 1e-12 <= evaluator.value <= evaluator.ci95[1] + 1e-12


def test_a_summary_holds_every_number_and_is_json() -> None:
    groups = tasks("++", "+-", "-!", "!!")
    summary = summarise(groups, env="toy/slots", split="test", samples=2, seed=0).summary()
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert (summary["n"], summary["failed"], summary["success"]) == (5, 3, 3 / 5)
    assert summary["estimates"]["success"] == {
        "value": 3 / 5,
        "ci95": summary["ci95"],
        "method": "wilson-tasks",
        "tasks": 3,
    }
    assert summary["ci95_method"] == "wilson-tasks"
    assert summary["failures"] == [{"kind": "timeout", "where": "step", "episodes": 3}]
    assert summary["stops"] == {"done": 5}
    assert [row["success"] for row in summary["per_task"]] == [1.0, 0.5, 0.0, None]
    assert [(row["played"], row["n"], row["successes"]) for row in summary["per_task"]] == [
        (2, 2, 2),
        (2, 2, 1),
        (2, 1, 0),
        (2, 0, 0),
    ]
    assert summary["pass_hat_k"]["evaluator"]["2"]["value"] == pytest.approx((1 + 0) / 2)
    assert summary["pass_hat_k"]["leaderboard"]["2"]["value"] == pytest.approx(1 / 4)
    assert summary["pass_at_k"]["2"]["value"] == pytest.approx((1 + 1) / 2)
    assert summary["detectable"] is None  # three tasks can show nothing


def test_scores_are_averaged_over_episodes_and_broken_ones_left_out() -> None:
    trajectories = tuple(episode(None, success=good, score=score) for good, score in ((False, 0.5), (True, 1.0)))
    groups = [Group(group_id="t0", trajectories=(*trajectories, episode(None, success=None)))]
    result = summarise(groups, env="toy/slots", split="test", samples=3, seed=0)
    assert (result.score, result.success, result.failed) == (0.75, 0.5, 1)
    assert result.summary()["per_task"][0]["score"] == 0.75
    assert result.numbers.behaviour.questions is None  # nothing is known of these actions


def test_a_recorded_run_gives_the_same_numbers() -> None:
    groups = tasks("++", "+-", "-!")
    again = [
        Group(
            group_id=group.group_id,
            trajectories=tuple(
                trajectory_from_record(trajectory_to_record(t, run="r", step=0, gains=None, advantages=None))
                for t in group.trajectories
            ),
        )
        for group in groups
    ]
    first, second = (summarise(part, env="toy/slots", split="test", samples=2, seed=0) for part in (groups, again))
    assert first.summary() == second.summary()
