"""Statistics inside groups, shared by every group-relative method, and the metrics that all of them log."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from infopo.algorithms.base import Bools, Floats
from infopo.algorithms.one_group import EPSILON, TOLERANCE, deviation, is_degenerate, moments, zscore

__all__ = [
    "EPSILON",
    "SINGLETON",
    "TOLERANCE",
    "Singleton",
    "deviation",
    "group_metrics",
    "is_degenerate",
    "members",
    "moments",
    "outcome_zscores",
    "spread",
    "summary",
    "zscore",
]

Singleton = Literal["zero", "pass"]  # what a group of one gets: nothing, or its plain outcome
SINGLETON: tuple[Singleton, ...] = ("zero", "pass")


def members(group: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Rows of each group `[N]`, groups in ascending order of their number.

    >>> [rows.tolist() for rows in members(np.array([4, 2, 4]))]
    [[1], [0, 2]]
    """
    return [np.flatnonzero(group == number) for number in np.unique(group)]


def outcome_zscores(
    group: NDArray[np.int64],
    outcome: Floats,
    *,
    epsilon: float = EPSILON,
    divide: bool = True,
    singleton: Singleton = "zero",
) -> Floats:
    """`zscore` of the outcomes `[N]` inside each row's own group.

    A group of one gets 0; or, where `singleton` is `pass`, its outcome as if the mean were 0 and the deviation 1, as
    the verl family does.
    """
    scores = np.zeros(len(group), dtype=np.float64)
    for rows in members(group):
        if rows.size == 1 and singleton == "pass":
            scores[rows] = outcome[rows] / (1 + epsilon) if divide else outcome[rows]
        else:
            scores[rows] = zscore(outcome[rows], epsilon=epsilon, divide=divide)
    return scores


def spread(rows: Floats, sampled: Bools) -> Floats:
    """One value a row `[N]` onto its sampled tokens `[N, L]`; 0 elsewhere."""
    return np.where(sampled, rows[:, None], 0.0)


def summary(name: str, values: Floats, *which: str) -> dict[str, float]:
    """`name_mean`, `name_std` (n - 1), `name_min`, `name_max` of some values; what cannot be measured is left out.

    >>> summary("gain", np.array([1.0, 3.0]), "mean", "max")
    {'gain_mean': 2.0, 'gain_max': 3.0}
    >>> summary("gain", np.array([1.0]), "mean", "std")
    {'gain_mean': 1.0}
    """
    found: dict[str, float] = {}
    if values.size:
        found |= {"mean": float(values.mean()), "min": float(values.min()), "max": float(values.max())}
    if values.size > 1:
        found["std"] = float(values.std(ddof=1))
    return {f"{name}_{key}": found[key] for key in which if key in found}


def group_metrics(group: NDArray[np.int64], outcome: Floats) -> dict[str, float]:
    """How many groups can teach anything by their outcome. Ratios are over groups of two or more.

    `group/equal_ratio` all outcomes equal; of these `group/all_one` and `group/all_zero`; `group/mixed` the rest.
    `adv/zero_var_groups` and `adv/singleton_groups` are counts.
    """
    groups = [outcome[rows] for rows in members(group)]
    plural = [values for values in groups if values.size > 1]
    equal = [values for values in plural if is_degenerate(values)]
    stats = {
        "adv/zero_var_groups": float(len(equal)),
        "adv/singleton_groups": float(len(groups) - len(plural)),
    }
    if plural:
        ones = sum(bool(values.min() >= 1 - TOLERANCE) for values in equal)
        zeros = sum(bool(values.max() <= TOLERANCE) for values in equal)
        stats |= {
            "group/equal_ratio": len(equal) / len(plural),
            "group/all_one": ones / len(plural),
            "group/all_zero": zeros / len(plural),
            "group/mixed": 1 - len(equal) / len(plural),
        }
    return stats
