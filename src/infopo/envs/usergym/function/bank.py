"""The task bank: generated formulas. Train and test share no function, however it is written; in `nano`, which has
sixteen functions, they share no function with the same test case."""

from collections import Counter
from functools import cache
from itertools import product

from infopo.core import derive_random, derive_seed
from infopo.envs.registry import Split
from infopo.envs.usergym.function.formula import family, read_formula, small_family
from infopo.envs.usergym.function.options import ENV_ID, FunctionOptions
from infopo.envs.usergym.function.task import Task

BANK_VERSION = 1
TEST_SHARE = 5  # one function in five is kept for the test split
STANDARD_TASKS: dict[Split, int] = {"train": 4000, "test": 1000}
MOST_RESULT = 5000
NANO_NUMBERS = (1, 2, 3, 4, 5, 6, 7)
NANO_MOST_ALIKE = 2  # of all functions, those that may agree on a test case: guessing must not pay

Numbers = tuple[int, ...]


def rules_of(difficulty: str) -> tuple[str, ...]:
    """Every formula that a task of this difficulty may hide."""
    return tuple(rule for rule, _ in _family(difficulty))


def num_tasks(split: Split, options: FunctionOptions) -> int:
    """How many distinct tasks a split holds."""
    if options.difficulty == "standard":
        return STANDARD_TASKS[split]
    return len(_nano_tasks(split))


def make_task(index: int, split: Split, options: FunctionOptions) -> Task:
    """Task `index` of a split, a pure function of its arguments; of the options only the difficulty matters."""
    if options.difficulty == "standard":
        rule = _functions(split)[index]
        numbers = _whole_result(rule)
    else:
        rule, numbers = _nano_tasks(split)[index]
    # the id says nothing about the function, so it may be shown beside a dialogue
    task_id = f"{ENV_ID}/{options.difficulty}/{split}/{index}"
    return Task(task_id=task_id, rule=rule, test_case=numbers, expected=read_formula(rule)(numbers))


def _family(difficulty: str) -> tuple[tuple[str, int], ...]:
    return family("+-*/") if difficulty == "standard" else small_family()


@cache
def _functions(split: Split) -> tuple[str, ...]:
    """The functions of a split, by a stable hash of what they compute, in a scattered order."""
    keyed = ((derive_seed(ENV_ID, BANK_VERSION, "standard", value), rule) for rule, value in _family("standard"))
    return tuple(rule for key, rule in sorted(keyed) if (key % TEST_SHARE == 0) == (split == "test"))


def _whole_result(rule: str) -> Numbers:
    """Numbers from 1 to 10 for which the rule gives a whole number of moderate size."""
    rng = derive_random(ENV_ID, BANK_VERSION, "test-case", rule)
    formula = read_formula(rule)
    while True:
        numbers = tuple(rng.randint(1, 10) for _ in range(4))
        try:
            result = formula(numbers)
        except ZeroDivisionError:
            continue
        if result.is_integer() and abs(result) <= MOST_RESULT:
            return numbers


@cache
def _nano_tasks(split: Split) -> tuple[tuple[str, Numbers], ...]:
    """Functions with telling test cases, scattered; of every five such pairs about one is kept for the test split."""
    pairs = product(_family("nano"), nano_test_cases())
    keyed = ((derive_seed(ENV_ID, BANK_VERSION, "nano", value, *case), rule, case) for (rule, value), case in pairs)
    return tuple((rule, case) for key, rule, case in sorted(keyed) if (key % TEST_SHARE == 0) == (split == "test"))


@cache
def nano_test_cases() -> tuple[Numbers, ...]:
    """The test cases about which the functions of the family disagree enough."""
    formulas = [read_formula(rule) for rule in rules_of("nano")]
    return tuple(
        numbers
        for numbers in product(NANO_NUMBERS, repeat=4)
        if max(Counter(formula(numbers) for formula in formulas).values()) <= NANO_MOST_ALIKE
    )
