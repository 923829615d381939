"""What came of each task, and the rates over tasks: success, score, pass@k and pass^k, with intervals.

A broken episode (a `Failure`) is no result: it is counted, by kind, and enters no mean. The one exception is the
reading `leaderboard` of pass^k, which is published with broken trials counted as misses, and is named so.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from infopo.core import Group, Trajectory
from infopo.evaluation.intervals import mean_interval

Reading = Literal["evaluator", "leaderboard"]
READINGS: tuple[Reading, ...] = ("evaluator", "leaderboard")
_EACH = 8  # pass@k and pass^k of every k up to here, then of powers of two


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """The episodes of one task: `played` in all, and of those that have an outcome, verdict and score."""

    env: str
    task_id: str
    played: int
    verdicts: tuple[bool, ...]
    scores: tuple[float, ...]

    def data(self) -> dict[str, Any]:
        """As JSON. `n` counts the episodes with an outcome; `success` and `score` are None where there are none."""
        n = len(self.verdicts)
        return {
            "env": self.env,
            "task_id": self.task_id,
            "played": self.played,
            "n": n,
            "successes": sum(self.verdicts),
            "success": sum(self.verdicts) / n if n else None,
            "score": sum(self.scores) / n if n else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A rate or mean over `tasks` tasks, its 95 % interval and the name of that interval (`intervals`)."""

    value: float
    ci95: tuple[float, float]
    method: str
    tasks: int

    def data(self) -> dict[str, Any]:
        """As JSON."""
        return {"value": self.value, "ci95": list(self.ci95), "method": self.method, "tasks": self.tasks}


def task_results(groups: Sequence[Group]) -> tuple[TaskResult, ...]:
    """One result a group, in order. Raises `ValueError` for a group without episodes."""
    results = []
    for group in groups:
        if not group.trajectories:
            raise ValueError(f"group {group.group_id} has no episodes")
        first = group.trajectories[0]
        outcomes = [t.outcome for t in group.survivors if t.outcome is not None]
        results.append(
            TaskResult(
                env=first.env,
                task_id=first.task_id,
                played=len(group.trajectories),
                verdicts=tuple(bool(outcome.success) for outcome in outcomes),
                scores=tuple(float(outcome.score) for outcome in outcomes),
            )
        )
    return tuple(results)


def success_rate(tasks: Sequence[TaskResult], *, seed: int) -> Estimate | None:
    """Successes over episodes with an outcome; None where there are none."""
    return _estimate([[float(good) for good in task.verdicts] for task in tasks], seed=seed)


def mean_score(tasks: Sequence[TaskResult], *, seed: int) -> Estimate | None:
    """Mean score of the episodes with an outcome; None where there are none."""
    return _estimate([task.scores for task in tasks], seed=seed)


def pass_at_k(n: int, successes: int, k: int) -> float:
    """The chance that of k of n episodes of a task at least one succeeds: 1 - C(n - c, k) / C(n, k).

    The unbiased estimate of Chen et al. (2021, arXiv 2107.03374).

    >>> pass_at_k(4, 1, 2)
    0.5
    """
    _check_counts(n, successes, k)
    return 1.0 - math.comb(n - successes, k) / math.comb(n, k)


def pass_hat_k(n: int, successes: int, k: int) -> float:
    """The chance that all of k of n episodes of a task succeed: C(c, k) / C(n, k).

    The unbiased estimate of Yao et al. (2024, arXiv 2406.12045). It is not (c / n)^k, which is too high.

    >>> pass_hat_k(4, 3, 2)
    0.5
    """
    _check_counts(n, successes, k)
    return math.comb(successes, k) / math.comb(n, k)


def rate_at_k(tasks: Sequence[TaskResult], k: int, *, seed: int) -> Estimate | None:
    """Mean pass@k over the tasks that have at least k episodes with an outcome; None where none has."""
    values = [pass_at_k(len(task.verdicts), sum(task.verdicts), k) for task in tasks if len(task.verdicts) >= k]
    return _estimate([[value] for value in values], seed=seed)


def rate_hat_k(tasks: Sequence[TaskResult], k: int, *, reading: Reading, seed: int) -> Estimate | None:
    """Mean pass^k over tasks; None where no task has k episodes.

    The published readings differ in what a broken episode is. `evaluator`, as tau2's evaluator computes it: no
    trial; n is what is left, and tasks with fewer than k are left out. `leaderboard`, as tau2's leaderboard and the
    code of tau-bench do: a failed trial; n is the number of episodes played. Where nothing broke they are equal.
    """
    values = []
    for task in tasks:
        n = len(task.verdicts) if reading == "evaluator" else task.played
        if n >= k:
            values.append(pass_hat_k(n, sum(task.verdicts), k))
    return _estimate([[value] for value in values], seed=seed)


def sizes_of_k(samples: int) -> tuple[int, ...]:
    """The k that are reported for `samples` episodes a task: all up to 8, then powers of two, and `samples`.

    >>> sizes_of_k(20)
    (1, 2, 3, 4, 5, 6, 7, 8, 16, 20)
    """
    return tuple(k for k in range(1, samples + 1) if k <= _EACH or k & (k - 1) == 0 or k == samples)


def failures_by_kind(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """How many episodes broke, by kind and stage, the most frequent first: `{"kind", "where", "episodes"}`."""
    found = Counter((t.failure.kind, t.failure.where) for g in groups for t in g.trajectories if t.failure is not None)
    ranked = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    return [{"kind": kind, "where": where, "episodes": count} for (kind, where), count in ranked]


def stops(trajectories: Sequence[Trajectory]) -> dict[str, int]:
    """How many episodes ended for which reason (`StopReason`), the most frequent first."""
    found = Counter(trajectory.stop_reason.value for trajectory in trajectories)
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def _estimate(clusters: Sequence[Sequence[float]], *, seed: int) -> Estimate | None:
    interval = mean_interval(clusters, seed=seed)
    if interval is None:
        return None
    values = [value for cluster in clusters for value in cluster]
    return Estimate(
        value=sum(values) / len(values),
        ci95=(interval.low, interval.high),
        method=interval.method,
        tasks=sum(len(cluster) > 0 for cluster in clusters),
    )


def _check_counts(n: int, successes: int, k: int) -> None:
    if not (1 <= k <= n and 0 <= successes <= n):
        raise ValueError(f"needs 1 <= k <= n and 0 <= successes <= n, got k {k}, n {n}, successes {successes}")
