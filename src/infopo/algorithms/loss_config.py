"""The settings of the policy loss, as data: `infopo.training.loss` computes it."""

from dataclasses import dataclass
from typing import Literal, get_args

from infopo.algorithms.option_checks import check_choice, check_number
from infopo.core import UserError

Aggregation = Literal["token-mean", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm"]
KLEstimator = Literal["k1", "k2", "k3", "abs"]
KLPlace = Literal["loss", "reward"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LossConfig:
    """The clipped policy loss. Every mean is over one whole optimiser step, on all ranks, whatever the micro-batches.

    `aggregation` of token losses: their mean; the mean over episodes of an episode's sum; the mean over episodes of
    an episode's mean; or the plain sum divided by `normaliser_length`, a constant (Dr. GRPO, arXiv 2503.20783). KL and
    entropy are aggregated alike. `kl_in` loss: a term of the loss; reward: a cost of each token, which a method that
    reads no reward token by token refuses. `value_clip`: how far a step may move a critic's values.
    """

    clip_low: float = 0.2
    clip_high: float = 0.2
    dual_clip: float | None = 3.0
    aggregation: Aggregation = "token-mean"
    normaliser_length: int = 1024  # tokens; seq-mean-token-sum-norm alone
    kl_coefficient: float = 0.0  # against the initial policy; 0: no reference is kept
    kl_estimator: KLEstimator = "k3"
    kl_in: KLPlace = "loss"
    entropy_coefficient: float = 0.0
    value_clip: float | None = 0.5

    def __post_init__(self) -> None:
        for name, words in (("aggregation", Aggregation), ("kl_estimator", KLEstimator), ("kl_in", KLPlace)):
            check_choice("loss", name, getattr(self, name), get_args(words))
        for name in ("kl_coefficient", "entropy_coefficient"):
            check_number("loss", name, getattr(self, name), least=0)
        if not (0 < self.clip_low < 1 and self.clip_high > 0):
            raise UserError(f"loss: clip_low in (0, 1) and clip_high > 0, got {self.clip_low}, {self.clip_high}")
        if self.dual_clip is not None and not self.dual_clip > 1:  # so that nan is refused
            raise UserError(f"loss.dual_clip must exceed 1, got {self.dual_clip}")
        if self.normaliser_length < 1:
            raise UserError(f"loss.normaliser_length must be at least 1, got {self.normaliser_length}")
        if self.value_clip is not None and not self.value_clip > 0:
            raise UserError(f"loss.value_clip must exceed 0, got {self.value_clip}; null turns it off")
