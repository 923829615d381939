"""The task bank: a pure function of tier, difficulty, split and index.

A draft (scenario and preferences) belongs to a split by a stable hash of its scenario and by one of its preference
set; drafts that mix the two are thrown away. So train and test share neither a scenario nor a preference set, at any
tier of a difficulty.
"""

import random
import threading
from dataclasses import dataclass
from functools import cache

from infopo.core import derive_random, derive_seed
from infopo.envs.registry import Split
from infopo.envs.usergym.travel import listings, scenarios
from infopo.envs.usergym.travel.options import TIERS, TravelOptions
from infopo.envs.usergym.travel.scenarios import Scenario
from infopo.envs.usergym.travel.task import AspectTask, Preference, Task
from infopo.envs.usergym.travel.vocabulary import vocabulary
from infopo.envs.usergym.travel.words import ASPECTS, EXCLUSIVE

BANK_VERSION = 1
TASKS: dict[Split, int] = {"train": 4000, "test": 1000}
TEST_SHARE = 5  # one scenario in five, and one preference set in five, is kept for the test split


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A task before its options: the scenario, and per aspect of it the hidden preferences."""

    scenario: Scenario
    preferences: tuple[tuple[Preference, ...], ...]


def num_tasks(split: Split, options: TravelOptions) -> int:
    """How many distinct tasks a split holds, the same for every tier and difficulty."""
    return TASKS[split]


def make_task(index: int, split: Split, options: TravelOptions) -> Task:
    """Task `index` of a split; of the options only tier, difficulty, reveal and the listing size matter."""
    draft = _drafts(options.tier, options.difficulty, split).get(index)
    task_id = f"travel-{options.tier}-{options.difficulty}-{split}-{index:06d}"
    parts = []
    for (aspect, arguments), preferences in zip(draft.scenario, draft.preferences, strict=True):
        size = options.listing_size(len(preferences))
        rng = derive_random("travel-listing", BANK_VERSION, task_id, aspect, size)
        rows = listings.draw_options(rng, options.difficulty, preferences, arguments, size)
        parts.append(AspectTask(aspect=aspect, preferences=preferences, arguments=arguments, options=rows))
    facts = [preference.fact for part in parts for preference in part.preferences]
    return Task(task_id=task_id, aspects=tuple(parts), revealed=_revealed(options.reveal, facts, task_id))


def split_of_scenario(scenario: Scenario) -> Split:
    """Which split a scenario belongs to; the order in which its aspects are named does not matter."""
    parts = sorted("|".join([aspect, *(f"{name}={value}" for name, value in args)]) for aspect, args in scenario)
    return _split_by_hash("scenario", parts)


def split_of_preferences(preferences: tuple[Preference, ...]) -> Split:
    """Which split a whole preference set belongs to."""
    return _split_by_hash("preferences", sorted(f"{p.fact}={p.value}" for p in preferences))


def _split_by_hash(kind: str, parts: list[str]) -> Split:
    return "test" if derive_seed("travel-split", BANK_VERSION, kind, *parts) % TEST_SHARE == 0 else "train"


def _revealed(reveal: str, facts: list[str], task_id: str) -> frozenset[str]:
    if reveal == "none":
        return frozenset()
    if reveal == "all":
        return frozenset(facts)
    rng = derive_random("travel-reveal", BANK_VERSION, task_id)
    return frozenset(rng.sample(facts, rng.randint(0, len(facts))))


class _Drafts:
    """The drafts of one split, drawn in order and kept: index i never depends on who asked first."""

    def __init__(self, tier: str, difficulty: str, split: Split) -> None:
        self._tier, self._difficulty, self._split = tier, difficulty, split
        self._drafts: list[Draft] = []
        self._seen: set[tuple[frozenset[object], frozenset[Preference]]] = set()
        self._lock = threading.Lock()

    def get(self, index: int) -> Draft:
        if index < 0:
            raise IndexError(f"task indices start at 0, got {index}")
        with self._lock:
            while len(self._drafts) <= index:
                self._drafts.append(self._next(len(self._drafts)))
            return self._drafts[index]

    def _next(self, index: int) -> Draft:
        rng = derive_random("travel-bank", BANK_VERSION, self._tier, self._difficulty, self._split, index)
        while True:
            draft = self._draw(rng)
            wishes = frozenset(p for group in draft.preferences for p in group)
            key = (frozenset(draft.scenario), wishes)
            if key not in self._seen:
                self._seen.add(key)
                return draft

    def _draw(self, rng: random.Random) -> Draft:
        counts = list(TIERS[self._tier])
        while True:
            scenario = scenarios.draw_scenario(rng, self._difficulty, _draw_aspects(rng, len(counts)))
            if split_of_scenario(scenario) == self._split:
                break
        rng.shuffle(counts)
        while True:
            groups = tuple(
                _draw_preferences(rng, self._difficulty, aspect, count)
                for (aspect, _), count in zip(scenario, counts, strict=True)
            )
            if split_of_preferences(tuple(p for group in groups for p in group)) == self._split:
                return Draft(scenario=scenario, preferences=groups)


@cache
def _drafts(tier: str, difficulty: str, split: Split) -> _Drafts:
    return _Drafts(tier, difficulty, split)


def _draw_aspects(rng: random.Random, count: int) -> tuple[str, ...]:
    while True:
        chosen = rng.sample(ASPECTS, count)
        if not EXCLUSIVE.issubset(chosen):
            return tuple(chosen)


def _draw_preferences(rng: random.Random, difficulty: str, aspect: str, count: int) -> tuple[Preference, ...]:
    """Distinct topics in the order of the table, each with a uniform value."""
    topics = vocabulary(difficulty)[aspect].topics
    places = sorted(rng.sample(range(len(topics)), count))
    return tuple(
        Preference(aspect=aspect, topic=topics[k].name, value=rng.choice(topics[k].values).name) for k in places
    )
