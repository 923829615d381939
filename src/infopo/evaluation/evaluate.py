"""Play test tasks and count: success with an interval, and behaviour. Episodes that broke are counted apart."""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from infopo.core import (
    Group,
    RecordWriter,
    UserError,
    atomic_write_text,
    trajectory_to_record,
)
from infopo.envs.registry import Split
from infopo.evaluation.agents import Agent
from infopo.evaluation.floors import floors_of
from infopo.evaluation.play import Pace, Suite, play_suite
from infopo.evaluation.summarise import Evaluation, summarise
from infopo.rollout import RolloutConfig
from infopo.samplers.base import Sampler

if TYPE_CHECKING:
    from infopo.samplers.hf import HFSampler

BATCH = 128  # episodes that are played, and hold a cache, at one time

OnProgress = Callable[[int, int], None]  # episodes played, episodes in all


def evaluate(
    policy: Any,
    *,
    env: str,
    env_options: Mapping[str, Any] | None = None,
    episodes: int,
    samples: int = 1,
    split: Split = "test",
    seed: int = 0,
    user: str | None = None,
    config: RolloutConfig | None = None,
    temperature: float | None = None,
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """Play a `LanguageModel` on tasks 0 to `episodes` - 1 of a split, `samples` times each.

    Of a mixture, `episodes` tasks are spread over the members by weight, and each is played from its task 0 on.
    `temperature` None: the policy's own; 0: the most likely token each time. The result is a pure function of policy
    and arguments. Raises `UserError` for more tasks than the split holds and for anything an environment refuses.
    """
    return evaluate_sampler(
        local_sampler(policy, policy.temperature if temperature is None else temperature),
        env=env,
        env_options=env_options,
        episodes=episodes,
        samples=samples,
        split=split,
        seed=seed,
        user=user,
        config=config,
        policy_version=policy.version,
        on_progress=on_progress,
    )


def local_sampler(policy: Any, temperature: float) -> "HFSampler":
    """A `LanguageModel` as a sampler at this temperature; 0: the most likely token each time."""
    from infopo.samplers.hf import HFSampler

    if temperature < 0:
        raise UserError(f"temperature must not be negative, got {temperature}")
    played = policy if temperature == 0 else dataclasses.replace(policy, temperature=temperature)
    return HFSampler(played, greedy=temperature == 0)


def evaluate_sampler(
    sampler: Sampler,
    *,
    env: str,
    env_options: Mapping[str, Any] | None = None,
    episodes: int,
    samples: int = 1,
    split: Split = "test",
    seed: int = 0,
    user: str | None = None,
    config: RolloutConfig | None = None,
    policy_version: int = 0,
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """`evaluate` for anything that samples: a scripted policy, a hosted model."""
    suite = Suite(env=env, env_options=dict(env_options or {}), episodes=episodes, split=split, seed=seed, user=user)
    if samples < 1:
        raise UserError(f"samples must be at least 1, got {samples}")
    floors = floors_of(env, env_options or {}, episodes=episodes, split=split)  # first: then a failure costs little
    agent = Agent(
        name="plain",
        sampler=sampler,
        config=config or RolloutConfig(),
        samples=samples,
        policy_version=policy_version,
    )
    done = 0

    def tell(groups: Sequence[Group]) -> None:
        nonlocal done
        done += len(groups) * samples
        if on_progress is not None:
            on_progress(done, episodes * samples)

    groups = play_suite(agent, suite, Pace(batch=max(1, BATCH // samples)), on_groups=tell)
    return dataclasses.replace(summarise(groups, env=env, split=split, samples=samples, seed=seed), floors=floors)


def record_evaluation(folder: str | os.PathLike[str], result: Evaluation, config: Mapping[str, Any]) -> Path:
    """Write the evaluation as a run folder: `config.yaml`, `trajectories.jsonl`, `summary.json` (last).

    Raises `UserError` where the folder already holds something, `StorageError` where the disk refuses.
    """
    path = prepare_folder(folder)
    atomic_write_text(path / "config.yaml", yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))
    with RecordWriter(path / "trajectories.jsonl") as writer:
        for number, trajectory in enumerate(result.trajectories):
            gains = None if result.gains is None else result.gains[number]
            record = trajectory_to_record(trajectory, run=path.resolve().name, step=0, gains=gains, advantages=None)
            writer.append(record)
    atomic_write_text(path / "summary.json", json.dumps(result.summary(), indent=1, allow_nan=False) + "\n")
    return path


def prepare_folder(folder: str | os.PathLike[str]) -> Path:
    """Make an empty folder for results. Raises `UserError` where it cannot be made or already holds something."""
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        taken = any(not entry.name.startswith(".") for entry in path.iterdir())
    except OSError as error:
        raise UserError(f"cannot make the folder {path}: {error.strerror}; give another --out") from error
    if taken:
        raise UserError(f"{path} is not empty: give another --out")
    return path
