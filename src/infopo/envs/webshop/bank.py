"""The task bank: what customers wish for. Each wish is made from a product, so that it can be bought.

Train and test share no product that a wish was made from, and no test wish could have been made from a product of
training's: two products may differ in what a wish does not name.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from infopo.core import derive_random, derive_seed
from infopo.envs.registry import Split
from infopo.envs.webshop.catalogue import PRICE_STEP_NANO, Product, catalogue
from infopo.envs.webshop.options import ENV_ID, WebShopOptions

BANK_VERSION = 1
TASKS: dict[Split, int] = {"train": 2000, "test": 500}
TEST_SHARE = 5  # one product in five is kept for the test split
SPARE = {"standard": (1, 5, 10, 20), "nano": (0, PRICE_STEP_NANO, 2 * PRICE_STEP_NANO)}  # above the product's price


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a customer wants. `options`: the wished value of each option, by its name."""

    kind: str
    attributes: tuple[str, ...]
    options: Mapping[str, str]
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A wish, and the product that it was made from."""

    task_id: str
    difficulty: str
    wish: Wish
    product: Product


def num_tasks(split: Split, options: WebShopOptions) -> int:
    """How many tasks a split holds."""
    return TASKS[split]


def make_task(index: int, split: Split, options: WebShopOptions) -> Task:
    """Task `index` of a split, a pure function of its arguments; of the options only difficulty matters."""
    return _made(index, split, options.difficulty)


@cache
def _made(index: int, split: Split, difficulty: str) -> Task:
    rng = derive_random(ENV_ID, BANK_VERSION, difficulty, split, index)
    while True:
        product = catalogue(difficulty)[rng.choice(products_of(split, difficulty))]
        wish = _wish(product, difficulty, rng)
        if split == "train" or not _trains(wish, difficulty):
            break
    task_id = f"{ENV_ID}/{difficulty}/{split}/{index}"  # says nothing about the product
    return Task(task_id=task_id, difficulty=difficulty, wish=wish, product=product)


def _wish(product: Product, difficulty: str, rng: random.Random) -> Wish:
    count = 2 if difficulty == "nano" else rng.choice((2, 3, 3))
    wished = set(rng.sample(product.attributes, count))
    return Wish(
        kind=product.kind,
        attributes=tuple(one for one in product.attributes if one in wished),
        options={name: rng.choice(values) for name, values in product.options.items()},
        limit=product.price + rng.choice(SPARE[difficulty]),
    )


def _trains(wish: Wish, difficulty: str) -> bool:
    """Whether a product of training's could have made this very wish."""
    products = (catalogue(difficulty)[name] for name in products_of("train", difficulty))
    return any(
        product.kind == wish.kind
        and set(wish.attributes) <= set(product.attributes)
        and product.options.keys() == wish.options.keys()
        and all(value in product.options[name] for name, value in wish.options.items())
        and wish.limit - product.price in SPARE[difficulty]
        for product in products
    )


@cache
def products_of(split: Split, difficulty: str) -> tuple[str, ...]:
    """The ids of the products that the wishes of a split are made from."""
    return tuple(name for name in catalogue(difficulty) if _is_test(name, difficulty) == (split == "test"))


def _is_test(name: str, difficulty: str) -> bool:
    return derive_seed(ENV_ID, BANK_VERSION, difficulty, name) % TEST_SHARE == 0
