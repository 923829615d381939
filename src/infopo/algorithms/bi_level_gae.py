"""Bi-level GAE: advantages from turn to turn, then from token to token inside each turn.

High, over turn ends: `delta_j = r_j + gamma_high V(e_{j+1}) - V(e_j)`, `A_j = delta_j + gamma_high lam A_{j+1}`; what
the turn is worth, `A_j + V(e_j)`, stands in place of the reward of its last token. Low, inside the turn: token GAE
with `gamma` and `lam`, nothing after the turn's end. Whitened over all policy tokens. Turn ends are those of the
actions. The released code knows a turn by a reward that is not 0, so that turns without one melt together and an
episode that ends without one breaks it: here `zero_ends_turn=False` keeps the first, never the second. A turn
that was not scored is paid 0; an episode without a scored turn is paid its outcome on its last turn. Published in
"RAGEN" (arXiv 2504.20073; released code: defaults gamma 1, lam 1, gamma_high 0.95).
"""

from dataclasses import dataclass

import numpy as np

from infopo.algorithms.advantage_estimation import bi_level_gae, whitened_credit
from infopo.algorithms.base import Credit, CreditBatch, Method
from infopo.algorithms.gain_credit import on_actions
from infopo.algorithms.loss_config import LossConfig
from infopo.algorithms.option_checks import check_flag, check_number
from infopo.algorithms.turn_values import action_ends, critic_values, paid_turns, token_costs


@dataclass(frozen=True, slots=True, kw_only=True)
class BiLevelGAEOptions:
    """`gamma_high` from turn to turn, `gamma` and `lam` from token to token, all in [0, 1]. `zero_ends_turn`: whether
    a turn with a reward of exactly 0 is a turn of its own."""

    gamma: float = 1.0
    lam: float = 1.0
    gamma_high: float = 0.95
    zero_ends_turn: bool = True

    def __post_init__(self) -> None:
        for name in ("gamma", "lam", "gamma_high"):
            check_number("bi-level-gae", name, getattr(self, name), least=0, most=1)
        check_flag("bi-level-gae", "zero_ends_turn", self.zero_ends_turn)


def make(options: BiLevelGAEOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        ends = action_ends(batch)
        paid = np.where(ends, on_actions(paid_turns(batch)[0], batch), 0.0)
        advantages, returns = bi_level_gae(
            paid - token_costs(batch),
            critic_values(batch, "bi-level-gae"),
            batch.sampled,
            ends if options.zero_ends_turn else ends & (paid != 0),
            gamma=options.gamma,
            lam=options.lam,
            gamma_high=options.gamma_high,
        )
        return whitened_credit(batch, advantages, returns)

    return Method(
        name="bi-level-gae",
        summary="critic; advantages from turn to turn, then from token to token inside a turn",
        credit=credit,
        needs=frozenset({"critic"}),
        loss=LossConfig(clip_high=0.28, entropy_coefficient=0.001),
        token_costs=True,
    )
