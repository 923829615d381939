"""Turn-PPO: a turn is one action of the decision process; its advantage goes to all its tokens.

`delta_t = r_t + gamma V(s_{t+1}) - V(s_t)`, `A_t = delta_t + gamma lam A_{t+1}`, whitened over all policy tokens.
`V(s_t)` is the critic's value in front of the first token of action t; every token of the turn is to predict `A_t +
V(s_t)`. An episode without a scored turn is paid its outcome on its last turn. Published in "Turn-PPO" (arXiv
2512.17008).
"""

from dataclasses import dataclass

import numpy as np

from infopo.algorithms.advantage_estimation import turn_gae, whitened_credit
from infopo.algorithms.base import Credit, CreditBatch, Method
from infopo.algorithms.gain_credit import on_actions
from infopo.algorithms.option_checks import check_number
from infopo.algorithms.turn_values import critic_values, paid_turns, token_costs


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnPPOOptions:
    """`gamma` from turn to turn and `lam`, both in [0, 1]."""

    gamma: float = 0.99
    lam: float = 0.9

    def __post_init__(self) -> None:
        for name in ("gamma", "lam"):
            check_number("turn-ppo", name, getattr(self, name), least=0, most=1)


def make(options: TurnPPOOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        paid, costs = paid_turns(batch)[0], np.where(batch.sampled, token_costs(batch), 0.0)
        values, states = critic_values(batch, "turn-ppo"), np.zeros_like(paid)
        turn_advantages = np.zeros_like(paid)
        for row, spans in enumerate(batch.action_spans):
            for turn, span in enumerate(spans):
                paid[row, turn] -= costs[row, span.start : span.end].sum()
                states[row, turn] = values[row, span.start]
            turns = slice(len(spans))
            turn_advantages[row, turns] = turn_gae(
                paid[row, turns], states[row, turns], gamma=options.gamma, lam=options.lam
            )
        returns = on_actions(turn_advantages + states, batch)
        return whitened_credit(batch, on_actions(turn_advantages, batch), returns)

    return Method(
        name="turn-ppo",
        summary="critic; advantages from turn to turn on every token of the turn",
        credit=credit,
        needs=frozenset({"critic"}),
        token_costs=True,
    )
