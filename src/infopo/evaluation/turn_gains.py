"""The information gain of every turn of an evaluation, for `behaviour` and `summarise`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from infopo.core import Group, InfopoError, Trajectory
from infopo.evaluation.behaviour import Gains
from infopo.gain import GainSpec

BATCH = 32  # episodes that are scored at one time
_DEFAULT = GainSpec()


def turn_gains(model: Any, trajectories: Sequence[Trajectory], *, spec: GainSpec = _DEFAULT) -> Gains:
    """Of each episode one number a turn, in nats; None where there is no gain, and throughout a broken episode.

    `model`: the `LanguageModel` that played them, because only it can score them; a hosted model cannot. Raises what
    `information_gain` raises.
    """
    from infopo.gain import information_gain

    found: list[list[float | None]] = [[None] * len(trajectory.turns) for trajectory in trajectories]
    counted = [number for number, trajectory in enumerate(trajectories) if trajectory.failure is None]
    for start in range(0, len(counted), BATCH):
        part = counted[start : start + BATCH]
        scored = information_gain(model, [trajectories[number] for number in part], spec=spec)
        for number, gains in zip(part, scored, strict=True):
            found[number] = [None if gain is None else gain.value for gain in gains]
    return found


@dataclass(slots=True, kw_only=True)
class MeasuredGains:
    """The gains of an evaluation's episodes by `model`, which played them: measured as they come in, or read back.

    `problems`: why episodes have none. An episode that cannot be scored has no gains; it was played all the same.
    """

    model: Any
    problems: list[str] = field(default_factory=list)
    _found: dict[tuple[str, int], Sequence[float | None]] = field(default_factory=dict)

    def measure(self, groups: Sequence[Group]) -> None:
        """Score episodes that have just been played."""
        trajectories = [trajectory for group in groups for trajectory in group.trajectories]
        try:
            found = turn_gains(self.model, trajectories)
        except InfopoError:  # it names one episode; the others can be scored
            found = [self._alone(trajectory) for trajectory in trajectories]
        for trajectory, gains in zip(trajectories, found, strict=True):
            self._found[_key(trajectory)] = gains

    def _alone(self, trajectory: Trajectory) -> Sequence[float | None]:
        try:
            return turn_gains(self.model, [trajectory])[0]
        except InfopoError as error:
            self.problems.append(str(error))
            return [None] * len(trajectory.turns)

    def take(self, trajectory: Trajectory, record: dict[str, Any]) -> None:
        """Keep what the record of an episode says."""
        self._found[_key(trajectory)] = [turn["gain"] for turn in record["turns"]]

    def of(self, groups: Sequence[Group]) -> Gains:
        """Of each episode, group by group, one number a turn. Raises `KeyError` for one that was not measured."""
        return [self._found[_key(trajectory)] for group in groups for trajectory in group.trajectories]


def _key(trajectory: Trajectory) -> tuple[str, int]:
    return trajectory.group_id, trajectory.episode
