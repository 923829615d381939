"""The products of the shop, generated: a pure function of the difficulty. And the search engine over them."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from infopo.core import derive_random
from infopo.envs.webshop import words
from infopo.envs.webshop.options import ENV_ID

CATALOGUE_VERSION = 1
PRODUCTS_A_KIND = {"standard": 46, "nano": 40}  # 26 and 25 kinds
ATTRIBUTES = {"standard": 4, "nano": 3}
NOT_IN_TITLE = 1  # attributes that have to be read on the product's own pages
MOST_RESULTS = 50
PRICE_STEP_NANO = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One product. `options`: the values that can be chosen, by name; `categories` from wide to narrow."""

    id: str
    kind: str
    title: str
    categories: tuple[str, ...]
    attributes: tuple[str, ...]
    options: Mapping[str, tuple[str, ...]]
    price: int
    bullets: tuple[str, ...]
    description: str

    @property
    def text(self) -> str:
        """Everything that is written about it, but for its options: what is searched."""
        return " ".join([self.title, *self.bullets, self.description])


@cache
def catalogue(difficulty: str) -> Mapping[str, Product]:
    """All products by their ids, in the order of the catalogue."""
    departments = words.NANO if difficulty == "nano" else words.STANDARD
    kinds = [(department, kind) for department in departments for kind in department.kinds]
    rng = derive_random(ENV_ID, CATALOGUE_VERSION, difficulty)
    ids = _ids(difficulty, len(kinds) * PRODUCTS_A_KIND[difficulty])
    rng.shuffle(ids)
    made = [_product(rng, difficulty, *kind) for kind in kinds for _ in range(PRODUCTS_A_KIND[difficulty])]
    rng.shuffle(made)
    return {name: Product(id=name, **fields) for name, fields in zip(ids, made, strict=True)}


def _ids(difficulty: str, count: int) -> list[str]:
    if difficulty == "nano":  # a letter and a number below 41: one word, and so one token
        return [f"{chr(ord('a') + number // 40)}{number % 40 + 1}" for number in range(count)]
    return [f"W{number:04d}" for number in range(count)]


def _product(rng: random.Random, difficulty: str, department: words.Department, kind: str) -> dict[str, Any]:
    attributes = tuple(rng.sample(department.attributes, ATTRIBUTES[difficulty]))
    titled, told = attributes[:-NOT_IN_TITLE], attributes[-NOT_IN_TITLE:]
    options = {}
    for name, values in department.options:
        chosen = set(rng.sample(values, rng.randint(2, max(2, len(values) // 2))))
        options[name] = tuple(value for value in values if value in chosen)
    price = rng.randint(*department.prices)
    common = {
        "kind": kind,
        "categories": (department.name, kind),
        "attributes": attributes,
        "options": options,
    }
    if difficulty == "nano":
        title = " ".join([*titled, kind])
        return common | {"title": title, "price": price * PRICE_STEP_NANO, "bullets": told, "description": ""}
    brand = rng.choice(words.BRANDS)
    return common | {
        "title": " ".join([brand, *titled, kind]).title(),
        "price": price,
        "bullets": tuple(one.capitalize() for one in told),
        "description": f"From the {department.name} collection of {brand}.",
    }


class Engine:
    """BM25 over the texts of the products."""

    def __init__(self, products: Sequence[Product]) -> None:
        import bm25s

        texts = [_words(product.text) for product in products]
        self._products = products
        self._known = {word for text in texts for word in text}
        self._scorer = bm25s.BM25()
        self._scorer.index(texts, show_progress=False)

    def find(self, query: str) -> tuple[Product, ...]:
        """The products that share a word with the query, best first, equal ones in the order of the catalogue."""
        asked = [word for word in _words(query) if word in self._known]
        if not asked:
            return ()
        scores = self._scorer.get_scores(asked)
        best = (-scores).argsort(kind="stable")[:MOST_RESULTS]
        return tuple(self._products[index] for index in best if scores[index] > 0)


@cache
def engine(difficulty: str) -> Engine:
    """The search engine of a catalogue."""
    return Engine(list(catalogue(difficulty).values()))


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())
