"""Two evaluations over the same tasks, compared task by task: difference, interval, p-value, and what n could show.

Tasks differ more in difficulty than runs do in skill, so runs are compared on each task and the differences averaged.
Nothing here plays an episode: it reads `per_task` of two summaries.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from infopo.core import UserError, derive_seed
from infopo.evaluation.intervals import ENOUGH_TASKS, Z, cluster_bootstrap

Measure = Literal["success", "score"]
EXACT = 20  # with so many differing tasks all sign flips are enumerated, with more they are drawn
FLIPS = 20_000
POWER = 0.8416212335729143  # the 80 % point of the normal distribution
FEWEST = 6  # tasks: with fewer the smallest p-value that sign flips can give, 2 / 2^n, is above .05


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`second` minus `first`, as the mean over `tasks` tasks of the differences of their means.

    `left_out` tasks have no episode with an outcome in one of the runs. `p_value` is two-sided, by `p_method`
    (`sign-flip-exact` or `sign-flip-drawn`). `detectable`: the smallest true difference that this number of tasks, with
    differences as scattered as these, shows at 5 % in 80 of 100 comparisons; None with too few tasks to show any, and
    where all tasks differ alike.
    """

    measure: Measure
    tasks: int
    left_out: int
    first: float
    second: float
    difference: float
    ci95: tuple[float, float]
    method: str
    p_value: float
    p_method: str
    detectable: float | None

    def data(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"ci95": list(self.ci95)}


def compare(
    first: Mapping[str, Any], second: Mapping[str, Any], *, measure: Measure = "success", seed: int = 0
) -> Comparison:
    """Compare two summaries (`Evaluation.summary()`, or `summary.json` of an evaluation).

    Raises `UserError` where they are not over the same tasks of the same environment and split, and where no task has
    a result in both.
    """
    left, right = _rows(first), _rows(second)
    for name in ("env", "split"):
        if first.get(name) != second.get(name):
            raise UserError(f"cannot compare: one run has {name} {first.get(name)}, the other {second.get(name)}")
    if left.keys() != right.keys():
        apart = sorted(left.keys() ^ right.keys())
        raise UserError(
            f"cannot compare: the runs are over different tasks ({len(left)} and {len(right)}; {len(apart)} are in one "
            f"alone, such as {' '.join(apart[0])}); evaluate both with the same --episodes"
        )
    shared = [key for key in left if left[key][measure] is not None and right[key][measure] is not None]
    if not shared:
        raise UserError("cannot compare: no task has an episode with an outcome in both runs")
    before = [float(left[key][measure]) for key in shared]
    after = [float(right[key][measure]) for key in shared]
    differences = [new - old for old, new in zip(before, after, strict=True)]
    p_value, p_method = sign_flip(differences, seed=seed)
    interval, method = difference_interval(differences, seed=seed)
    return Comparison(
        measure=measure,
        tasks=len(shared),
        left_out=len(left) - len(shared),
        first=sum(before) / len(shared),
        second=sum(after) / len(shared),
        difference=sum(differences) / len(shared),
        ci95=interval,
        method=method,
        p_value=p_value,
        p_method=p_method,
        detectable=detectable_difference(differences),
    )


