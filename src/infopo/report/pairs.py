"""Two evaluations compared task by task: the tasks are the same, so what differs is the policy."""

from dataclasses import dataclass

import numpy as np

from infopo.core import derive_seed
from infopo.report.episodes import Episodes

RESAMPLES = 10_000
FEWEST_TASKS = 10  # with fewer in common, nothing is compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Over `tasks` tasks that both played: mean success rates, `second - first`, and its 95 % interval.

    `better` and `worse`: tasks on which the second succeeded more, or less, often. `ci95` is the percentile interval
    of a bootstrap over tasks; None where the difference is the same on every task: resampling would claim certainty.
    """

    tasks: int
    first: float
    second: float
    better: int
    worse: int
    ci95: tuple[float, float] | None

    @property
    def difference(self) -> float:
        return self.second - self.first


def compare(first: Episodes, second: Episodes) -> Comparison | None:
    """Each task counts once, however many episodes it has; None where there are fewer than `FEWEST_TASKS` in common."""
    common = sorted(first.outcomes.keys() & second.outcomes.keys())
    if len(common) < FEWEST_TASKS:
        return None
    rates = np.array([[part.outcomes[task][0] / part.outcomes[task][1] for task in common] for part in (first, second)])
    differences = rates[1] - rates[0]
    return Comparison(
        tasks=len(common),
        first=float(rates[0].mean()),
        second=float(rates[1].mean()),
        better=int((differences > 0).sum()),
        worse=int((differences < 0).sum()),
        ci95=_bootstrap(differences),
    )


def _bootstrap(differences: np.ndarray) -> tuple[float, float] | None:
    values, times = np.unique(differences, return_counts=True)
    if len(values) == 1:
        return None
    generator = np.random.default_rng(derive_seed(0, "paired-comparison", len(differences)))
    # how often each value is drawn is all that the mean depends on
    drawn = generator.multinomial(len(differences), times / len(differences), size=RESAMPLES) @ values
    low, high = np.quantile(drawn / len(differences), [0.025, 0.975])
    return float(low), float(high)
