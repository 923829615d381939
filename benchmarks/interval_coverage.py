"""Print how often the 95 % interval of a success rate holds the true rate: the table of docs/evaluation.md.

python benchmarks/interval_coverage.py [--simulations 4000]

Per cell: tasks x episodes a task x true rate, and how alike the episodes of a task are. `correlation` 0 is independent
episodes; else the success probability of each task is drawn from a beta distribution with the true rate as its mean,
so that two episodes of a task have that correlation. With one episode a task it makes no difference, and the coverage
is exact: a sum over the binomial distribution. `chosen` is `mean_interval`, `bootstrap` the percentile bootstrap alone.
The bootstrap is taken in its limit of many resamples (a convolution), because drawing would take an hour.
"""

import argparse
import math
from collections import Counter
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from infopo.core import derive_seed
from infopo.evaluation import mean_interval

TASKS = (30, 100, 500)
SAMPLES = (1, 4, 8)
RATES = (0.05, 0.5, 0.95)
CORRELATIONS = (0.0, 0.2, 0.5)
ROUNDING = 1e-9

Bounds = tuple[float, float]
Counts = tuple[int, ...]  # how many tasks had 0, 1, ... successes


@lru_cache(maxsize=1)  # asked twice for the same tasks
def exact_bootstrap(counts: Counts) -> Bounds:
    """The percentile bootstrap over tasks without drawing: the distribution of the sum of so many drawn tasks."""
    tasks, most = sum(counts), sum(counts) * (len(counts) - 1)
    size = 1 << most.bit_length()
    spectrum = np.fft.rfft(np.array(counts) / tasks, size) ** tasks
    cumulated = np.cumsum(np.fft.irfft(spectrum, size)[: most + 1])
    low, high = np.searchsorted(cumulated, [0.025 - ROUNDING, 0.975 - ROUNDING])
    return float(low) / most, float(high) / most


def chosen(counts: Counts) -> tuple[Bounds, str]:
    """What `mean_interval` gives for such tasks, and its name."""
    samples = len(counts) - 1
    rows = [[1.0] * good + [0.0] * (samples - good) for good in range(samples + 1)]
    interval = mean_interval(
        [row for row, times in zip(rows, counts, strict=True) for _ in range(times)], seed=0, resamples=1
    )
    assert interval is not None
    if interval.method == "cluster-bootstrap":
        return exact_bootstrap(counts), interval.method
    return (interval.low, interval.high), interval.method


def holds(bounds: Bounds, rate: float) -> bool:
    """Whether the rate lies inside."""
    return bounds[0] - ROUNDING <= rate <= bounds[1] + ROUNDING


def draw(
    generator: np.random.Generator, simulations: int, tasks: int, samples: int, rate: float, correlation: float
) -> NDArray[np.int64]:
    """Successes of each task `[simulations, tasks]`."""
    chances: float | NDArray[np.float64] = rate
    if correlation:
        size = 1 / correlation - 1
        chances = generator.beta(rate * size, (1 - rate) * size, size=(simulations, tasks))
    return generator.binomial(samples, chances, size=(simulations, tasks))


def exact_coverage(tasks: int, rate: float) -> tuple[float, float, str]:
    """With one episode a task: coverage of the chosen interval and of the bootstrap, and the interval's name."""
    names, good, plain = set(), 0.0, 0.0
    for successes in range(tasks + 1):
        chance = math.comb(tasks, successes) * rate**successes * (1 - rate) ** (tasks - successes)
        bounds, name = chosen((tasks - successes, successes))
        names.add(name)
        good += chance * holds(bounds, rate)
        plain += chance * holds(exact_bootstrap((tasks - successes, successes)), rate)
    return good, plain, " ".join(sorted(names))


def simulated_coverage(
    tasks: int, samples: int, rate: float, correlation: float, simulations: int
) -> tuple[float, float, str]:
    """The same by simulation; of several names, each with its share."""
    seed = derive_seed(0, "interval-coverage", tasks, samples, str(rate), str(correlation))
    found = draw(np.random.default_rng(seed), simulations, tasks, samples, rate, correlation)
    names: Counter[str] = Counter()
    good = plain = 0
    both = cache(lambda counts: (chosen(counts), exact_bootstrap(counts)))
    for row in found:
        (bounds, name), bootstrap = both(tuple(np.bincount(row, minlength=samples + 1).tolist()))
        names[name] += 1
        good += holds(bounds, rate)
        plain += holds(bootstrap, rate)
    said = " ".join(f"{name} {100 * times / simulations:.0f} %" for name, times in names.most_common())
    return good / simulations, plain / simulations, said


def main() -> int:
    """Print the table; exit with 1 where a cell of the chosen interval lies outside 93 to 97 %."""
    parser = argparse.ArgumentParser(description="Coverage of the 95 % interval of a success rate.")
    parser.add_argument("--simulations", type=int, default=4_000)
    simulations = parser.parse_args().simulations
    print("| tasks | episodes a task | rate | correlation | chosen, % | bootstrap, % | interval used |")
    print("|---:|---:|---:|---:|---:|---:|---|")
    outside = 0
    for tasks in TASKS:
        for samples in SAMPLES:
            for rate in RATES:
                for correlation in CORRELATIONS if samples > 1 else (None,):
                    if correlation is None:
                        good, plain, name = exact_coverage(tasks, rate)
                    else:
                        good, plain, name = simulated_coverage(tasks, samples, rate, correlation, simulations)
                    outside += not 0.93 <= good <= 0.97
                    label = "any, exact" if correlation is None else str(correlation)
                    figures = f"{100 * good:.1f} | {100 * plain:.1f}"
                    print(f"| {tasks} | {samples} | {rate} | {label} | {figures} | {name} |", flush=True)
    print(f"\n{outside} cells outside 93 to 97 %; {simulations} simulations a cell that is not exact")
    return 1 if outside else 0


if __name__ == "__main__":
    raise SystemExit(main())
