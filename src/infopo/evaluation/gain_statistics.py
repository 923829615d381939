"""Statistics of a stream of gains: what is kept does not grow with the stream. No torch here."""

import math
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """`n` values: their mean, deviation (n - 1; None for one value), share below 0, smallest and largest."""

    n: int
    mean: float
    std: float | None
    negative: float
    low: float
    high: float


@dataclass(slots=True)
class Running:
    """One pass, one value at a time (Welford, 1962).

    >>> running = Running()
    >>> for value in (1.0, -1.0, 3.0):
    ...     running.add(value)
    >>> running.result()
    Distribution(n=3, mean=1.0, std=2.0, negative=0.3333333333333333, low=-1.0, high=3.0)
    """

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0  # sum of squared deviations from the mean
    negative: int = 0
    low: float = math.inf
    high: float = -math.inf

    def add(self, value: float) -> None:
        """Take one more value in."""
        self.n += 1
        step = value - self.mean
        self.mean += step / self.n
        self.squares += step * (value - self.mean)
        self.negative += value < 0
        self.low, self.high = min(self.low, value), max(self.high, value)

    def result(self) -> Distribution | None:
        """What was seen so far; None where nothing was."""
        if not self.n:
            return None
        return Distribution(
            n=self.n,
            mean=self.mean,
            std=math.sqrt(self.squares / (self.n - 1)) if self.n > 1 else None,
            negative=self.negative / self.n,
            low=self.low,
            high=self.high,
        )


@dataclass(slots=True)
class Histogram:
    """Counts of values in bins `width` wide; what is larger than `most` bins in size shares the outermost one.

    >>> histogram = Histogram(width=0.5)
    >>> for value in (0.1, 0.9, 1.1, 5.0):
    ...     histogram.add(value)
    >>> histogram.quantile(0.5), histogram.quantile(1.0)
    (1.0, 5.0)
    """

    width: float = 0.01
    most: int = 2000
    _counts: Counter[int] = field(default_factory=Counter)

    def add(self, value: float) -> None:
        """Take one more value in."""
        self._counts[max(-self.most, min(self.most, round(value / self.width)))] += 1

    def quantile(self, share: float) -> float:
        """The middle of the first bin up to which at least `share` of the values lie; 0 where there are none."""
        wanted, seen = share * self._counts.total(), 0
        for place in sorted(self._counts):
            seen += self._counts[place]
            if seen >= wanted:
                return place * self.width
        return 0.0


class Columns:
    """Means, deviations, correlations and absolute differences of C columns, a few rows `[n, C]` at a time.

    Parts are merged by the pairwise formula of Chan, Golub and LeVeque (1979).
    """

    def __init__(self, width: int) -> None:
        self.n = 0
        self._mean: Floats = np.zeros(width)
        self._products: Floats = np.zeros((width, width))  # sums of products of deviations
        self._apart: Floats = np.zeros((width, width))  # sums of absolute differences
        self._inside = 0.0  # sum of the deviations within a row, first column left out

    def add(self, rows: Floats) -> None:
        """Take rows `[n, C]` in."""
        count = len(rows)
        if not count:
            return
        mean = rows.mean(axis=0)
        apart, total = mean - self._mean, self.n + count
        centred = rows - mean
        self._products += centred.T @ centred + np.outer(apart, apart) * (self.n * count / total)
        self._mean += apart * (count / total)
        self._apart += np.abs(rows[:, :, None] - rows[:, None, :]).sum(axis=0)
        if rows.shape[1] > 2:
            self._inside += float(rows[:, 1:].std(axis=1, ddof=1).sum())
        self.n = total

    def mean(self, column: int) -> float:
        """Mean of a column."""
        return float(self._mean[column])

    def std(self, column: int) -> float | None:
        """Deviation (n - 1) of a column; None for fewer than two rows."""
        return math.sqrt(self._products[column, column] / (self.n - 1)) if self.n > 1 else None

    def correlation(self, one: int, other: int) -> float | None:
        """Pearson's correlation of two columns; None where one of them does not vary."""
        size = math.sqrt(self._products[one, one] * self._products[other, other])
        return float(np.clip(self._products[one, other] / size, -1, 1)) if size > 0 else None

    def difference(self, one: int, other: int) -> float:
        """Mean absolute difference of two columns, row by row."""
        return float(self._apart[one, other]) / self.n

    def inside(self) -> float:
        """Mean over rows of the deviation (n - 1) among all columns but the first."""
        return self._inside / self.n


@dataclass(slots=True)
class Highest(Generic[K, T]):
    """The `size` keys with the highest values of a stream, and for each the item that came with its highest value.

    Of equal values the earlier stays.

    >>> highest = Highest[str, int](2)
    >>> for value, key, item in ((1.0, "a", 1), (3.0, "b", 2), (2.0, "c", 3), (4.0, "c", 4), (3.0, "d", 5)):
    ...     highest.add(value, key, item)
    >>> highest.items()
    {'c': 4, 'b': 2}
    """

    size: int
    _held: dict[K, tuple[float, int, T]] = field(default_factory=dict)
    _seen: int = 0

    def add(self, value: float, key: K, item: T) -> None:
        """Take one more in."""
        self._seen += 1
        entry = (value, -self._seen, item)
        # A key that fell out comes back if its value rises: what pushed it out only rises, too.
        if key in self._held:
            self._held[key] = max(self._held[key], entry, key=_rank)
            return
        self._held[key] = entry
        if len(self._held) > self.size:
            del self._held[min(self._held, key=lambda one: _rank(self._held[one]))]

    def items(self) -> dict[K, T]:
        """Key and item, the highest first."""
        ranked = sorted(self._held.items(), key=lambda one: _rank(one[1]), reverse=True)
        return {key: item for key, (_, _, item) in ranked}


def _rank(entry: tuple[float, int, Any]) -> tuple[float, int]:
    return entry[:2]
