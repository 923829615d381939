"""The task bank: claims, each believed for three of eight reasons. Train and test share no claim."""

from dataclasses import dataclass
from functools import cache
from itertools import combinations

from infopo.core import derive_random, derive_seed
from infopo.envs.registry import Split
from infopo.envs.usergym.persuade.options import ENV_ID, PersuadeOptions
from infopo.envs.usergym.persuade.words import PLANS, REASONS, THINGS, TOPIC

BANK_VERSION = 1
TEST_SHARE = 5  # one claim in five is kept for the test split

Belief = tuple[str, str, tuple[str, ...]]  # thing, plan, reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A believer: the claim about `thing` and `plan`, and the hidden reasons in the order in which they come out."""

    task_id: str
    thing: str
    plan: str
    reasons: tuple[str, ...]
    told: tuple[str, ...] = ()


@cache
def beliefs(split: Split) -> tuple[Belief, ...]:
    """Every claim of a split with every set of reasons, scattered."""
    found: list[tuple[int, Belief]] = []
    for thing in THINGS:
        for plan in PLANS:
            is_test = derive_seed(ENV_ID, BANK_VERSION, thing, plan) % TEST_SHARE == 0
            if is_test == (split == "test"):
                for reasons in combinations(TOPIC.names, REASONS):
                    found.append((derive_seed(ENV_ID, thing, plan, *reasons), (thing, plan, reasons)))
    return tuple(belief for _, belief in sorted(found))


def num_tasks(split: Split, options: PersuadeOptions) -> int:
    """How many believers a split holds."""
    return len(beliefs(split))


def make_task(index: int, split: Split, options: PersuadeOptions) -> Task:
    """Believer `index` of a split, the same at every difficulty."""
    thing, plan, reasons = beliefs(split)[index]
    rng = derive_random(ENV_ID, BANK_VERSION, "order", thing, plan, *reasons)
    ordered = tuple(rng.sample(reasons, REASONS))
    told = {"none": 0, "some": 1, "all": REASONS}[options.reveal]
    # the id says nothing about the reasons, so it may be shown beside a dialogue
    task_id = f"{ENV_ID}/{options.difficulty}/{split}/{index}"
    return Task(task_id=task_id, thing=thing, plan=plan, reasons=ordered, told=ordered[:told])
