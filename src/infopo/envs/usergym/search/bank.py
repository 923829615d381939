"""The task bank: small worlds, each with a question that takes two facts. Train and test share no such chain."""

import random
from functools import cache

from infopo.core import derive_random, derive_seed
from infopo.envs.registry import Split
from infopo.envs.usergym.search import words
from infopo.envs.usergym.search.options import ENV_ID, SearchOptions
from infopo.envs.usergym.search.task import Hit, Task
from infopo.envs.usergym.search.words import PERSON_RELATIONS, THING_RELATIONS, asked, stated

BANK_VERSION = 1
TASKS: dict[Split, int] = {"train": 2000, "test": 500}
TEST_SHARE = 5  # one person (standard) or one chain (nano) in five is kept for the test split
THINGS_A_WORLD = 4
FACTS = ("first", "second")


def num_tasks(split: Split, options: SearchOptions) -> int:
    """How many tasks a split holds."""
    return TASKS[split]


@cache
def make_task(index: int, split: Split, options: SearchOptions) -> Task:
    """Task `index` of a split, a pure function of its arguments; of the options difficulty and reveal matter."""
    difficulty = options.difficulty
    rng = derive_random(ENV_ID, BANK_VERSION, difficulty, split, index)
    things, people, towns = _drawn(rng, difficulty, split)
    first, second = rng.choice(THING_RELATIONS), rng.choice(PERSON_RELATIONS)
    documents: list[Hit] = []
    places = iter(people)
    town = ""
    for number, thing in enumerate(things):
        for relation in THING_RELATIONS:
            who = next(places)
            wanted = number == 0 and relation is first
            text = stated(relation, thing, who, difficulty)
            documents.append(Hit(title=thing, snippet=text, fact=FACTS[0] if wanted else None))
            for other in PERSON_RELATIONS:
                where = rng.choice(towns)
                goal = wanted and other is second
                if goal:
                    where = town = rng.choice(_fitting(difficulty, split, (thing, who), towns))
                text = stated(other, who, where, difficulty)
                documents.append(Hit(title=who, snippet=text, fact=FACTS[1] if goal else None))
    rng.shuffle(documents)
    told = {"none": 0, "some": 1, "all": 2}[options.reveal]
    facts = sorted((hit for hit in documents if hit.fact), key=lambda hit: FACTS.index(hit.fact or ""))
    return Task(
        task_id=f"{ENV_ID}/{difficulty}/{split}/{index}",  # says nothing about the answer
        question=asked(first, second, things[0], difficulty),
        answer=town,
        documents=tuple(documents),
        facts=FACTS[told:],
        told=tuple(facts[:told]),
    )


def _drawn(rng: random.Random, difficulty: str, split: Split) -> tuple[list[str], list[str], tuple[str, ...]]:
    """Things, twice as many people, and towns."""
    while difficulty == "nano":
        things, people = (
            rng.sample(words.NANO_THINGS, THINGS_A_WORLD),
            rng.sample(words.NANO_PEOPLE, 2 * THINGS_A_WORLD),
        )
        if all(_fitting(difficulty, split, (things[0], who), words.NANO_TOWNS) for who in people[:2]):
            return things, people, words.NANO_TOWNS
    marks, nouns = rng.sample(words.MARKS, THINGS_A_WORLD), rng.sample(words.NOUNS, THINGS_A_WORLD)
    things = [f"{mark} {noun}" for mark, noun in zip(marks, nouns, strict=True)]
    return things, rng.sample(people_of(split), 2 * THINGS_A_WORLD), words.TOWNS


@cache
def people_of(split: Split) -> tuple[str, ...]:
    """The full names of a split (standard)."""
    names = (f"{first} {last}" for first in words.FIRST_NAMES for last in words.LAST_NAMES)
    return tuple(name for name in names if _is_test(name) == (split == "test"))


def _fitting(difficulty: str, split: Split, chain: tuple[str, str], towns: tuple[str, ...]) -> list[str]:
    """The towns that may be the answer. In nano, where words are few, the whole chain has to belong to the split."""
    return [town for town in towns if difficulty == "standard" or _is_test(*chain, town) == (split == "test")]


def _is_test(*names: str) -> bool:
    return derive_seed(ENV_ID, BANK_VERSION, *names) % TEST_SHARE == 0
