"""The information gain of every turn of an evaluation, for `behaviour` and `summarise`."""

from collections.abc import Sequence
from typing import Any

from infopo.core import Trajectory
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
