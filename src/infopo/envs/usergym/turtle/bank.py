"""The task bank: every chain of who, where, why and how, each in one split, below a surface that tells none of it."""

from dataclasses import dataclass
from functools import cache
from itertools import product

from infopo.core import derive_random, derive_seed
from infopo.envs.registry import Split
from infopo.envs.usergym.turtle.options import ENV_ID, TurtleOptions
from infopo.envs.usergym.turtle.words import EVENTS, FACETS, THINGS

BANK_VERSION = 1
TEST_SHARE = 5  # one chain in five is kept for the test split


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A story: what the surface tells (`event`, `thing`), and what is hidden below it."""

    task_id: str
    event: str
    thing: str
    values: tuple[tuple[str, str], ...]  # (facet, value)


@cache
def chains(split: Split) -> tuple[tuple[tuple[str, str], ...], ...]:
    """The hidden chains of a split, scattered."""
    names = [facet.name for facet in FACETS.facets]
    keyed = (
        (derive_seed(ENV_ID, BANK_VERSION, *values), values) for values in product(*(f.names for f in FACETS.facets))
    )
    return tuple(
        tuple(zip(names, values, strict=True))
        for key, values in sorted(keyed)
        if (key % TEST_SHARE == 0) == (split == "test")
    )


def num_tasks(split: Split, options: TurtleOptions) -> int:
    """How many stories a split holds."""
    return len(chains(split))


def make_task(index: int, split: Split, options: TurtleOptions) -> Task:
    """Story `index` of a split, the same at every difficulty."""
    values = chains(split)[index]
    rng = derive_random(ENV_ID, BANK_VERSION, "surface", *(value for _, value in values))
    # the id says nothing about the story, so it may be shown beside a dialogue
    task_id = f"{ENV_ID}/{options.difficulty}/{split}/{index}"
    return Task(task_id=task_id, event=rng.choice(EVENTS), thing=rng.choice(THINGS), values=values)


def revealed(task: Task, options: TurtleOptions) -> tuple[str, ...]:
    """The facets that the opening states."""
    facets = [name for name, _ in task.values]
    if options.reveal == "some":
        chosen = derive_random(ENV_ID, BANK_VERSION, "reveal", task.task_id).sample(facets, len(facets) // 2)
        return tuple(name for name in facets if name in chosen)
    return tuple(facets) if options.reveal == "all" else ()
