"""The settings of the policy loss, as data: `infopo.training.loss` computes it."""

from dataclasses import dataclass
from typing import Literal

from infopo.core import UserError

Aggregation = Literal["token-mean", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm"]
KLEstimator = Literal["k1", "k2", "k3"]


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
