"""Confidence intervals of 95 % for a success rate."""

import math
from collections.abc import Sequence

import numpy as np

from infopo.core import derive_seed

Z = 1.959963984540054  # the 97.5 % point of the normal distribution
RESAMPLES = 10_000
_CHUNK = 1_000  # resamples drawn at one time


def wilson(successes: int, n: int) -> tuple[float, float] | None:
    """Wilson's score interval (1927) of `successes` out of `n` independent episodes; None where n is 0.

    Centre (p + z^2/2n) / (1 + z^2/n), half width z sqrt(p(1-p)/n + z^2/4n^2) / (1 + z^2/n). Unlike the plain normal
    interval it stays inside [0, 1] and has a width at 0 and at n successes.

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


def cluster_bootstrap(clusters: Sequence[Sequence[float]], *, seed: int) -> tuple[float, float] | None:
    """Percentile interval of the mean over all values, where whole clusters (tasks) are drawn with replacement.

    For several episodes a task: they are not independent, so tasks are what is resampled. Empty clusters take no
    part; None where nothing is left. A pure function of its arguments.

    >>> cluster_bootstrap([[1.0, 1.0], [1.0]], seed=0)
    (1.0, 1.0)
    """
    full = [cluster for cluster in clusters if len(cluster)]
    if not full:
        return None
    sums = np.array([float(np.sum(cluster)) for cluster in full])
    counts = np.array([len(cluster) for cluster in full], dtype=np.float64)
    generator = np.random.default_rng(derive_seed(seed, "cluster-bootstrap"))
    means = []
    for _ in range(RESAMPLES // _CHUNK):
        drawn = generator.integers(0, len(full), size=(_CHUNK, len(full)))
        means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return float(low), float(high)
