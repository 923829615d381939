"""Options: which rows a search shows, drawn so that the listing itself says nothing about the user's wishes.

The rows of the core are the cells of a grid: for each preference the wished value and one other, in all
combinations. Seen from the listing alone every cell is alike, so the wished one can only be guessed (1 in
2^preferences), and every answer of the user halves the choice. All other rows keep that symmetry: twins of cells
drawn blindly, rows with a value outside the grid, and rows of which one attribute is unknown.
Where too few rows are asked for to hold the grid, the core shrinks to the best option and one near miss for every
preference; then a patient reader could single out the row that all others resemble.
"""

import itertools
import random
from dataclasses import dataclass

from infopo.envs.usergym.travel import catalogue
from infopo.envs.usergym.travel.scenarios import Arguments
from infopo.envs.usergym.travel.task import Option, Preference
from infopo.envs.usergym.travel.vocabulary import vocabulary
from infopo.envs.usergym.travel.words import LETTERS

LOW, HIGH = 0, 1  # the two prices of nano
Cell = tuple[str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row without id and price. `core`: a cell of the core. `twin`: repeats one; dearer where prices are words."""

    values: Cell
    twin: bool = False
    core: bool = False


def draw_options(
    rng: random.Random,
    difficulty: str,
    preferences: tuple[Preference, ...],
    arguments: Arguments,
    size: int,
) -> tuple[Option, ...]:
    """`size` options of one aspect, in random order, exactly one of them best for these preferences."""
    topics = [vocabulary(difficulty)[p.aspect].topic(p.topic) for p in preferences]
    rows = draw_rows(rng, [[value.name for value in t.values] for t in topics], [p.value for p in preferences], size)
    aspect = preferences[0].aspect
    highest = 9 if difficulty == "nano" and size <= 9 else max(22, size)
    ids = [f"{LETTERS[aspect]}{number}" for number in rng.sample(range(1, highest + 1), size)]
    if difficulty == "nano":
        prices = [LOW if row.core else HIGH if row.twin else rng.choice((LOW, HIGH)) for row in rows]
        details: list[catalogue.Details] = [()] * size
    else:
        least, most = catalogue.PRICE_RANGES[aspect]
        prices = rng.sample(range(least, most + 1), size)  # all distinct, so of two rows that fit one is cheaper
        details = [
            catalogue.draw_details(rng, preferences, row.values, arguments, price)
            for row, price in zip(rows, prices, strict=True)
        ]
    options = [
        Option(option_id=name, values=row.values, price=price, details=fields)
        for name, row, price, fields in zip(ids, rows, prices, details, strict=True)
    ]
    rng.shuffle(options)
    return tuple(options)


def draw_rows(rng: random.Random, domains: list[list[str]], wishes: list[str], size: int) -> list[Row]:
    """The core first (its first cell is the wished one), then noise, twins and outsiders."""
    rivals = [
        rng.choice([value for value in domain if value != wish]) for domain, wish in zip(domains, wishes, strict=True)
    ]
    cells = _core(wishes, rivals, size)
    rows = [Row(values=cell, core=True) for cell in cells]
    rest = size - len(rows)
    noise = min(rest, max(1, size // 8))
    for _ in range(noise):
        values = list(rng.choice(cells))
        values[rng.randrange(len(values))] = None
        rows.append(Row(values=tuple(values)))
    twins = min(rest - noise, len(cells))
    rows += [Row(values=cell, twin=True) for cell in rng.sample(cells, twins)]
    rows += [Row(values=_outsider(rng, domains, wishes, rivals)) for _ in range(rest - noise - twins)]
    return rows


def _core(wishes: list[str], rivals: list[str], size: int) -> list[Cell]:
    if 2 ** len(wishes) <= size:
        return list(itertools.product(*zip(wishes, rivals, strict=True)))
    misses = [(*wishes[:k], rivals[k], *wishes[k + 1 :]) for k in range(len(wishes))]
    return [tuple(wishes), *misses]


def _outsider(rng: random.Random, domains: list[list[str]], wishes: list[str], rivals: list[str]) -> Cell:
    """A row with at least one value that no cell of the grid has."""
    values = [rng.choice(domain) for domain in domains]
    k = rng.randrange(len(values))
    values[k] = rng.choice([value for value in domains[k] if value not in (wishes[k], rivals[k])])
    return tuple(values)
