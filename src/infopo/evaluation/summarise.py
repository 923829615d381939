"""From episodes that were played to the numbers of an evaluation. Pure: nothing here plays, reads or writes."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from infopo.core import Group, Trajectory
from infopo.evaluation.behaviour import Behaviour, Gains, behaviour, has_facts
from infopo.evaluation.comparison import planned_difference
from infopo.evaluation.floors import Floors
from infopo.evaluation.metrics import (
    READINGS,
    Estimate,
    TaskResult,
    failures_by_kind,
    mean_score,
    rate_at_k,
    rate_hat_k,
    sizes_of_k,
    stops,
    success_rate,
    task_results,
)
from infopo.rollout.metrics import questions, revealed


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Estimates with intervals, behaviour, and what came of each task. None where nothing could be counted.

    `detectable`: the difference that another run of this size over the same tasks could tell from this one
    (`planned_difference` at this success rate). `pass_hat_k` by reading (`metrics.rate_hat_k`), then k.
    """

    success: Estimate | None
    score: Estimate | None
    detectable: float | None
    pass_at_k: dict[int, Estimate]
    pass_hat_k: dict[str, dict[int, Estimate]]
    behaviour: Behaviour
    failures: list[dict[str, Any]]
    stops: dict[str, int]
    per_task: tuple[TaskResult, ...]

    def data(self) -> dict[str, Any]:
        """As JSON; `success` and `score` are under `estimates`."""
        estimates = {"success": self.success, "score": self.score}
        return {
            "estimates": {name: None if one is None else one.data() for name, one in estimates.items()},
            "detectable": self.detectable,
            "pass_at_k": {str(k): one.data() for k, one in self.pass_at_k.items()},
            "pass_hat_k": {
                reading: {str(k): one.data() for k, one in found.items()} for reading, found in self.pass_hat_k.items()
            },
            "behaviour": self.behaviour.data(),
            "failures": self.failures,
            "stops": self.stops,
            "per_task": [task.data() for task in self.per_task],
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What an evaluation found. A rate or mean is None where no episode could be counted: missing is not zero.

    `n` episodes have an outcome, `failed` broke (they enter nothing else). Means are per episode: `questions` asked,
    `repeated` ones among them, `hidden` facts, those `revealed`, `turns`. `ci95` is the interval of `success`, made by
    `ci95_method` (`intervals`). `numbers`: all the rest. `gains`: of each trajectory, one number a turn, where any
    was measured. `environments` of a mixture: the same for each member, as if it had been evaluated alone. `floors`, by
    environment: what policies that do nothing useful score on the same tasks, where the environment says so.
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
    ci95_method: str | None
    questions: float | None
    repeated: float | None
    hidden: float | None
    revealed: float | None
    turns: float | None
    numbers: Numbers
    groups: tuple[Group, ...] = ()
    gains: Gains | None = None
    environments: tuple["Evaluation", ...] = ()
    floors: Floors = dataclasses.field(default_factory=dict)

    @property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """Every episode, broken ones included, task by task."""
        return tuple(trajectory for group in self.groups for trajectory in group.trajectories)

    def summary(self) -> dict[str, Any]:
        """The numbers alone, as JSON; `environments`, by id, only of a mixture."""
        apart = ("numbers", "groups", "gains", "environments", "floors")
        data = {
            name: getattr(self, name)
            for name in (field.name for field in dataclasses.fields(self))
            if name not in apart
        }
        data["ci95"] = None if self.ci95 is None else list(self.ci95)
        members = {member.env: member.summary() for member in self.environments}
        data |= self.numbers.data() | ({"environments": members} if members else {})
        return data | ({"floors": self.floors} if self.floors else {})


def summarise(
    groups: Sequence[Group], *, env: str, split: str, samples: int, seed: int, gains: Gains | None = None
) -> Evaluation:
    """The `Evaluation` of episodes that have been played; one group a task.

    `gains`: of each trajectory, group by group, one number a turn; None where no gain was measured. For episodes of
    a run folder, `Group`s of what `trajectory_from_record` gives will do. Raises `ValueError` where gains do not fit.
    """
    played = [trajectory for group in groups for trajectory in group.trajectories]
    survivors = [trajectory for trajectory in played if trajectory.failure is None]
    told = [trajectory for trajectory in survivors if has_facts(trajectory)]
    numbers = _numbers(groups, samples=samples, seed=seed, gains=gains)
    success, score = numbers.success, numbers.score
    return Evaluation(
        env=env,
        split=split,
        tasks=len(groups),
        samples=samples,
        seed=seed,
        n=len(survivors),
        failed=len(played) - len(survivors),
        success=None if success is None else success.value,
        score=None if score is None else score.value,
        ci95=None if success is None else success.ci95,
        ci95_method=None if success is None else success.method,
        questions=_mean([questions(t) for t in told]),
        repeated=_mean([_repeated(t) for t in told]),
        hidden=_mean([len(t.hidden) for t in survivors]),
        revealed=_mean([len(revealed(t)) for t in told]),
        turns=_mean([len(t.turns) for t in survivors]),
        numbers=numbers,
        groups=tuple(groups),
        gains=gains,
        environments=_members(groups, split=split, samples=samples, seed=seed, gains=gains),
    )


def _numbers(groups: Sequence[Group], *, samples: int, seed: int, gains: Gains | None) -> Numbers:
    played = [trajectory for group in groups for trajectory in group.trajectories]
    tasks = task_results(groups)
    n, good = sum(len(task.verdicts) for task in tasks), sum(sum(task.verdicts) for task in tasks)
    counted = sum(bool(task.verdicts) for task in tasks)
    at_k = {k: rate_at_k(tasks, k, seed=seed) for k in sizes_of_k(samples)}
    hat_k = {name: {k: rate_hat_k(tasks, k, reading=name, seed=seed) for k in sizes_of_k(samples)} for name in READINGS}
    return Numbers(
        success=success_rate(tasks, seed=seed),
        score=mean_score(tasks, seed=seed),
        # Agresti and Coull's rate (1998): at 0 or all successes the rate itself would promise to see anything
        detectable=planned_difference(counted, n / counted, rate=(good + 2) / (n + 4)) if counted else None,
        pass_at_k={k: one for k, one in at_k.items() if one is not None},
        pass_hat_k={name: {k: one for k, one in found.items() if one is not None} for name, found in hat_k.items()},
        behaviour=behaviour(played, gains=gains),
        failures=failures_by_kind(groups),
        stops=stops([trajectory for trajectory in played if trajectory.failure is None]),
        per_task=tasks,
    )


def _members(
    groups: Sequence[Group], *, split: str, samples: int, seed: int, gains: Gains | None
) -> tuple[Evaluation, ...]:
    """The same for each environment of a mixture; nothing where there is one environment."""
    parts: dict[str, tuple[list[Group], list[Sequence[float | None]]]] = {}
    start = 0
    for group in groups:
        own, theirs = parts.setdefault(group.trajectories[0].env, ([], []))
        own.append(group)
        theirs += [] if gains is None else gains[start : start + len(group.trajectories)]
        start += len(group.trajectories)
    if len(parts) == 1:
        return ()
    return tuple(
        summarise(own, env=name, split=split, samples=samples, seed=seed, gains=None if gains is None else theirs)
        for name, (own, theirs) in parts.items()
    )


def _repeated(trajectory: Trajectory) -> int:
    facts = [turn.facts for turn in trajectory.turns if turn.facts is not None]
    return sum(fact.kind == "ask" and fact.repeated for fact in facts)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
