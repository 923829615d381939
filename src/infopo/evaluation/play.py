"""Plays the tasks of an evaluation in batches, and keeps what is finished at once, so that it can be gone on with."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infopo.core import (
    Group,
    InfopoError,
    RecordWriter,
    Trajectory,
    UserError,
    derive_seed,
    read_records,
    trajectory_from_record,
    trajectory_to_record,
)
from infopo.core.records import discard_after
from infopo.core.together import all_or_error
from infopo.envs import members
from infopo.envs.registry import Split
from infopo.evaluation.agents import Agent
from infopo.evaluation.turn_gains import MeasuredGains
from infopo.rollout import TaskSpec
from infopo.rollout.failures import most_frequent_failure
from infopo.rollout.schedule import most_episodes, spread

TRAJECTORIES = "trajectories.jsonl"
PATIENCE = 32  # episodes that may break one after the other, none of them well, before it is given up

OnGroups = Callable[[Sequence[Group]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Which tasks are played: 0 to `episodes` - 1 of a split, with `user`; of a mixture spread over its members."""

    env: str
    env_options: dict[str, Any] = field(default_factory=dict)
    episodes: int
    split: Split = "test"
    seed: int = 0
    user: str | None = None

    def tasks(self) -> list[TaskSpec]:
        """The tasks to play. A member's are those that it would have alone, so its figures are too."""
        found = members(self.env, self.split, **self.env_options)
        most = most_episodes(found)
        if not 1 <= self.episodes <= most:
            raise UserError(
                f"episodes must lie between 1 and {most}, the tasks of {self.env} in split {self.split!r}: "
                f"{self.episodes}"
            )
        return [
            TaskSpec(
                env_id=member.env_id,
                task=task,
                split=self.split,
                seed=derive_seed(self.seed, "evaluation", task),
                user=self.user,
                options=member.options,
                group_id=f"{self.split}/{task}" if len(found) == 1 else f"{member.env_id}/{self.split}/{task}",
            )
            for member, share in spread(found, self.episodes)
            for task in range(share)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """`batch` tasks are played, and kept, together; `at_once` batches side by side.

    A model in this process writes for a batch in one go, so `at_once` is 1; an endpoint takes single tasks side by
    side. Which tasks share a batch does not depend on what was played before, so a run that was stopped goes on as it
    would have.
    """

    batch: int
    at_once: int = 1


def play_suite(
    agent: Agent,
    suite: Suite,
    pace: Pace,
    *,
    folder: Path | None = None,
    on_groups: OnGroups | None = None,
    gains: MeasuredGains | None = None,
) -> list[Group]:
    """Play a suite; one group a task, in the order of the tasks. `on_groups` hears of every batch that was played,
    `gains` measures its turns.

    With a `folder`, what its `trajectories.jsonl` has is not played again, except batches that are not whole or in
    which something broke: those records move to `discarded/`. `on_groups` hears of all that is kept first. Raises
    `InfopoError` where `PATIENCE` episodes broke one after the other, and whatever a person must fix.
    """
    tasks = suite.tasks()
    batches = [tasks[start : start + pace.batch] for start in range(0, len(tasks), pace.batch)]
    kept = {} if folder is None else _take_up(folder, agent, batches, gains)
    tell = on_groups or (lambda groups: None)
    if folder is not None:
        tell(list(kept.values()))
    done = dict(kept)
    writer = None if folder is None else RecordWriter(folder / TRAJECTORIES)
    try:
        run = "" if folder is None else folder.resolve().name
        keep = _Keeper(writer=writer, run=run, done=done, tell=tell, gains=gains)
        left = [batch for batch in batches if batch[0].group_id not in kept]
        asyncio.run(_play(agent, left, pace.at_once, keep))
    finally:
        if writer is not None:
            writer.close()
    return [done[task.group_id] for task in tasks]


async def _play(agent: Agent, batches: Sequence[Sequence[TaskSpec]], at_once: int, keep: "_Keeper") -> None:
    gate = asyncio.Semaphore(at_once)

    async def play(batch: Sequence[TaskSpec]) -> None:
        async with gate:
            keep(await agent.play(batch))

    await all_or_error(play(batch) for batch in batches)


@dataclass(slots=True, kw_only=True)
class _Keeper:
    """Keeps every batch as it comes in, and gives up where nothing comes in whole any more."""

    writer: RecordWriter | None
    run: str
    done: dict[str, Group]
    tell: OnGroups
    gains: MeasuredGains | None
    broken: list[Group] = field(default_factory=list)  # since the last episode that ended well

    def __call__(self, groups: Sequence[Group]) -> None:
        if self.gains is not None:
            self.gains.measure(groups)
        for group in groups:
            if self.writer is not None:
                self._write(group, self.writer)
            self.done[group.group_id] = group
        self.tell(groups)
        self.broken = [] if any(group.survivors for group in groups) else [*self.broken, *groups]
        count = sum(len(group.trajectories) for group in self.broken)
        if count >= PATIENCE:
            raise InfopoError(f"{count} episodes broke off one after the other, {most_frequent_failure(self.broken)}")

    def _write(self, group: Group, writer: RecordWriter) -> None:
        measured = [None] * len(group.trajectories) if self.gains is None else self.gains.of([group])
        for trajectory, gains in zip(group.trajectories, measured, strict=True):
            writer.append(trajectory_to_record(trajectory, run=self.run, step=0, gains=gains, advantages=None))


def _take_up(
    folder: Path, agent: Agent, batches: Sequence[Sequence[TaskSpec]], gains: MeasuredGains | None
) -> dict[str, Group]:
    """The groups of batches that are whole in a folder's records; all others are set aside."""
    path = folder / TRAJECTORIES
    if not path.exists():
        return {}
    found: dict[str, list[Trajectory]] = {}
    for record in read_records(path):
        trajectory = trajectory_from_record(record)
        found.setdefault(trajectory.group_id, []).append(trajectory)
        if gains is not None:
            gains.take(trajectory, record)
    groups = {name: Group(group_id=name, trajectories=tuple(played)) for name, played in found.items()}
    whole = [
        batch
        for batch in batches
        if all(task.group_id in groups and agent.finished(groups[task.group_id]) for task in batch)
    ]
    kept = {task.group_id: groups[task.group_id] for batch in whole for task in batch}
    if len(kept) < len(groups):
        discard_after(path, lambda data: data["group_id"] in kept, folder / "discarded")
    return kept
