"""Several trials a task, as `reflexion` plays them: the first one is a single attempt, the last one is not."""

from collections.abc import Sequence
from typing import Any

from infopo.core import Group
from infopo.envs.registry import Split
from infopo.evaluation.agents import REMEMBER, first_trials, last_trials
from infopo.evaluation.summarise import Evaluation, summarise
from infopo.evaluation.turn_gains import MeasuredGains


def trials_summary(
    groups: Sequence[Group], *, env: str, split: Split, seed: int, gains: MeasuredGains | None = None
) -> tuple[Evaluation, dict[str, Any]]:
    """The evaluation of first trials alone, and apart from it what the last ones came to.

    The second: success, its interval and the score after the last trial, `n` tasks of which none broke, `failed` ones,
    `mean` trials a task, `solved`: how many tasks were solved in trial 1, 2, ..., `without_note`: later trials that had
    no note, since the policy's endpoint broke when it was asked for one.
    """
    first, last = (
        summarise(chosen, env=env, split=split, samples=1, seed=seed, gains=None if gains is None else gains.of(chosen))
        for chosen in (first_trials(groups), last_trials(groups))
    )
    ends = [group.trajectories[-1] for group in groups]
    counted = [end for end in ends if end.outcome is not None]
    most = max((len(group.trajectories) for group in groups), default=0)
    data = {
        name: value
        for name, value in last.summary().items()
        if name in ("success", "ci95", "ci95_method", "score", "n", "failed")
    }
    later = [trial for group in groups for trial in group.trajectories[1:]]
    data["without_note"] = sum(not any(REMEMBER in message.content for message in one.messages) for one in later)
    data["mean"] = sum(end.episode + 1 for end in counted) / len(counted) if counted else None
    data["solved"] = [
        sum(end.episode == trial and end.outcome is not None and end.outcome.success for end in ends)
        for trial in range(most)
    ]
    return first, data
