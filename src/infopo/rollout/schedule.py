"""Which tasks a training step plays: a pure function of the step, so that a resumed run plays the same ones."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from infopo.core import derive_random, derive_seed
from infopo.envs import Member
from infopo.envs.mixtures import turns
from infopo.rollout.play import TaskSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`groups` training tasks a step, of the members in turn; of each, every task once an epoch, in orders from `seed`.

    A group has one task, so it never mixes environments.
    """

    members: tuple[Member, ...]
    user: str | None = None
    seed: int
    groups: int

    @property
    def count(self) -> int:
        """How many tasks there are in all."""
        return sum(member.tasks for member in self.members)

    def tasks(self, step: int, *, extra: int = 0) -> list[TaskSpec]:
        """The tasks of a step (0-based), or of its `extra`-th further round of sampling.

        Further rounds hold tasks that the step has not played yet, as long as there are any. A group's number, behind
        the slash of its id, goes on counting from round to round.
        """
        first = step * self.groups
        whose = [self._turn(first + number) for number in range((extra + 1) * self.groups)]
        numbers = range(extra * self.groups, (extra + 1) * self.groups)
        specs = []
        for number in numbers:
            place = whose[number]
            member = self.members[place]
            if not extra:
                task = self._regular(place, self._before(first + number)[place])
            else:
                task = self._further(step, place, whose[self.groups : number].count(place))
            specs.append(
                TaskSpec(
                    env_id=member.env_id,
                    task=task,
                    seed=derive_seed(self.seed, "group", step, number),
                    user=self.user,
                    options=member.options,
                    group_id=f"{step + 1}/{number}",
                )
            )
        return specs

    def _turn(self, position: int) -> int:
        """Whose turn it is at a position, counted over all steps."""
        order = turns(tuple(member.weight for member in self.members))
        return order[position % len(order)]

    def _before(self, position: int) -> list[int]:
        """How many turns each member has had before a position."""
        return [count for _, count in spread(self.members, position)]

    def _regular(self, place: int, turn: int) -> int:
        """The task of a member's `turn`-th turn."""
        member = self.members[place]
        epoch, offset = divmod(turn, member.tasks)
        return _epoch_order(self._seed(place), epoch, member.tasks)[offset]

    def _further(self, step: int, place: int, turn: int) -> int:
        """The task of a member's `turn`-th turn in the further rounds of a step."""
        count = self.members[place].tasks
        start, end = (self._before(position)[place] for position in (step * self.groups, (step + 1) * self.groups))
        played = list(dict.fromkeys(self._regular(place, index) for index in range(start, end)))
        others = sorted(set(range(count)) - set(played))
        order = derive_random(self._seed(place), "extra", step).sample(others, len(others)) + played
        return order[turn % count]

    def _seed(self, place: int) -> int:
        """Members have orders of their own; a single environment keeps that of the run."""
        return self.seed if len(self.members) == 1 else derive_seed(self.seed, "member", self.members[place].env_id)


def spread(members: Sequence[Member], episodes: int) -> list[tuple[Member, int]]:
    """The first `episodes` tasks of a mixture in turn: of each member how many, which are its tasks from 0 on."""
    order = turns(tuple(member.weight for member in members))
    cycles, rest = divmod(episodes, len(order))
    return [(member, cycles * member.weight + order[:rest].count(place)) for place, member in enumerate(members)]


def most_episodes(members: Sequence[Member]) -> int:
    """How many tasks `spread` can give, until it is the turn of a member that has no more."""
    least, most = 1, sum(member.tasks for member in members)
    while least < most:
        middle = (least + most + 1) // 2
        fits = all(share <= member.tasks for member, share in spread(members, middle))
        least, most = (middle, most) if fits else (least, middle - 1)
    return least


def group_number(group_id: str) -> int:
    """The number of a group in its step.

    >>> group_number("12/3")
    3
    """
    return int(group_id.rpartition("/")[2])


@functools.lru_cache(maxsize=16)
def _epoch_order(seed: int, epoch: int, count: int) -> tuple[int, ...]:
    return tuple(derive_random(seed, "epoch", epoch).sample(range(count), count))
