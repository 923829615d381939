"""The task bank: a request, four of its six topics with a wish each. Train and test share no set of wishes."""

from functools import cache
from itertools import combinations, product

from infopo.core import derive_random, derive_seed
from infopo.envs.registry import Split
from infopo.envs.usergym.intention.options import ENV_ID, IntentionOptions
from infopo.envs.usergym.intention.task import Detail, Task
from infopo.envs.usergym.intention.words import DOMAINS, topics_of

BANK_VERSION = 1
TEST_SHARE = 5  # one set of wishes in five is kept for the test split
TASKS: dict[Split, int] = {"train": 4000, "test": 1000}
DETAILS = 4

Wishes = tuple[str, tuple[tuple[str, str], ...]]  # domain, (topic, value)


@cache
def wishes(split: Split) -> tuple[Wishes, ...]:
    """The sets of wishes of a split, scattered."""
    found = []
    for domain in DOMAINS:
        topics = topics_of(domain)
        for chosen in combinations(topics, DETAILS):
            for values in product(*(topics[name].names for name in chosen)):
                pairs = tuple(zip(chosen, values, strict=True))
                key = derive_seed(ENV_ID, BANK_VERSION, domain, *(f"{name}={value}" for name, value in pairs))
                if (key % TEST_SHARE == 0) == (split == "test"):
                    found.append((key, (domain, pairs)))
    return tuple(task for _, task in sorted(found))[: TASKS[split]]


def num_tasks(split: Split, options: IntentionOptions) -> int:
    """How many tasks a split holds."""
    return len(wishes(split))


def make_task(index: int, split: Split, options: IntentionOptions) -> Task:
    """Task `index` of a split, the same at every difficulty."""
    domain, pairs = wishes(split)[index]
    # the id says nothing about the wishes, so it may be shown beside a dialogue
    task_id = f"{ENV_ID}/{options.difficulty}/{split}/{index}"
    rng = derive_random(ENV_ID, BANK_VERSION, "importance", split, index)
    details = tuple(
        Detail(
            fact=topic,
            importance=rng.randint(1, 3),
            description=f"which {topic}",
            inquiry=f"Which {topic} would you like?",
            value=value,
        )
        for topic, value in pairs
    )
    facts = [detail.fact for detail in details]
    told = {"none": [], "some": rng.sample(facts, DETAILS // 2), "all": facts}[options.reveal]
    return Task(task_id=task_id, category=domain, request=DOMAINS[domain][0], details=details, told=tuple(told))
