"""MT-GRPO: a turn's own reward, normalised in its group, beside the outcome.

`A = z^turn_t + lam z^outcome` on the tokens of turn t, `z^outcome` alone on the last turn. `z^turn_t` is the standard
score (n - 1, plus 1e-6) of the reward of turn t among the scored turns t of the group that are not the last of their
episode. The publication has two turns; with two this is its form, with more each turn is compared at its own place.
Left out: its exact variant, which branches several continuations from every turn. A turn that was not scored has no
part of its own, which is not a reward of 0: where the environment scores none, this is GRPO. Published in "Reinforcing
multi-turn reasoning" (arXiv 2505.11821).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infopo.algorithms.base import Credit, CreditBatch, Floats, Method
from infopo.algorithms.gain_credit import on_actions
from infopo.algorithms.group_stats import EPSILON, SINGLETON, Singleton, group_metrics, outcome_zscores
from infopo.algorithms.option_checks import check_choice, check_number
from infopo.algorithms.turn_values import paid_turns, turn_mask


@dataclass(frozen=True, slots=True, kw_only=True)
class MTGRPOOptions:
    """`lam`: weight of the outcome on turns before the last. `singleton`: what a value alone in its group gets, `zero`,
    or `pass`, the value itself divided by 1 + epsilon. `epsilon`: added to a deviation."""

    lam: float = 1.0
    singleton: Singleton = "zero"
    epsilon: float = EPSILON

    def __post_init__(self) -> None:
        check_number("mt-grpo", "lam", self.lam, least=0)
        check_choice("mt-grpo", "singleton", self.singleton, SINGLETON)
        check_number("mt-grpo", "epsilon", self.epsilon, above=0)


def place_scores(group: NDArray[np.int64], values: Floats, options: MTGRPOOptions) -> Floats:
    """Standard scores `[N, T]` of each column inside each group; NaN is no value and scores 0."""
    scores = np.zeros(values.shape, dtype=np.float64)
    for turn in range(values.shape[1]):
        scored = ~np.isnan(values[:, turn])
        scores[scored, turn] = outcome_zscores(
            group[scored], values[scored, turn], epsilon=options.epsilon, singleton=options.singleton
        )
    return scores


def make(options: MTGRPOOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        turns = turn_mask(batch)
        earlier = np.zeros_like(turns)
        earlier[:, :-1] = turns[:, 1:]  # a turn after which another one comes
        paid, scored = paid_turns(batch)
        rewards = np.where(earlier & scored, paid, np.nan)
        outcome = place_scores(batch.group, batch.outcome[:, None], options)
        values = place_scores(batch.group, rewards, options) + np.where(earlier, options.lam, 1.0) * outcome
        stats = {"mt-grpo/scored_turns_frac": float((~np.isnan(rewards)).mean(where=earlier))} if earlier.any() else {}
        return Credit(advantages=on_actions(values, batch), stats=stats | group_metrics(batch.group, batch.outcome))

    return Method(
        name="mt-grpo",
        summary="each turn's own reward, normalised at its place, plus the group-normalised outcome",
        credit=credit,
    )
