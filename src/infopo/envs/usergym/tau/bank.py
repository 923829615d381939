"""The task bank: a pure function of difficulty, domain, split and index.

What a customer knows (name, zip code, wish and all) belongs to one split by a stable hash, so train and test share no
customer's case; each task brings a small database of its own.
"""

from functools import lru_cache

from infopo.core import derive_random, derive_seed
from infopo.envs.registry import Split
from infopo.envs.usergym.tau.domains import DOMAINS
from infopo.envs.usergym.tau.ids import Ids
from infopo.envs.usergym.tau.options import ENV_ID, TauOptions
from infopo.envs.usergym.tau.task import Draft, Task
from infopo.envs.usergym.tau.texts import instruction, recorded_opening

BANK_VERSION = 2
TEST_SHARE = 5  # one case in five is kept for the test split
TASKS: dict[Split, int] = {"train": 4000, "test": 1000}


def num_tasks(split: Split, options: TauOptions) -> int:
    """How many tasks a split holds, the same for every domain and difficulty."""
    return TASKS[split]


def split_of(draft: Draft) -> Split:
    """Which split a case belongs to, by all that the customer knows."""
    key = derive_seed(ENV_ID, BANK_VERSION, *(f"{slot}={value}" for slot, value in draft.facts.items()))
    return "test" if key % TEST_SHARE == 0 else "train"


def make_task(index: int, split: Split, options: TauOptions) -> Task:
    """Task `index` of a split; of the options only domain, difficulty and reveal matter."""
    domain = options.domains[index % len(options.domains)]
    draft = _draft(domain, options.difficulty, split, index)
    # the id says nothing about the case, so it may be shown beside a dialogue
    task_id = f"{ENV_ID}/{options.difficulty}/{split}/{domain}-{index}"
    slots = tuple(draft.facts)
    rng = derive_random(ENV_ID, BANK_VERSION, "told", task_id)
    half = rng.sample(slots, len(slots) // 2)
    return Task(
        task_id=task_id,
        domain=domain,
        draft=draft,
        told={"none": (), "some": tuple(slot for slot in slots if slot in half), "all": slots}[options.reveal],
        instruction=instruction(draft.facts),
        opening=recorded_opening(domain, options.difficulty, task_id),
    )


@lru_cache(maxsize=1024)
def _draft(domain: str, difficulty: str, split: Split, index: int) -> Draft:
    rng = derive_random(ENV_ID, BANK_VERSION, difficulty, domain, split, index)
    kinds = DOMAINS[domain].kinds
    (kind,) = rng.choices(list(kinds), weights=list(kinds.values()))
    while True:
        draft = DOMAINS[domain].draw(kind, Ids(rng, nano=difficulty == "nano"))
        if split_of(draft) == split:
            return draft
