"""What a training method is: a batch of credits in, per-token advantages out. numpy only."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from infopo.algorithms.batch_checks import check_finite
from infopo.algorithms.filters import GroupFilter
from infopo.algorithms.loss_config import LossConfig
from infopo.core import Span, UserError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Need = Literal["gain", "critic", "reference_answer", "state_key"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditBatch:
    """N surviving episodes of one step. Masks are explicit: what a mask hides is missing, not zero.

    `group` `[N]` integer group of each row; `sampled` `[N, L]` policy tokens; `action_spans[i][t]` the token range of
    turn t; `outcome` `[N]` in [0, 1]; `signals[name]` and `signal_masks[name]` `[N, T]` per-turn signals ("gain",
    "belief"); `turn_rewards`, `turn_reward_mask` `[N, T]` the environment's own; `state_keys[i][t]` the state before
    action t; `values` `[N, L]` the critic's, None without one; `token_penalty` `[N, L]` what a KL in the reward costs
    each token, None without one. `names` `[N]` say in errors which episode a row is; `epoch` counts how often the
    training tasks have all been played, `progress` is the share of the run's steps that are done. Raises `InfopoError`
    where something measured is not a finite number.
    """

    group: NDArray[np.int64]
    sampled: Bools
    action_spans: tuple[tuple[Span, ...], ...]
    outcome: Floats
    signals: dict[str, Floats] = field(default_factory=dict)
    signal_masks: dict[str, Bools] = field(default_factory=dict)
    turn_rewards: Floats | None = None
    turn_reward_mask: Bools | None = None
    state_keys: tuple[tuple[str | None, ...], ...] | None = None
    values: Floats | None = None
    token_penalty: Floats | None = None
    names: tuple[str, ...] = ()
    epoch: int = 0
    progress: float = 0.0

    def __post_init__(self) -> None:
        check_finite("outcome", self.outcome, np.ones(len(self.outcome), dtype=np.bool_), self.names)
        for name, values in self.signals.items():
            check_finite(name, values, self.signal_masks[name], self.names)
        if self.turn_rewards is not None and self.turn_reward_mask is not None:
            check_finite("turn reward", self.turn_rewards, self.turn_reward_mask, self.names)
        for name, tokens in (("critic's value", self.values), ("token penalty", self.token_penalty)):
            if tokens is not None:
                check_finite(name, tokens, self.sampled, self.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """`advantages` `[N, L]`, zero where nothing was sampled; `stats` are logged as they are named.

    `returns` `[N, L]`: what a critic is to predict; None where the method has none.
    """

    advantages: Floats
    stats: dict[str, float]
    returns: Floats | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One training method: under preset `matched` two methods differ in `credit` alone.

    `loss` and `filter` are those it was published with: preset `as-published`. `defining` names the ones without which
    it would be another method: they come with it under every preset. `token_costs`: its credit takes the batch's
    `token_penalty` off, so that a KL may be in the reward. `gain_matters` says of a group's outcomes `[n]` whether
    its gains can change any credit; where they cannot, they are not scored.
    """

    name: str
    summary: str
    credit: Callable[[CreditBatch], Credit]
    needs: frozenset[Need] = frozenset()
    loss: LossConfig = field(default_factory=LossConfig)
    filter: GroupFilter | None = None
    defining: frozenset[Literal["loss", "filter"]] = frozenset()
    token_costs: bool = False
    gain_matters: Callable[[Floats], bool] = lambda _: True

    def check_loss(self, loss: LossConfig) -> None:
        """Refuse, as `UserError`, a loss of which this method would leave a part out without a word."""
        if loss.kl_coefficient and loss.kl_in == "reward" and not self.token_costs:
            raise UserError(
                f"{self.name} reads no reward token by token, so that a KL in the reward would be lost; set loss.kl_in"
                " to loss, or use a method that does, such as rloo or reinforce++"
            )
