"""What a batch must hold before a method sees it. Arrays are as in `CreditBatch`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infopo.core import InfopoError, UserError


def check_finite(what: str, values: NDArray[np.float64], measured: NDArray[np.bool_], names: Sequence[str]) -> None:
    """Refuse a measured number of `[N]` or `[N, ...]` that is none; the error names the episode and the place."""
    broken = np.argwhere(measured & ~np.isfinite(values))
    if broken.size:
        row, *place = (int(index) for index in broken[0])
        who = names[row] if names else f"row {row} of the batch"
        where = f" at index {place[0]}" if place else ""
        raise InfopoError(f"{what} of {who}{where} is {values[tuple(broken[0])]}, not a finite number")


def turn_rewards_of(batch: Any, method: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The turn rewards `[N, T]` of a `CreditBatch`, 0 where a turn was not scored, and which were.

    Raises `UserError` where the environment scored no turn at all.
    """
    rewards, mask = batch.turn_rewards, batch.turn_reward_mask
    if len(batch.group) and (rewards is None or mask is None or not mask.any()):
        raise UserError(
            f"{method} needs turn rewards, and no turn of this batch has one; play an environment that scores single"
            " turns, such as those with the option reward (--env-options.reward upstream), or use another method"
        )
    turns = max((len(spans) for spans in batch.action_spans), default=0)
    if rewards is None or mask is None:
        return np.zeros((len(batch.group), turns)), np.zeros((len(batch.group), turns), dtype=np.bool_)
    return np.where(mask, rewards, 0.0), mask
