"""Batches for credit: the fixture of the golden file, and random ones."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infopo.algorithms import CreditBatch
from infopo.core import Span

GOLDEN = Path(__file__).parents[3] / "shared" / "golden" / "golden_advantages.json"


@pytest.fixture(scope="session")
def golden() -> dict[str, Any]:
    if not GOLDEN.is_file():
        pytest.skip("the golden advantages are not beside the checkout (../shared/golden/golden_advantages.json)")
    loaded: dict[str, Any] = json.loads(GOLDEN.read_text())
    return loaded


def make_batch(
    group: Sequence[int],
    outcome: Sequence[float],
    spans: Sequence[Sequence[tuple[int, int]]],
    gains: Sequence[Sequence[float | None]] | None = None,
    *,
    length: int | None = None,
) -> CreditBatch:
    """A batch in which exactly the action tokens are sampled; NaN stands wherever a gain is missing."""
    ends = [end for row in spans for _, end in row]
    sampled = np.zeros((len(group), max(ends, default=0) if length is None else length), dtype=np.bool_)
    for row, actions in enumerate(spans):
        for start, end in actions:
            sampled[row, start:end] = True
    signals, masks = {}, {}
    if gains is not None:
        turns = max((len(row) for row in gains), default=0)
        values = np.full((len(group), turns), np.nan)
        for row, given in enumerate(gains):
            for turn, value in enumerate(given):
                values[row, turn] = np.nan if value is None else value
        signals, masks = {"gain": values}, {"gain": ~np.isnan(values)}
    return CreditBatch(
        group=np.array(group, dtype=np.int64),
        sampled=sampled,
        action_spans=tuple(tuple(Span(start=start, end=end) for start, end in row) for row in spans),
        outcome=np.array(outcome, dtype=np.float64),
        signals=signals,
        signal_masks=masks,
    )
