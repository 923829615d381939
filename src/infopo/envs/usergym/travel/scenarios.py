"""Scenarios: which aspects a trip has, and the arguments that a search for each of them needs."""

import datetime
import random

from infopo.envs.usergym.travel.vocabulary import nano, places
from infopo.envs.usergym.travel.words import MONTHS

YEAR = 2026

Arguments = tuple[tuple[str, str], ...]
Scenario = tuple[tuple[str, Arguments], ...]  # (aspect, search arguments), in the order of the opening


def draw_scenario(rng: random.Random, difficulty: str, aspects: tuple[str, ...]) -> Scenario:
    """A random scenario for these aspects.

    Nano: one city and one month for the whole trip. Standard: one trip with dates, a length and a party size, of
    which every aspect takes the arguments that it needs.
    """
    if difficulty == "nano":
        city, month = rng.choice(nano.CITIES), rng.choice(MONTHS)
        return tuple((aspect, (("city", city), ("month", month))) for aspect in aspects)
    origin, city = rng.sample(places.CITIES, 2)
    first = datetime.date(YEAR, 1, 10) + datetime.timedelta(days=rng.randrange(330))
    nights, people = rng.randint(3, 9), rng.randint(1, 6)
    arguments: dict[str, Arguments] = {
        "flight": (
            ("origin", origin),
            ("destination", city),
            ("date", first.isoformat()),
            ("passengers", str(people)),
        ),
        "hotel": (("city", city), ("check_in", first.isoformat()), ("nights", str(nights))),
        "apartment": (
            ("city", city),
            ("check_in", first.isoformat()),
            ("nights", str(nights)),
            ("guests", str(people)),
        ),
        "rental_car": (
            ("city", city),
            ("pick_up", first.isoformat()),
            ("days", str(rng.randint(2, nights))),
        ),
        "restaurant": (
            ("city", city),
            ("date", (first + datetime.timedelta(days=rng.randint(1, nights))).isoformat()),
            ("people", str(people)),
        ),
    }
    return tuple((aspect, arguments[aspect]) for aspect in aspects)
