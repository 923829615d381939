"""Rollouts of tiny policies, and what can be said about any of them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infopo.core import Trajectory
from infopo.envs import Env
from infopo.rollout import RolloutBatch, RolloutConfig, TaskSpec, play_groups
from infopo.samplers.base import Sampler
from infopo.samplers.hf import HFSampler
from infopo.testing.tiny import tiny_folder, tiny_policy
from infopo.tokens.language_model import LanguageModel

SECONDS = 60  # after which a rollout of a test counts as one that hangs


@pytest.fixture(scope="session")
def slots_policy(slots_folder: Path) -> LanguageModel:
    return tiny_policy(slots_folder)


@pytest.fixture(scope="session")
def babbler(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    """A random Llama that has seen the words of the travel environment: its actions are noise, and often cut."""
    return tiny_policy(tiny_folder(tmp_path_factory.mktemp("babbler"), "Llama", env_id="usergym/travel"))


def slot_tasks(count: int, options: dict[str, Any], *, seed: int = 0) -> list[TaskSpec]:
    return [
        TaskSpec(env_id="toy/slots", task=seed + index, seed=100 * seed + index, options=options, group_id=f"g/{index}")
        for index in range(count)
    ]


def play(
    sampler: Sampler | LanguageModel,
    tasks: Sequence[TaskSpec],
    *,
    group_size: int = 4,
    make: Callable[[TaskSpec, int], Env] = TaskSpec.make,
    **config: Any,
) -> RolloutBatch:
    """`play_groups`, which has to come back."""
    writer = HFSampler(sampler) if isinstance(sampler, LanguageModel) else sampler
    settings = RolloutConfig(**{"max_new_tokens": 12, **config})

    async def run() -> RolloutBatch:
        return await asyncio.wait_for(
            play_groups(writer, tasks, group_size=group_size, config=settings, make=make), SECONDS
        )

    return asyncio.run(run())


def episodes(batch: RolloutBatch) -> list[Trajectory]:
    return [trajectory for group in batch.groups for trajectory in group.trajectories]


@dataclass(frozen=True, kw_only=True)
class Same:
    """What two runs of one episode must share; log-probs apart, which depend on the batch in the last bits."""

    token_ids: tuple[int, ...]
    sampled: tuple[bool, ...]
    rest: tuple[Any, ...]

    @staticmethod
    def of(one: Trajectory) -> "Same":
        rest = (one.task_id, one.episode, one.seed, one.messages, one.turns, one.outcome, one.stop_reason, one.hidden)
        return Same(token_ids=one.token_ids, sampled=one.sampled, rest=(*rest, one.failure, one.reference_answer))


def assert_same(found: Trajectory, expected: Trajectory) -> None:
    assert Same.of(found) == Same.of(expected)
    assert [value is None for value in found.logprobs] == [value is None for value in expected.logprobs]
    numbers = [value for value in expected.logprobs if value is not None]
    assert [value for value in found.logprobs if value is not None] == pytest.approx(numbers, abs=1e-5)
