"""GiGPO: the episode among the episodes of its task, plus each step among the steps taken from the same state.

`A = A_E + omega A_S` on the tokens of action t. `A_E = R_i - mean_g`, R the summed reward. `A_S = G_t - mean` over
all steps of the task from the same state, `G_t = sum_k gamma^(k-t) r_k`; a step from a state of its own gets 0. With
`mean_std` both are divided by their deviation (n - 1, plus 1e-6). The state is the one before the action. The
released code counts an episode once for each of its steps in the mean of A_E (`episode_stats_over="steps"`). Left
out: clusters of merely similar states, and the penalty of an invalid action, which is the environment's business. An
episode without a scored turn is paid its outcome on its last turn. Published in "GiGPO" (arXiv 2505.10978).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from infopo.algorithms.base import Credit, CreditBatch, Floats, Method
from infopo.algorithms.gain_credit import on_actions
from infopo.algorithms.group_stats import EPSILON, SINGLETON, Singleton, group_metrics, outcome_zscores, zscore
from infopo.algorithms.loss_config import LossConfig
from infopo.algorithms.option_checks import check_choice, check_number
from infopo.algorithms.turn_values import paid_turns
from infopo.core import UserError

Keys = Sequence[Sequence[str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GiGPOOptions:
    """`mode` mean or mean_std; `omega` weight of the step part; `gamma` in [0, 1]; `singleton`: what a group of one
    gets from its reward, zero or pass (the reward itself). `epsilon`: added to a deviation."""

    mode: Literal["mean", "mean_std"] = "mean"
    omega: float = 1.0
    gamma: float = 0.95
    episode_stats_over: Literal["trajectories", "steps"] = "trajectories"
    singleton: Singleton = "zero"
    epsilon: float = EPSILON

    def __post_init__(self) -> None:
        check_choice("gigpo", "mode", self.mode, ("mean", "mean_std"))
        check_choice("gigpo", "episode_stats_over", self.episode_stats_over, ("trajectories", "steps"))
        check_choice("gigpo", "singleton", self.singleton, SINGLETON)
        check_number("gigpo", "epsilon", self.epsilon, above=0)
        check_number("gigpo", "omega", self.omega, least=0)
        check_number("gigpo", "gamma", self.gamma, least=0, most=1)


def step_returns(rewards: Floats, gamma: float) -> Floats:
    """Discounted sums of the rewards at and after each turn `[N, T]`.

    >>> step_returns(np.array([[0.0, 1.0]]), 0.95).tolist()
    [[0.95, 1.0]]
    """
    found = rewards.copy()
    for turn in range(rewards.shape[1] - 2, -1, -1):
        found[:, turn] += gamma * found[:, turn + 1]
    return found


def clusters(group: NDArray[np.int64], keys: Keys) -> dict[tuple[int, str], list[tuple[int, int]]]:
    """Steps (row, turn) by group and state before the action; a step whose state is not known is in none."""
    found: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for row, states in enumerate(keys):
        for turn, state in enumerate(states):
            if state is not None:
                found.setdefault((int(group[row]), state), []).append((row, turn))
    return found


def episode_part(group: NDArray[np.int64], totals: Floats, turns: NDArray[np.int64], options: GiGPOOptions) -> Floats:
    """`A_E` `[N]` from summed rewards `[N]` and the number of turns `[N]` of each episode."""
    times = turns if options.episode_stats_over == "steps" else np.ones_like(turns)
    counted = outcome_zscores(
        np.repeat(group, times),
        np.repeat(totals, times),
        epsilon=options.epsilon,
        divide=options.mode == "mean_std",
        singleton=options.singleton,
    )
    found = np.zeros(len(totals), dtype=np.float64)
    found[times > 0] = counted[(np.cumsum(times) - 1)[times > 0]]  # any one of an episode's own
    return found


def step_part(group: NDArray[np.int64], returns: Floats, keys: Keys, options: GiGPOOptions) -> Floats:
    """`A_S` `[N, T]`."""
    found = np.zeros_like(returns)
    for steps in clusters(group, keys).values():
        where = tuple(np.array(steps).T)
        found[where] = zscore(returns[where], epsilon=options.epsilon, divide=options.mode == "mean_std")
    return found


def make(options: GiGPOOptions) -> Method:
    """The method under these options."""

    def credit(batch: CreditBatch) -> Credit:
        keys = batch.state_keys or ()
        several = any(len(spans) > 1 for spans in batch.action_spans)
        if several and not any(state is not None for states in keys for state in states[1:]):
            raise UserError("gigpo needs the state before each action, and this environment names none (state_key)")
        paid, turns = paid_turns(batch)[0], np.array([len(spans) for spans in batch.action_spans], dtype=np.int64)
        episodes = episode_part(batch.group, paid.sum(axis=1), turns, options)
        steps = step_part(batch.group, step_returns(paid, options.gamma), keys, options)
        shared = [len(found) for found in clusters(batch.group, keys).values() if len(found) > 1]
        stats = {"gigpo/shared_steps_frac": sum(shared) / turns.sum()} if turns.sum() else {}
        return Credit(
            advantages=on_actions(episodes[:, None] + options.omega * steps, batch),
            stats=stats | group_metrics(batch.group, batch.outcome),
        )

    return Method(
        name="gigpo",
        summary="reward of the episode in its task, plus return of each step among those from the same state",
        credit=credit,
        needs=frozenset({"state_key"}),
        loss=LossConfig(kl_coefficient=0.01),
    )
