"""What a training method is: a batch of credits in, per-token advantages out. numpy only."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from infopo.core import Span, UserError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Need = Literal["gain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditBatch:
    """N surviving episodes of one step. Masks are explicit: what a mask hides is missing, not zero.

    `group` `[N]` integer group of each row; `sampled` `[N, L]` policy tokens; `action_spans[i][t]` the token range of
    turn t; `outcome` `[N]` in [0, 1]; `signals[name]` and `signal_masks[name]` `[N, T]` per-turn signals ("gain").
    """

    group: NDArray[np.int64]
    sampled: Bools
    action_spans: tuple[tuple[Span, ...], ...]
    outcome: Floats
    signals: dict[str, Floats] = field(default_factory=dict)
    signal_masks: dict[str, Bools] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """`advantages` `[N, L]`, zero where nothing was sampled; `stats` are logged as they are named."""

    advantages: Floats
    stats: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LossConfig:
    """The clipped policy loss. Token-mean over all policy tokens of the optimiser step, on every rank."""

    clip_low: float = 0.2
    clip_high: float = 0.2
    dual_clip: float | None = 3.0
    kl_coefficient: float = 0.0  # k3 against the initial policy; 0: no reference is kept
    entropy_coefficient: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.clip_low < 1 and self.clip_high > 0):
            raise UserError(f"loss: clip_low in (0, 1) and clip_high > 0, got {self.clip_low}, {self.clip_high}")
        if self.dual_clip is not None and self.dual_clip <= 1:
            raise UserError(f"loss.dual_clip must exceed 1, got {self.dual_clip}")
        if self.kl_coefficient < 0 or self.entropy_coefficient < 0:
            raise UserError("loss: coefficients must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One training method: two methods under the same settings differ in `credit` alone."""

    name: str
    summary: str
    credit: Callable[[CreditBatch], Credit]
    needs: frozenset[Need] = frozenset()
