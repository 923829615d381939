"""The fields of an option at difficulty `standard`: invented names and numbers around what matters.

Everything here is drawn without a look at the user's wishes; only `values` (what the option offers in the topics
of the aspect's preferences) comes from the listing.
"""

import random

from infopo.envs.usergym.travel.scenarios import Arguments
from infopo.envs.usergym.travel.task import Preference
from infopo.envs.usergym.travel.vocabulary import STANDARD

Field = str | int | float
Details = tuple[tuple[str, Field], ...]

# whole US dollars for the whole booking (restaurant: a person)
PRICE_RANGES = {
    "flight": (90, 900),
    "hotel": (240, 1900),
    "apartment": (220, 1700),
    "rental_car": (80, 800),
    "restaurant": (15, 160),
}

_AIRLINES = ("Skylark Air", "Northwind", "Bluefin Airways", "Corvus", "Meridian Jet", "Alba Lines", "Pelican Air")
_FIRST = ("Amber", "Golden", "Old", "Silver", "White", "Grand", "Little", "Royal", "Green", "Lucky")
_SECOND = ("Anchor", "Lion", "Lantern", "Swan", "Maple", "Compass", "Fountain", "Heron", "Willow", "Crown")
_BRANDS = ("Orlo", "Vantis", "Kestra", "Motara", "Zephyr", "Belmont", "Tarn")


def draw_details(
    rng: random.Random,
    preferences: tuple[Preference, ...],
    values: tuple[str | None, ...],
    arguments: Arguments,
    price: int,
) -> Details:
    """All fields of one option but its id, in the order of the published schema."""
    aspect = preferences[0].aspect
    fields = _BASES[aspect](rng, dict(arguments), price)
    for preference, value in zip(preferences, values, strict=True):
        topic = STANDARD[aspect].topic(preference.topic)
        phrase = unknown(topic.name) if value is None else topic.value(value).phrase
        fields[topic.place] = _joined(fields[topic.place], phrase)
    return tuple((name, field if field != "" else "standard") for name, field in fields.items())


def unknown(topic: str) -> str:
    """What a listing says where the database does not know: `seat not specified`."""
    return f"{topic} not specified"


def _joined(field: Field, phrase: str) -> str:
    return phrase if field == "" else f"{field}, {phrase}"


def _name(rng: random.Random) -> str:
    return f"{rng.choice(_FIRST)} {rng.choice(_SECOND)}"


def _rating(rng: random.Random) -> float:
    return rng.randint(62, 98) / 10


def _flight(rng: random.Random, arguments: dict[str, str], price: int) -> dict[str, Field]:
    return {
        "path": f"{arguments['origin']} - {arguments['destination']}",
        "time": f"{rng.randint(10, 95) / 10} hours",
        "company": rng.choice(_AIRLINES),
        "flight_number": f"{rng.choice('BKMNQX')}{rng.choice('BKMNQX')} {rng.randint(100, 999)}",
        "cost": price,
        "amenities": "",
        "service": "",
    }


def _hotel(rng: random.Random, arguments: dict[str, str], price: int) -> dict[str, Field]:
    return {
        "name": f"{_name(rng)} Hotel",
        "room": f"{rng.randint(18, 40)} square metres",
        "cost": price,
        "rating": _rating(rng),
        "amenities": "",
        "service": "",
    }


def _apartment(rng: random.Random, arguments: dict[str, str], price: int) -> dict[str, Field]:
    people = int(arguments["guests"])
    return {
        "name": f"{_name(rng)} Residence",
        "room": f"{rng.randint(35, 110)} square metres",
        "capacity": rng.randint(people, people + 3),
        "cost": price,
        "rating": _rating(rng),
        "amenities": "",
        "service": "",
    }


def _rental_car(rng: random.Random, arguments: dict[str, str], price: int) -> dict[str, Field]:
    return {
        "brand": rng.choice(_BRANDS),
        "model": f"{rng.choice('ABCDEGST')}{rng.randint(1, 9)}00",
        "categories": "",
        "seats": rng.choice((4, 5, 5, 7)),
        "cost": price,
        "insurance": "",
        "service": "",
    }


def _restaurant(rng: random.Random, arguments: dict[str, str], price: int) -> dict[str, Field]:
    return {
        "name": f"The {_name(rng)}",
        "cuisine": "",
        "expectation": f"${price} per person",
        "rating": _rating(rng),
        "reviews": rng.randint(20, 2400),
        "tags": "",
    }


_BASES = {
    "flight": _flight,
    "hotel": _hotel,
    "apartment": _apartment,
    "rental_car": _rental_car,
    "restaurant": _restaurant,
}
