"""What a gain is computed from, and what comes back. No torch here."""

from dataclasses import dataclass
from typing import Literal

from infopo.core import UserError

Backend = Literal["auto", "separate", "tree", "kv"]
Counterfactual = Literal["message", "fill", "drop", "swap", "resample"]
MIXTURES: tuple[Counterfactual, ...] = ("swap", "resample")  # counterfactuals that are a distribution over replies


@dataclass(frozen=True, slots=True, kw_only=True)
class GainSpec:
    """Against what the answer is held, and how the log-ratio of the next action is reduced.

    `counterfactual`: `message` a real message that says the placeholder, template intact; `fill` the tokens of the
    answer overwritten, length kept, as the released code does; `drop` attention cannot see the answer; `swap` what
    episodes of other tasks were answered to the same kind of question; `resample` what the user would have answered
    under other hidden goals that fit the history (the true marginal; `Turn.alternatives`). Gains against several
    `placeholders` are averaged; `draws` replies of `swap` and `resample` form one mixture, averaged in probability.

    `estimator`: `sampled` the log-ratio of the sampled tokens; `exact-kl` the divergence of the whole next-token
    distributions along them (never negative, less noise). `reduction`: `mean` (paper) divides by the scored tokens;
    `sum` is the form whose expectation is a mutual information. `horizon`: how many of the following actions are
    scored (1: paper), or `all`. `score_part`: the whole action, or only what follows its thought.
    """

    counterfactual: Counterfactual = "message"
    placeholders: tuple[str, ...] = ("No information found.",)
    draws: int = 4
    estimator: Literal["sampled", "exact-kl"] = "sampled"
    reduction: Literal["mean", "sum"] = "mean"
    horizon: int | Literal["all"] = 1
    score_part: Literal["all", "after-thought"] = "all"

    def __post_init__(self) -> None:
        choices: dict[str, tuple[str, ...]] = {
            "counterfactual": ("message", "fill", "drop", "swap", "resample"),
            "estimator": ("sampled", "exact-kl"),
            "reduction": ("mean", "sum"),
            "score_part": ("all", "after-thought"),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise UserError(f"gain.{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        whole = isinstance(self.horizon, int) and not isinstance(self.horizon, bool) and self.horizon >= 1
        if not (whole or self.horizon == "all"):
            raise UserError(f"gain.horizon must be a whole number from 1, or 'all', got {self.horizon!r}")
        if self.draws < 1:
            raise UserError(f"gain.draws must be at least 1, got {self.draws}")
        if isinstance(self.placeholders, str) or not self.placeholders:
            raise UserError(f"gain.placeholders must be a list of one text or more, got {self.placeholders!r}")
        if any(not text.strip() for text in self.placeholders):
            raise UserError("gain.placeholders must not be empty texts: the counterfactual is a real message")

    def check_alternatives(self, drawn: int) -> None:
        """`UserError` where replies are held against others that could have been given, and none is drawn."""
        if self.counterfactual == "resample" and not drawn:
            raise UserError(
                "gain.counterfactual 'resample' holds replies against others that could have been given: say how many"
                " are drawn, as in --rollout.alternatives 32, or use 'message'"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnGain:
    """The information gain of one turn, in nats. `value` is `mean` or `sum`, as the spec says."""

    value: float
    mean: float
    sum: float
    tokens: int  # scored tokens of the next actions
    partial: bool  # the last scored action was cut at a token limit