def sign_flip(differences: Sequence[float], *, seed: int = 0) -> tuple[float, str]:
    """Two-sided p-value of Fisher's randomisation test (1935), and how it was found.

    If the runs do not differ, each task's difference is as likely as its negative. The p-value is the share of sign
    patterns whose sum is at least as far from 0. All patterns up to 20 differing tasks; 20,000 drawn ones beyond, where
    the observed pattern counts as one of them (Phipson and Smyth, 2010).

    >>> sign_flip([1.0, 1.0, 1.0, 0.0])
    (0.25, 'sign-flip-exact')
    """
    sizes = np.array([abs(value) for value in differences if value != 0])
    observed = abs(float(np.sum(differences))) - 1e-9 * max(1.0, float(sizes.sum()))  # equal in spite of rounding
    if len(sizes) <= EXACT:
        sums = np.zeros(1)
        for size in sizes:
            sums = np.concatenate([sums + size, sums - size])
        return float(np.mean(np.abs(sums) >= observed)), "sign-flip-exact"
    generator = np.random.default_rng(derive_seed(seed, "sign-flip"))
    extreme = 0
    for _ in range(FLIPS // 1_000):  # what is held does not grow with the number of patterns
        positive = generator.integers(0, 2, size=(1_000, len(sizes)), dtype=np.int8) @ sizes
        extreme += int(np.sum(np.abs(2 * positive - sizes.sum()) >= observed))
    return (extreme + 1) / (FLIPS + 1), "sign-flip-drawn"


def difference_interval(differences: Sequence[float], *, seed: int = 0) -> tuple[tuple[float, float], str]:
    """The 95 % interval of the mean difference, each in [-1, 1], and its name.

    `cluster-bootstrap` over tasks from 100 tasks on; `paired-t`, mean -/+ t s / sqrt(n), for fewer; where all tasks
    differ alike (most often: not at all), or there is one task, `adjusted-wald` (Bonett and Price, 2012): a task with
    +1 and one with -1 are added, because equal differences are no certainty.
    """
    values = np.asarray(differences, dtype=np.float64)
    tasks, mean = len(values), float(values.mean())
    if np.ptp(values) == 0:
        centre = tasks * mean / (tasks + 2)
        variance = (float((values**2).sum()) + 2) / (tasks + 2) - centre**2
        half, method = Z * math.sqrt(variance / (tasks + 2)), "adjusted-wald"
        return (max(-1.0, min(mean, centre - half)), min(1.0, max(mean, centre + half))), method
    if tasks >= ENOUGH_TASKS:
        found = cluster_bootstrap([[value] for value in differences], seed=seed)
        assert found is not None  # there are tasks
        return found, "cluster-bootstrap"
    half = student(tasks - 1) * float(values.std(ddof=1)) / math.sqrt(tasks)
    return (max(-1.0, mean - half), min(1.0, mean + half)), "paired-t"


def detectable_difference(differences: Sequence[float]) -> float | None:
    """(1.960 + 0.842) s / sqrt(n): the true difference that a test at 5 % finds with 80 % power.

    `s` is the deviation of these n differences. None for fewer than 6 tasks, and where s is 0 and tells nothing.

    >>> round(detectable_difference([1.0, 0.0, 0.0, -1.0] * 25), 3)
    0.199
    """
    deviation = float(np.std(differences, ddof=1)) if len(differences) >= FEWEST else 0.0
    return (Z + POWER) * deviation / math.sqrt(len(differences)) if deviation > 0 else None


def planned_difference(tasks: int, samples: float, *, rate: float = 0.5, correlation: float = 0.0) -> float | None:
    """What two runs of `samples` episodes on each of the same tasks will be able to tell apart; before they are played.

    (1.960 + 0.842) sqrt(2 rate (1 - rate) (1 - correlation) / (tasks samples)): tasks are as hard for one run as for
    the other, and `correlation` is that of two episodes of a task. None for fewer than 6 tasks.

    >>> round(planned_difference(40, 4), 3)
    0.157
    """
    if tasks < FEWEST:
        return None
    return (Z + POWER) * math.sqrt(2 * rate * (1 - rate) * (1 - correlation) / (tasks * samples))


def student(freedom: int) -> float:
    """The 97.5 % point of Student's t, by bisection of its distribution's finite series.

    >>> round(student(1), 3), round(student(10), 3)
    (12.706, 2.228)
    """
    low, high = 0.0, 13.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < 0.95 else (low, middle)
    return high


def _within(t: float, freedom: int) -> float:
    """The probability that |T| <= t (Abramowitz and Stegun, 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    odd = freedom % 2
    term, total = (math.cos(angle) if odd else 1.0), 0.0
    for power in range(odd, freedom - 1, 2):
        total += term
        term *= square * (power + 1) / (power + 2)
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def _rows(summary: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    if not summary.get("per_task"):
        raise UserError("cannot compare: a summary without results per task; evaluate anew with infopo eval --out")
    rows = {(row["env"], row["task_id"]): row for row in summary["per_task"]}
    if len(rows) != len(summary["per_task"]):
        raise UserError(f"cannot compare: task ids of {summary.get('env')} are not unique, so tasks cannot be paired")
    return rows
