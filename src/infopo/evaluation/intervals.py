"""Intervals of 95 % for a rate or a mean score over tasks. The name of the one that was used travels with it.

What is estimated is the mean over the tasks that could have been drawn, so tasks are what varies, not episodes. Which
interval, and why (`benchmarks/interval_coverage.py` measures the coverage of the choice):

`wilson`                one episode a task: Wilson's score interval (1927).
`cluster-bootstrap`     several episodes a task, at least 100 tasks, of which at least 30 had a success and at least 30
                        a miss: tasks are drawn with replacement, percentiles of the mean.
`wilson-design-effect`  fewer: the bootstrap is too short there. Wilson's interval at n / d episodes, where d is the
                        design effect (Kish, 1965): the variance between tasks over that of independent episodes, at
                        least 1 and at most the episodes a task.
`wilson-tasks`          fewer than 4 tasks that had a success (or a miss): too few to estimate d, which is taken at its
                        most. Wilson's interval at the number of tasks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infopo.core import derive_seed

Z = 1.959963984540054  # the 97.5 % point of the normal distribution
RESAMPLES = 10_000
ENOUGH_TASKS = 100  # for the bootstrap
ENOUGH_MIXED = 30  # tasks that had a success, and tasks that had a miss, for the bootstrap
FEW_MIXED = 4  # fewer of either say nothing of the design effect

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A 95 % interval and what it was made by."""

    low: float
    high: float
    method: str

    def data(self) -> dict[str, Any]:
        """As JSON: `{"ci95": [low, high], "method": name}`."""
        return {"ci95": [self.low, self.high], "method": self.method}


def wilson(successes: float, n: float) -> tuple[float, float] | None:
    """Wilson's score interval (1927) of `successes` out of `n` independent episodes; None where n is 0.

    Centre (p + z^2/2n) / (1 + z^2/n), half width z sqrt(p(1-p)/n + z^2/4n^2) / (1 + z^2/n). Unlike the plain normal
    interval it stays inside [0, 1] and has a width at 0 and at n successes. Both may be fractions: an effective number.

    >>> low, high = wilson(5, 10)
    >>> round(low, 4), round(high, 4)
    (0.2366, 0.7634)
    """
    if n == 0:
        return None
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes out of {n}")
    p, z2 = successes / n, Z * Z
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))  # p itself, in spite of rounding


def cluster_bootstrap(
    clusters: Sequence[Sequence[float]], *, seed: int, resamples: int = RESAMPLES
) -> tuple[float, float] | None:
    """Percentile interval of the mean over all values, where whole clusters (tasks) are drawn with replacement.

    For several episodes a task: they are not independent, so tasks are what is resampled. Empty clusters take no
    part; None where nothing is left. A pure function of its arguments.

    >>> cluster_bootstrap([[1.0, 1.0], [1.0]], seed=0)
    (1.0, 1.0)
    """
    full = [cluster for cluster in clusters if len(cluster)]
    if not full:
        return None
    pairs = np.array([[float(sum(cluster)), len(cluster)] for cluster in full])
    # How often each distinct cluster is drawn is all that the mean depends on, and cheaper to draw.
    distinct, times = np.unique(pairs, axis=0, return_counts=True)
    generator = np.random.default_rng(derive_seed(seed, "cluster-bootstrap"))
    sums, counts = (generator.multinomial(len(full), times / len(full), size=resamples) @ distinct).T
    low, high = np.quantile(sums / counts, [0.025, 0.975])
    return float(low), float(high)


def mean_interval(clusters: Sequence[Sequence[float]], *, seed: int, resamples: int = RESAMPLES) -> Interval | None:
    """The interval of the mean over all values, each in [0, 1], by the rules at the top; None where there are none.

    `clusters`: the values (successes as 0 and 1, or scores) task by task. An effective number of episodes never
    exceeds their number where all values are 0 or 1.

    >>> mean_interval([[1.0], [0.0]], seed=0).method
    'wilson'
    >>> mean_interval([[1.0, 0.0], [0.0, 0.0]], seed=0).method
    'wilson-tasks'
    """
    full = [cluster for cluster in clusters if len(cluster)]
    if not full:
        return None
    sums = np.array([float(sum(cluster)) for cluster in full])
    counts = np.array([len(cluster) for cluster in full], dtype=np.float64)
    tasks, mean = len(full), float(sums.sum() / counts.sum())
    binary = all(value in (0, 1) for cluster in full for value in cluster)
    mixed = min(int((sums > 0).sum()), int((sums < counts).sum()))
    if binary and tasks == counts.sum():
        return _wilson(mean, tasks, "wilson")
    if mixed < FEW_MIXED:
        return _wilson(mean, tasks, "wilson-tasks")
    if tasks >= ENOUGH_TASKS and mixed >= ENOUGH_MIXED:
        found = cluster_bootstrap(full, seed=seed, resamples=resamples)
        return None if found is None else Interval(low=found[0], high=found[1], method="cluster-bootstrap")
    return _wilson(mean, _effective(sums, counts, mean, binary=binary), "wilson-design-effect")


def _wilson(mean: float, n: float, method: str) -> Interval | None:
    found = wilson(min(max(mean, 0.0), 1.0) * n, n)
    return None if found is None else Interval(low=found[0], high=found[1], method=method)


def _effective(sums: Floats, counts: Floats, mean: float, *, binary: bool) -> float:
    """How many independent 0-1 values would vary as much as this mean does: mean (1 - mean) / its variance.

    The variance of a ratio, linearised: tasks / (tasks - 1) * sum (sum_i - mean count_i)^2 / (sum count_i)^2.
    """
    tasks, total = len(sums), float(counts.sum())
    variance = tasks / (tasks - 1) * float(((sums - mean * counts) ** 2).sum()) / total**2
    if binary:
        return max(tasks, min(total, mean * (1 - mean) / variance)) if variance > 0 else total
    return max(tasks, mean * (1 - mean) / variance) if variance > 0 else tasks
