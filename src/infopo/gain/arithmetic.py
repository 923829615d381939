"""From log-probabilities to a gain: the final arithmetic, without torch. Every back-end and estimator ends here."""

import math
from collections.abc import Sequence

from infopo.gain.spec import MIXTURES, GainSpec, TurnGain


def turn_gain(
    with_answer: Sequence[float],
    without: Sequence[Sequence[float]],
    *,
    spec: GainSpec,
    weights: Sequence[float] | None = None,
    partial: bool = False,
) -> TurnGain:
    """The gain from log-probs `[n]` of the next action behind the real history, and `[K][n]` behind K edited ones.

    Placeholders: the log-ratios are averaged. Replies of `swap` and `resample` are one mixture: the probability of the
    whole action is averaged, then its logarithm taken. `weights` `[K]` sum to 1 (default: equal). Equation 3 of
    "InfoPO" (arXiv 2603.00656) is one placeholder with reduction `mean`.

    >>> gain = turn_gain([-0.1, -0.5, -0.2], [[-0.6, -0.4, -1.3]], spec=GainSpec())
    >>> round(gain.sum, 6), round(gain.value, 6), gain.tokens
    (1.5, 0.5, 3)
    >>> half = [[math.log(0.5)], [math.log(0.25)]]
    >>> mixture = turn_gain([0.0], half, spec=GainSpec(counterfactual="swap", reduction="sum"))
    >>> round(math.exp(-mixture.value), 6)
    0.375
    """
    share = [1 / len(without)] * len(without) if weights is None else weights
    ratios = [added([real - other for real, other in zip(with_answer, edited, strict=True)]) for edited in without]
    if len(ratios) == 1:
        total = ratios[0]
    elif spec.counterfactual in MIXTURES:
        total = -log_sum_exp([math.log(part) - ratio for part, ratio in zip(share, ratios, strict=True)])
    else:
        total = added([part * ratio for part, ratio in zip(share, ratios, strict=True)])
    return summed_gain(total, len(with_answer), spec=spec, partial=partial)


def summed_gain(total: float, tokens: int, *, spec: GainSpec, partial: bool) -> TurnGain:
    """A gain of `total` nats over `tokens` scored tokens, reduced as the spec says."""
    mean = total / tokens
    value = mean if spec.reduction == "mean" else total
    return TurnGain(value=value, mean=mean, sum=total, tokens=tokens, partial=partial)


def added(values: Sequence[float]) -> float:
    """The exact sum. Infinities of both signs give NaN, not the bare error of `fsum`: the caller knows the task.

    >>> added([0.1] * 10), added([math.inf, -math.inf])
    (1.0, nan)
    """
    return math.fsum(values) if all(map(math.isfinite, values)) else sum(values)


def log_sum_exp(values: Sequence[float]) -> float:
    """`log(sum(exp(values)))`, without overflow.

    >>> round(log_sum_exp([1000.0, 1000.0]) - 1000, 6)
    0.693147
    """
    largest = max(values)
    if math.isinf(largest):
        return largest
    return largest + math.log(math.fsum(math.exp(value - largest) for value in values))
