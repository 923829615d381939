"""Statistics of the values of one group. numpy only."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
EPSILON = 1e-6  # added to a standard deviation before dividing by it
TOLERANCE = 1e-8  # values that differ by no more are equal


def zscore(values: Floats, *, epsilon: float = EPSILON, divide: bool = True) -> Floats:
    """Standard scores `[n]` of one group (n - 1 in the deviation); exactly 0 for fewer than two or for equal values.

    `divide` false: the mean is taken off, and that is all.

    >>> zscore(np.array([1.0, 0.0, 0.0])).round(4).tolist()
    [1.1547, -0.5773, -0.5773]
    >>> zscore(np.array([0.7, 0.7])).tolist()
    [0.0, 0.0]
    """
    if is_degenerate(values):
        return np.zeros_like(values)
    mean, std = moments(values)
    scores: Floats = (values - mean) / (std + epsilon) if divide else values - mean
    return scores


def moments(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation (n - 1) of one group; not measured (NaN) for fewer than two.

    >>> moments(np.array([1.0, 3.0]))
    (2.0, 1.4142135623730951)
    """
    if values.size < 2:
        return math.nan, math.nan
    return float(values.mean()), float(values.std(ddof=1))


def deviation(values: Floats) -> float:
    """The standard deviation of one group (n - 1); 0 for fewer than two or for equal values."""
    return 0.0 if is_degenerate(values) else float(values.std(ddof=1))


def is_degenerate(values: Floats) -> bool:
    """Whether a group cannot say which of its values is better: fewer than two, or all the same."""
    return values.size < 2 or float(np.ptp(values)) <= TOLERANCE
