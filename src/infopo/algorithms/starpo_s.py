"""StarPO-S: StarPO with a critic, on the quarter of tasks whose outcomes vary most, clipping higher, without KL.

`A` is token GAE (`delta_k = r_k + gamma V_{k+1} - V_k`, gamma = lam = 1, next token that the policy wrote) of the
summed reward on the episode's last token, whitened over all policy tokens. Filter: `std`, the share 0.25. Clip 0.2
and 0.28. Filter and loss are what the method is, so preset `matched` keeps them; the published entropy bonus of 0.001
is not one of its changes and is left out. The filter looks at plain outcomes, where the released one sees normalised
rewards. An episode without a scored turn is paid its outcome. Published in "RAGEN" (arXiv 2504.20073).
"""

from dataclasses import dataclass

import numpy as np

from infopo.algorithms.advantage_estimation import masked_gae, whitened_credit
from infopo.algorithms.base import Credit, CreditBatch, Method
from infopo.algorithms.filters import GroupFilter
from infopo.algorithms.loss_config import LossConfig
from infopo.algorithms.option_checks import check_number
from infopo.algorithms.turn_values import action_ends, critic_values, paid_turns, token_costs


@dataclass(frozen=True, slots=True, kw_only=True)
class StarPOSOptions:
    """`gamma` and `lam` of the token GAE, both in [0, 1]. `keep`: share of tasks that the filter keeps, in (0, 1]."""

    gamma: float = 1.0
    lam: float = 1.0
    keep: float = 0.25

    def __post_init__(self) -> None:
        for name in ("gamma", "lam", "keep"):
            check_number("starpo-s", name, getattr(self, name), least=0, most=1)


def make(options: StarPOSOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        rewards = -token_costs(batch)
        ends, totals = action_ends(batch), paid_turns(batch)[0].sum(axis=1)
        for row in range(len(rewards)):
            rewards[row, np.flatnonzero(ends[row])[-1:]] += totals[row]
        values = critic_values(batch, "starpo-s")
        advantages, returns = masked_gae(rewards, values, batch.sampled, gamma=options.gamma, lam=options.lam)
        return whitened_credit(batch, advantages, returns)

    return Method(
        name="starpo-s",
        summary="critic and token GAE on the tasks whose outcomes vary most, clip-higher, no KL",
        credit=credit,
        needs=frozenset({"critic"}),
        loss=LossConfig(clip_high=0.28),
        filter=GroupFilter(kind="std", keep=options.keep),
        defining=frozenset({"loss", "filter"}),
        token_costs=True,
    )
