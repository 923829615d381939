"""Play test tasks and count: success with an interval, and behaviour. Episodes that broke are counted apart."""

import asyncio
import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from infopo.core import (
    Group,
    RecordWriter,
    Trajectory,
    UserError,
    atomic_write_text,
    derive_seed,
    trajectory_to_record,
)
from infopo.envs import members
from infopo.envs.registry import Split
from infopo.evaluation.floors import Floors, floors_of
from infopo.evaluation.intervals import cluster_bootstrap, wilson
from infopo.rollout import RolloutConfig, TaskSpec, play_groups
from infopo.rollout.schedule import most_episodes, spread
from infopo.samplers.base import Sampler

BATCH = 128  # episodes that are played, and hold a cache, at one time

OnProgress = Callable[[int, int], None]  # episodes played, episodes in all


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What an evaluation found. A rate or mean is None where no episode could be counted: missing is not zero.

    `n` episodes have an outcome, `failed` broke (they enter nothing else). Means are per episode: `questions` asked,
    `repeated` ones among them, `hidden` facts, those `revealed`, `turns`. `ci95` is Wilson's interval with one
    sample a task, else a bootstrap over tasks (Wilson's over tasks where all episodes ended alike). `environments` of a
    mixture: the same for each member, as if it had been evaluated alone. `floors`, by environment: what policies that
    do nothing useful score on the same tasks, where the environment says so.
    """

    env: str
    split: str
    tasks: int
    samples: int
    seed: int
    n: int
    failed: int
    success: float | None
    score: float | None
    ci95: tuple[float, float] | None
    questions: float | None
    repeated: float | None
    hidden: float | None
    revealed: float | None
    turns: float | None
    groups: tuple[Group, ...] = ()
    environments: tuple["Evaluation", ...] = ()
    floors: Floors = dataclasses.field(default_factory=dict)

    @property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """Every episode, broken ones included, task by task."""
        return tuple(trajectory for group in self.groups for trajectory in group.trajectories)

    def summary(self) -> dict[str, Any]:
        """The numbers alone, as JSON; `environments`, by id, only of a mixture."""
        parts = ("groups", "environments", "floors")
        fields = [field.name for field in dataclasses.fields(self) if field.name not in parts]
        data = {name: getattr(self, name) for name in fields}
        data["ci95"] = None if self.ci95 is None else list(self.ci95)
        members = {member.env: member.summary() for member in self.environments}
        return data | ({"environments": members} if members else {}) | ({"floors": self.floors} if self.floors else {})


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
    from infopo.samplers.hf import HFSampler

    chosen = policy.temperature if temperature is None else temperature
    if chosen < 0:
        raise UserError(f"temperature must not be negative, got {chosen}")
    played = policy if chosen == 0 else dataclasses.replace(policy, temperature=chosen)
    return evaluate_sampler(
        HFSampler(played, greedy=chosen == 0),
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
    specs = _specs(env, dict(env_options or {}), episodes=episodes, split=split, seed=seed, user=user)
    if samples < 1:
        raise UserError(f"samples must be at least 1, got {samples}")
    floors = floors_of(env, env_options or {}, episodes=episodes, split=split)  # first: then a failure costs little
    size = max(1, BATCH // samples)
    groups: list[Group] = []
    for start in range(0, len(specs), size):
        part = specs[start : start + size]
        playing = play_groups(
            sampler, part, group_size=samples, config=config or RolloutConfig(), policy_version=policy_version
        )
        groups += asyncio.run(playing).groups
        if on_progress is not None:
            on_progress(len(groups) * samples, episodes * samples)
    return dataclasses.replace(summarise(groups, env=env, split=split, samples=samples, seed=seed), floors=floors)


def _specs(
    env: str, options: dict[str, Any], *, episodes: int, split: Split, seed: int, user: str | None
) -> list[TaskSpec]:
    """The tasks to play. A member's are those that it would have alone, so its figures are too."""
    found = members(env, split, **options)
    most = most_episodes(found)
    if not 1 <= episodes <= most:
        raise UserError(f"episodes must lie between 1 and {most}, the tasks of {env} in split {split!r}: {episodes}")
    return [
        TaskSpec(
            env_id=member.env_id,
            task=task,
            split=split,
            seed=derive_seed(seed, "evaluation", task),
            user=user,
            options=member.options,
            group_id=f"{split}/{task}" if len(found) == 1 else f"{member.env_id}/{split}/{task}",
        )
        for member, share in spread(found, episodes)
        for task in range(share)
    ]


def summarise(groups: Sequence[Group], *, env: str, split: str, samples: int, seed: int) -> Evaluation:
    """The `Evaluation` of episodes that have been played; one group a task."""
    by_environment: dict[str, list[Group]] = {}
    for group in groups:
        by_environment.setdefault(group.trajectories[0].env, []).append(group)
    parts = {} if len(by_environment) == 1 else by_environment
    played = sum(len(group.trajectories) for group in groups)
    survivors = [trajectory for group in groups for trajectory in group.survivors]
    verdicts = [[t.outcome.success for t in group.survivors if t.outcome is not None] for group in groups]
    successes = sum(map(sum, verdicts))
    if samples == 1:
        interval = wilson(successes, len(survivors))
    elif successes in (0, len(survivors)):  # resampling equal values would claim to be certain
        counted = sum(1 for task in verdicts if task)
        interval = wilson(counted if successes else 0, counted)
    else:
        interval = cluster_bootstrap([[float(good) for good in task] for task in verdicts], seed=seed)
    return Evaluation(
        env=env,
        split=split,
        tasks=len(groups),
        samples=samples,
        seed=seed,
        n=len(survivors),
        failed=played - len(survivors),
        success=_mean([float(good) for task in verdicts for good in task]),
        score=_mean([t.outcome.score for t in survivors if t.outcome is not None]),
        ci95=interval,
        questions=_mean([_asked(t, repeated=False) for t in survivors if _has_facts(t)]),
        repeated=_mean([_asked(t, repeated=True) for t in survivors if _has_facts(t)]),
        hidden=_mean([len(t.hidden) for t in survivors]),
        revealed=_mean([len(_revealed(t)) for t in survivors if _has_facts(t)]),
        turns=_mean([len(t.turns) for t in survivors]),
        groups=tuple(groups),
        environments=tuple(
            summarise(part, env=name, split=split, samples=samples, seed=seed) for name, part in parts.items()
        ),
    )


def record_evaluation(folder: str | os.PathLike[str], result: Evaluation, config: Mapping[str, Any]) -> Path:
    """Write the evaluation as a run folder: `config.yaml`, `trajectories.jsonl`, `summary.json` (last).

    Raises `UserError` where the folder already holds something, `StorageError` where the disk refuses.
    """
    path = prepare_folder(folder)
    atomic_write_text(path / "config.yaml", yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))
    with RecordWriter(path / "trajectories.jsonl") as writer:
        for trajectory in result.trajectories:
            record = trajectory_to_record(trajectory, run=path.resolve().name, step=0, gains=None, advantages=None)
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


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _has_facts(trajectory: Trajectory) -> bool:
    """Whether the environment says what the actions were; one that never does has no behaviour to measure."""
    return any(turn.facts is not None for turn in trajectory.turns)


def _asked(trajectory: Trajectory, *, repeated: bool) -> int:
    facts = [turn.facts for turn in trajectory.turns if turn.facts is not None]
    return sum(fact.kind == "ask" and (fact.repeated or not repeated) for fact in facts)


def _revealed(trajectory: Trajectory) -> set[str]:
    return {fact for turn in trajectory.turns if turn.facts is not None for fact in turn.facts.revealed}
