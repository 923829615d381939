"""A batch by hand that holds everything a method may ask for."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from infopo.algorithms import CreditBatch

from .conftest import make_batch, per_turn


def full_batch(
    group: Sequence[int],
    outcome: Sequence[float],
    spans: Sequence[Sequence[tuple[int, int]]],
    *,
    beliefs: Sequence[Sequence[float | None]] | None = None,
    rewards: Sequence[Sequence[float | None]] | None = None,
    keys: Sequence[Sequence[str | None]] | None = None,
) -> CreditBatch:
    """`make_batch` with beliefs (its gains, too), turn rewards, state keys and a critic's values.

    What is left out is made up.
    """
    batch = make_batch(group, outcome, spans, rewards=rewards or [[0.5] * len(row) for row in spans])
    belief = per_turn(beliefs or [[-1.0 - 0.1 * turn for turn in range(len(row))] for row in spans])
    made_up = np.where(batch.sampled, 0.1 * np.arange(batch.sampled.shape[1])[None, :], np.nan)
    return replace(
        batch,
        signals=dict.fromkeys(("gain", "belief"), belief[0]),
        signal_masks=dict.fromkeys(("gain", "belief"), belief[1]),
        state_keys=tuple(tuple(row) for row in keys or [[f"s{k}" for k in range(len(row))] for row in spans]),
        values=made_up,
    )
