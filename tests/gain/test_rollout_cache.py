"""The cache that a real rollout leaves scores its episodes."""

import asyncio
from collections.abc import Callable

import pytest

from infopo.gain import check_backends, information_gain
from infopo.rollout import RolloutConfig, TaskSpec, play_groups
from infopo.samplers.hf import HFSampler
from infopo.tokens.language_model import LanguageModel


@pytest.mark.parametrize("family", ["qwen3", "gemma3"])
def test_the_cache_of_a_rollout(make_policy: Callable[..., LanguageModel], family: str) -> None:
    policy = make_policy(family, temperature=0.9)
    tasks = [TaskSpec(env_id="toy/slots", task=task, seed=task) for task in range(2)]
    config = RolloutConfig(temperature=0.9, max_new_tokens=5)
    batch = asyncio.run(
        play_groups(HFSampler(policy), tasks, group_size=3, config=config, policy_version=policy.version)
    )
    episodes = [trajectory for group in batch.groups for trajectory in group.survivors]
    gains = information_gain(policy, episodes, backend="kv", cache=batch.cache)
    assert sum(gain is not None for row in gains for gain in row) >= len(episodes)
    assert check_backends(policy, episodes, cache=batch.cache) < 1e-5
