"""What a gain is computed from, and what comes back. No torch here."""

from dataclasses import dataclass
from typing import Literal

from infopo.core import UserError

Backend = Literal["auto", "separate", "kv"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GainSpec:
    """How the counterfactual is made and how the log-ratio of the next action is reduced.

    `message`: every message of the answer is replaced by a real message that says `placeholder`, template intact.
    `mean` (paper) divides the summed log-ratio by the tokens of the next action; `sum` is the form whose expectation is
    a mutual information.
    """

    counterfactual: Literal["message"] = "message"
    placeholder: str = "No information found."
    reduction: Literal["mean", "sum"] = "mean"

    def __post_init__(self) -> None:
        if self.counterfactual != "message":
            raise UserError(f"gain.counterfactual must be 'message', got {self.counterfactual!r}")
        if self.reduction not in ("mean", "sum"):
            raise UserError(f"gain.reduction must be 'mean' or 'sum', got {self.reduction!r}")
        if not self.placeholder.strip():
            raise UserError("gain.placeholder must not be empty: the counterfactual is a real message")


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnGain:
    """The information gain of one turn, in nats. `value` is `mean` or `sum`, as the spec says."""

    value: float
    mean: float
    sum: float
    tokens: int  # scored tokens of the next action
    partial: bool  # the next action was cut at a token limit
