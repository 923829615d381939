"""What a batch must hold before a method sees it. Arrays are as in `CreditBatch`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from infopo.core import InfopoError


def check_finite(what: str, values: NDArray[np.float64], measured: NDArray[np.bool_], names: Sequence[str]) -> None:
    """Refuse a measured number of `[N]` or `[N, ...]` that is none; the error names the episode and the place."""
    broken = np.argwhere(measured & ~np.isfinite(values))
    if broken.size:
        row, *place = (int(index) for index in broken[0])
        who = names[row] if names else f"row {row} of the batch"
        where = f" at index {place[0]}" if place else ""
        raise InfopoError(f"{what} of {who}{where} is {values[tuple(broken[0])]}, not a finite number")
