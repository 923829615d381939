"""The task bank: every thing that can be described, each in one split."""

from dataclasses import dataclass
from functools import cache
from itertools import product

from infopo.core import derive_random, derive_seed
from infopo.envs.registry import Split
from infopo.envs.usergym.telepathy.options import ENV_ID, TelepathyOptions
from infopo.envs.usergym.telepathy.words import CATEGORIES, facet_values

BANK_VERSION = 1
TEST_SHARE = 5  # one thing in five is kept for the test split


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A thing to think of: its category, which the opening tells, and its values, which are hidden."""

    task_id: str
    category: str
    values: tuple[tuple[str, str], ...]  # (facet, value)


@cache
def things(split: Split) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """(category, values) of every thing of a split, scattered."""
    found = []
    for category in CATEGORIES:
        facets = facet_values(category)
        for values in product(*facets.values()):
            key = derive_seed(ENV_ID, BANK_VERSION, category, *values)
            if (key % TEST_SHARE == 0) == (split == "test"):
                found.append((key, category, tuple(zip(facets, values, strict=True))))
    return tuple((category, pairs) for _, category, pairs in sorted(found))


def num_tasks(split: Split, options: TelepathyOptions) -> int:
    """How many things a split holds."""
    return len(things(split))


def make_task(index: int, split: Split, options: TelepathyOptions) -> Task:
    """Thing `index` of a split, the same at every difficulty."""
    category, values = things(split)[index]
    # the id says nothing about the thing, so it may be shown beside a dialogue
    return Task(task_id=f"{ENV_ID}/{options.difficulty}/{split}/{index}", category=category, values=values)


def revealed(task: Task, options: TelepathyOptions) -> tuple[str, ...]:
    """The facets that the opening states."""
    facets = [name for name, _ in task.values]
    if options.reveal == "some":
        chosen = derive_random(ENV_ID, BANK_VERSION, "reveal", task.task_id).sample(facets, len(facets) // 2)
        return tuple(name for name in facets if name in chosen)
    return tuple(facets) if options.reveal == "all" else ()
