"""Which tasks a training step plays: a pure function of the step, so that a resumed run plays the same ones."""

import functools
from dataclasses import dataclass, field
from typing import Any

from infopo.core import derive_random, derive_seed
from infopo.rollout.play import TaskSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`groups` of the `count` training tasks of `env` a step: every task once an epoch, in orders drawn from `seed`."""

    env: str
    options: dict[str, Any] = field(default_factory=dict)
    user: str | None = None
    seed: int
    groups: int
    count: int

    def tasks(self, step: int, *, extra: int = 0) -> list[TaskSpec]:
        """The tasks of a step (0-based), or of its `extra`-th further round of sampling.

        Further rounds hold tasks that the step has not played yet, as long as there are any. A group's number, behind
        the slash of its id, goes on counting from round to round.
        """
        numbers = range(extra * self.groups, (extra + 1) * self.groups)
        if not extra:
            chosen = [self._regular(step, index) for index in numbers]
        else:
            played = list(dict.fromkeys(self._regular(step, index) for index in range(self.groups)))
            others = sorted(set(range(self.count)) - set(played))
            order = derive_random(self.seed, "extra", step).sample(others, len(others)) + played
            chosen = [order[(number - self.groups) % self.count] for number in numbers]
        return [
            TaskSpec(
                env_id=self.env,
                task=task,
                seed=derive_seed(self.seed, "group", step, number),
                user=self.user,
                options=self.options,
                group_id=f"{step + 1}/{number}",
            )
            for number, task in zip(numbers, chosen, strict=True)
        ]

    def _regular(self, step: int, index: int) -> int:
        epoch, offset = divmod(step * self.groups + index, self.count)
        return _epoch_order(self.seed, epoch, self.count)[offset]


def group_number(group_id: str) -> int:
    """The number of a group in its step.

    >>> group_number("12/3")
    3
    """
    return int(group_id.rpartition("/")[2])


@functools.lru_cache(maxsize=4)
def _epoch_order(seed: int, epoch: int, count: int) -> tuple[int, ...]:
    return tuple(derive_random(seed, "epoch", epoch).sample(range(count), count))
