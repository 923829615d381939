"""The task bank: questions over invented worlds, in the domain of training and outside of it.

Standard: one corpus for all, of two worlds that share no name; training asks about the one, tests about the other.
Nano, where names are few: a small world of its own for every question, and no chain of facts is in both splits.
"""

import random
from functools import cache

from infopo.core import derive_random, derive_seed
from infopo.envs.registry import Split
from infopo.envs.search.backends import Bm25
from infopo.envs.search.options import ENV_ID
from infopo.envs.search.task import Document, Question, SearchBackend
from infopo.envs.search.words import Difficulty, Kind, Relation, asked, names
from infopo.envs.search.world import Fact, World, chains, documents, make_facts

BANK_VERSION = 1
TASKS: dict[Split, int] = {"train": 2000, "test": 400}
ONE_HOP_SHARE = 0.25  # the rest takes two hops; the domain `hops` takes three
TEST_SHARE = 5  # nano: one chain of facts in five is for the test split
TRAIN_NAMES = 2 / 3  # standard: of all names; the rest is for the test split
NANO_SIZES: dict[Kind, int] = {"work": 3, "person": 6, "firm": 3, "town": 5, "river": 3}


def make_question(index: int, split: Split, difficulty: Difficulty, domain: str, reveal: str) -> Question:
    """Task `index` of a split, a pure function of the arguments; `domain` matters to the test split alone."""
    if split == "train":
        domain = "in"
    path = path_of(index, split, difficulty, domain)
    place = split if domain == "in" else f"{split}-{domain}"
    return question_of(path, f"{ENV_ID}/{difficulty}/{place}/{index}", difficulty, reveal)


def question_of(path: tuple[Fact, ...], task_id: str, difficulty: Difficulty, reveal: str) -> Question:
    """The question for the end of a path."""
    told = {"none": 0, "some": len(path) // 2, "all": len(path)}[reveal]
    return Question(
        task_id=task_id,
        text=asked(tuple(fact.relation.noun for fact in path), path[0].subject, difficulty),
        answers=(path[-1].object,),
        hops=tuple(fact.title(difficulty) for fact in path),
        told=tuple(fact.statement(difficulty) for fact in path[:told]),
    )


def make_backend(index: int, split: Split, difficulty: Difficulty, domain: str) -> SearchBackend:
    """What a task searches where nothing else is named."""
    if difficulty == "standard":
        return _standard_backend()
    return Bm25(documents(world_of(index, split, difficulty, domain).facts, difficulty))


def world_of(index: int, split: Split, difficulty: Difficulty, domain: str) -> World:
    """The facts behind a task."""
    if difficulty == "standard":
        return _standard_world(split)
    return _nano_task(index, split, "in" if split == "train" else domain)[0]


def path_of(index: int, split: Split, difficulty: Difficulty, domain: str) -> tuple[Fact, ...]:
    """The facts that lead to the answer of a task, in order."""
    if difficulty == "standard":
        return _standard_paths(split, domain)[index]
    return _nano_task(index, split, domain)[1]


def standard_corpus() -> tuple[Document, ...]:
    """The documents of both worlds, shuffled: what every question of the standard difficulty searches."""
    facts = [*_standard_world("train").facts, *_standard_world("test").facts]
    rng = derive_random(ENV_ID, BANK_VERSION, "corpus")
    rng.shuffle(facts)
    return documents(facts, "standard")


@cache
def names_of(split: Split) -> dict[Kind, tuple[str, ...]]:
    """The names of a split (standard)."""
    found: dict[Kind, tuple[str, ...]] = {}
    for kind, every in names("standard").items():
        shuffled = list(every)
        derive_random(ENV_ID, BANK_VERSION, "names", kind).shuffle(shuffled)
        middle = round(len(shuffled) * TRAIN_NAMES)
        found[kind] = tuple(shuffled[:middle] if split == "train" else shuffled[middle:])
    return found


@cache
def _standard_backend() -> Bm25:
    return Bm25(standard_corpus())


@cache
def _standard_world(split: Split) -> World:
    return World(make_facts(names_of(split), derive_random(ENV_ID, BANK_VERSION, "world", split)))


@cache
def _standard_paths(split: Split, domain: str) -> tuple[tuple[Fact, ...], ...]:
    """Different paths, one for each task of a split: chains take turns, each with the next of its starts."""
    world = _standard_world(split)
    rng = derive_random(ENV_ID, BANK_VERSION, "paths", split, domain)
    starts: dict[tuple[Relation, ...], list[str]] = {}
    paths: list[tuple[Fact, ...]] = []
    while len(paths) < TASKS[split]:
        chain = _drawn_chain(rng, domain)
        if chain not in starts:
            starts[chain] = world.starts(chain)
            rng.shuffle(starts[chain])
        path = world.follow(starts[chain].pop(), chain) if starts[chain] else None
        if path is not None:
            paths.append(path)
    return tuple(paths)


def _drawn_chain(rng: random.Random, domain: str) -> tuple[Relation, ...]:
    hops = 3 if domain == "hops" else 1 if rng.random() < ONE_HOP_SHARE else 2
    return rng.choice(chains(hops, held_out=domain == "relations"))


@cache
def _nano_task(index: int, split: Split, domain: str) -> tuple[World, tuple[Fact, ...]]:
    rng = derive_random(ENV_ID, BANK_VERSION, "nano", split, domain, index)
    while True:
        every = names("nano")
        facts = list(make_facts({kind: rng.sample(every[kind], size) for kind, size in NANO_SIZES.items()}, rng))
        rng.shuffle(facts)
        world = World(facts)
        chain = _drawn_chain(rng, domain)
        path = world.follow(rng.choice(world.starts(chain)), chain)
        if path is not None and is_test(path) == (split == "test"):
            return world, path


def is_test(path: tuple[Fact, ...]) -> bool:
    """Nano: whether a chain of facts is kept for the test split."""
    said = [fact.statement("nano") for fact in path]
    return derive_seed(ENV_ID, BANK_VERSION, *said) % TEST_SHARE == 0
