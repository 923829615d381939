"""Golden cases of GiGPO and of further peers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from infopo import algorithms
from infopo.algorithms.collabllm import multi_turn_rewards
from infopo.algorithms.gigpo import GiGPOOptions, clusters, episode_part, step_part, step_returns
from infopo.algorithms.mt_grpo import MTGRPOOptions, place_scores
from infopo.algorithms.sweet_rl import turn_advantage
from infopo.algorithms.turn_values import paid_turns
from infopo.core import Span
from infopo.testing.golden.fixture import Inputs, batch_of, group_names, ragged

MODES = {"mean_norm": "mean", "mean_std_norm": "mean_std"}


def gigpo(inputs: Inputs) -> dict[str, Any]:
    """Episodes as lists of state before the action and reward; each action is one token."""
    episodes, names = inputs.get("trajectories"), group_names(inputs)
    if len(episodes) != len(names):
        raise inputs.error("trajectories", f"must hold {len(names)} episodes, as many as 'index'")
    changes = {
        "mode": MODES[inputs.choice("mode", tuple(MODES), "mean_norm")],
        "gamma": inputs.number("gamma", 0.95),
        "omega": inputs.number("omega", 1.0),
        "episode_stats_over": inputs.choice("episode_stats_over", ("trajectories", "steps"), "trajectories"),
        "epsilon": inputs.number("eps", GiGPOOptions().epsilon),
        "singleton": "pass",
    }
    options, width = GiGPOOptions(**changes), max(map(len, episodes))
    rewards = np.full((len(episodes), width), np.nan)
    for row, steps in enumerate(episodes):
        rewards[row, : len(steps)] = inputs.array("trajectories", given=[reward for _, reward in steps])
    keys = tuple(tuple(str(state) for state, _ in steps) for steps in episodes)
    batch = replace(
        batch_of(inputs),
        sampled=~np.isnan(rewards),
        action_spans=tuple(tuple(Span(start=k, end=k + 1) for k in range(len(steps))) for steps in episodes),
        turn_rewards=rewards,
        turn_reward_mask=~np.isnan(rewards),
        state_keys=keys,
    )
    paid, turns = paid_turns(batch)[0], np.array([len(steps) for steps in episodes])
    returns = step_returns(paid, options.gamma)
    whole = episode_part(batch.group, paid.sum(axis=1), turns, options)
    unique = list(dict.fromkeys(names))
    found = clusters(batch.group, keys)
    return {
        "step_returns": ragged(returns, batch.action_spans),
        "cluster_sizes": {f"{unique[group]}|{state}": len(steps) for (group, state), steps in found.items()},
        "A_episode": [[float(value)] * int(count) for value, count in zip(whole, turns, strict=True)],
        "A_step": ragged(step_part(batch.group, returns, keys, options), batch.action_spans),
        "advantages": ragged(algorithms.get("gigpo", **changes).credit(batch).advantages, batch.action_spans),
    }


def mt_grpo(inputs: Inputs) -> dict[str, Any]:
    """Episodes of two actions of one token, of which the first has a reward of its own."""
    outcome, first = inputs.array("outcome"), inputs.array("turn1_reward")
    epsilon = inputs.number("eps", MTGRPOOptions().epsilon)
    options = MTGRPOOptions(lam=inputs.number("lam"), epsilon=epsilon, singleton="pass")
    rewards = np.stack([first, np.full(len(first), np.nan)], axis=1)
    batch = replace(
        batch_of(inputs, outcome=outcome),
        sampled=np.ones(rewards.shape, dtype=np.bool_),
        action_spans=((Span(start=0, end=1), Span(start=1, end=2)),) * len(first),
        turn_rewards=rewards,
        turn_reward_mask=~np.isnan(rewards),
    )
    method = algorithms.get("mt-grpo", lam=options.lam, epsilon=epsilon, singleton="pass")
    advantages = method.credit(batch).advantages
    return {
        "A_turn": place_scores(batch.group, rewards, options)[:, 0],
        "A_outcome": place_scores(batch.group, outcome[:, None], options)[:, 0],
        "A_first_turn": advantages[:, 0],
        "A_last_turn": advantages[:, 1],
    }


def collabllm(inputs: Inputs) -> dict[str, Any]:
    """The rewards of simulated futures, and their mean."""
    futures = [inputs.array(field) for field in ("future_extrinsic", "future_tokens", "llm_judge")]
    rewards = multi_turn_rewards(futures[0], futures[1], futures[2], inputs.number("lam_per_token"))
    return {"per_sample": rewards, "mr": float(rewards.mean())}


def sweet_rl(inputs: Inputs) -> dict[str, Any]:
    """The mean log-ratio of one turn's tokens."""
    return {"A": float(turn_advantage(inputs.array("logp"), inputs.array("logp_ref")))}


HANDLERS: Mapping[str, Any] = {"gigpo": gigpo, "mt_grpo": mt_grpo, "collabllm": collabllm, "sweet_rl": sweet_rl}
