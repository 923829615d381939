"""Ids, prices and people of a database, each drawn once. At difficulty nano every id is a small number."""

import random
from collections.abc import Sequence

from infopo.envs.usergym.tau.words import FIRST_NAMES, LAST_NAMES

_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


class Ids:
    """Draws from `rng` without repetition, except where a draw says so."""

    def __init__(self, rng: random.Random, *, nano: bool) -> None:
        self.rng, self.nano = rng, nano
        self._used: set[str] = set()

    def _fresh(self, first: int, last: int, prefix: str = "") -> str:
        while True:
            drawn = f"{prefix}{self.rng.randint(first, last)}"
            if drawn not in self._used:
                self._used.add(drawn)
                return drawn

    def zip(self) -> str:
        """A zip code."""
        return self._fresh(10, 99) if self.nano else self._fresh(10000, 99999)

    def user(self) -> str:
        """A user id; it says nothing about the name."""
        return self._fresh(100, 199) if self.nano else self._fresh(1000, 9999, "user_")

    def deal(self) -> str:
        """The id of an order or a booking."""
        if self.nano:
            return self._fresh(200, 299)
        return self._fresh(1000, 9999, "".join(self.rng.choice(_LETTERS) for _ in range(2)))

    def good(self) -> str:
        """The id of something for sale: an item, a flight."""
        return self._fresh(300, 399) if self.nano else self._fresh(1000000, 9999999)

    def price(self) -> int:
        """A price in whole dollars; no other price of the database is equal."""
        return int(self._fresh(400, 999))

    def name(self) -> str:
        """What a person is called; two may be called the same."""
        first = self.rng.choice(FIRST_NAMES)
        return first if self.nano else f"{first.capitalize()} {self.rng.choice(LAST_NAMES)}"

    def some(self, values: Sequence[str], count: int) -> list[str]:
        """Distinct ones of `values`."""
        return self.rng.sample(list(values), count)
