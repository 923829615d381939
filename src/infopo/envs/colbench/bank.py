"""The task bank: every family with every combination of its facts. Train and test share none."""

from functools import cache
from itertools import product

from infopo.core import derive_random, derive_seed
from infopo.envs.colbench.families import FAMILIES
from infopo.envs.colbench.options import ENV_ID, CodeOptions
from infopo.envs.colbench.task import Facts, Family, Task
from infopo.envs.registry import Split

BANK_VERSION = 1
TEST_SHARE = 5  # one function in five is kept for the test split


def combinations(family: Family) -> tuple[Facts, ...]:
    """Everything that the request of a family may mean."""
    names = [fact.name for fact in family.facts]
    return tuple(dict(zip(names, values, strict=True)) for values in product(*(fact.says for fact in family.facts)))


@cache
def functions(difficulty: str, split: Split) -> tuple[tuple[Family, Facts], ...]:
    """The functions of a split, scattered; every family has some in both."""
    found = []
    for family in FAMILIES[difficulty]:
        keyed = sorted((_key(family, facts), number) for number, facts in enumerate(combinations(family)))
        for place, (key, number) in enumerate(keyed):
            if (place % TEST_SHARE == 0) == (split == "test"):
                found.append((key, family, combinations(family)[number]))
    return tuple((family, facts) for _, family, facts in sorted(found, key=lambda one: one[0]))


def _key(family: Family, facts: Facts) -> int:
    named = (f"{name}={value}" for name, value in facts.items())
    return derive_seed(ENV_ID, BANK_VERSION, family.function, family.request, *named)


def make_task(index: int, split: Split, options: CodeOptions) -> Task:
    """Task `index` of a split; of the options only difficulty and `reveal` matter."""
    family, facts = functions(options.difficulty, split)[index]
    rng = derive_random(ENV_ID, BANK_VERSION, "told", split, index)
    names = [fact.name for fact in family.facts]
    told = {"none": [], "some": rng.sample(names, len(names) // 2), "all": names}[options.reveal]
    return Task(
        # the id says nothing about the facts, so it may be shown beside a dialogue
        task_id=f"{ENV_ID}/{options.difficulty}/{split}/{index}",
        family=family,
        facts=facts,
        answers={fact.name: fact.says[facts[fact.name]] for fact in family.facts},
        told=tuple(told),
    )
