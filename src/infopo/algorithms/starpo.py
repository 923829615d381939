"""StarPO: one reward for the whole episode, normalised beforehand, on every token that the policy wrote.

`A[i, k] = N(R)_i / (1 + 1e-6)`, R the sum of the turn rewards, N one of RAGEN's normalisations over the episodes of a
task (`state`) or of the batch. The released trainer then sees groups of one, hence the last division. By default it
is GRPO up to that factor. `length_weight` divides by the episode's policy tokens over their mean in the batch. An
episode without a scored turn is paid its outcome. Format penalties are the environment's business. Published in
"RAGEN" (arXiv 2504.20073); the critic, filter and clip of StarPO-S are in `starpo-s`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from infopo.algorithms.base import Credit, CreditBatch, Floats, Method
from infopo.algorithms.group_stats import EPSILON, group_metrics, members, spread
from infopo.algorithms.loss_config import LossConfig
from infopo.algorithms.option_checks import check_choice, check_flag
from infopo.algorithms.reward_normalisation import NORMALISATIONS, Normalisation, normalised
from infopo.algorithms.turn_values import paid_turns


@dataclass(frozen=True, slots=True, kw_only=True)
class StarPOOptions:
    """`normalisation` of rewards: identity, mean, mean_std, asym_clip (scores within [-1, 3]), over episodes of one
    `grouping`: state (a task) or batch. `length_weight`: shorter episodes count more."""

    normalisation: Normalisation = "mean_std"
    grouping: Literal["state", "batch"] = "state"
    length_weight: bool = False

    def __post_init__(self) -> None:
        check_choice("starpo", "normalisation", self.normalisation, NORMALISATIONS)
        check_choice("starpo", "grouping", self.grouping, ("state", "batch"))
        check_flag("starpo", "length_weight", self.length_weight)


def episode_scores(rewards: Floats, batch_rows: list[np.ndarray], lengths: Floats, options: StarPOOptions) -> Floats:
    """Advantages `[N]` from rewards `[N]`, the rows of each task, and the policy tokens `[N]` of each episode."""
    scores = np.zeros(len(rewards), dtype=np.float64)
    for rows in batch_rows if options.grouping == "state" else [np.arange(len(rewards))]:
        scores[rows] = normalised(rewards[rows], options.normalisation)
    scores = scores / (1 + EPSILON)
    if options.length_weight and lengths.size:
        scores = scores / np.maximum(lengths / max(lengths.mean(), 1.0), EPSILON)
    return scores


def make(options: StarPOOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        lengths = batch.sampled.sum(axis=1).astype(np.float64)
        scores = episode_scores(paid_turns(batch)[0].sum(axis=1), members(batch.group), lengths, options)
        return Credit(advantages=spread(scores, batch.sampled), stats=group_metrics(batch.group, batch.outcome))

    return Method(
        name="starpo",
        summary="the episode's summed reward, normalised in its task, on every policy token",
        credit=credit,
        loss=LossConfig(kl_coefficient=0.001, entropy_coefficient=0.001),
    )
