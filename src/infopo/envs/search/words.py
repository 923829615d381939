"""What the invented worlds are made of: kinds of things, their names, and how they hang together."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from infopo.envs.usergym.search.words import NANO_PEOPLE, NANO_THINGS, NANO_TOWNS

Kind = Literal["work", "person", "firm", "town", "river"]
Difficulty = Literal["standard", "nano"]
HOLE = "<<>>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """One way in which two things hang together. `held_out`: the corpus states it, no training question asks for it."""

    noun: str
    subject: Kind
    object: Kind
    sentence: str
    held_out: bool = False


RELATIONS = (
    Relation(noun="maker", subject="work", object="person", sentence="{subject} was made by {object}."),
    Relation(noun="owner", subject="work", object="firm", sentence="{subject} belongs to {object}."),
    Relation(noun="home", subject="person", object="town", sentence="{subject} lives in {object}."),
    Relation(noun="birthplace", subject="person", object="town", sentence="{subject} was born in {object}."),
    Relation(noun="employer", subject="person", object="firm", sentence="{subject} works for {object}."),
    Relation(noun="founder", subject="firm", object="person", sentence="{subject} was founded by {object}."),
    Relation(noun="seat", subject="firm", object="town", sentence="{subject} has its seat in {object}."),
    Relation(noun="river", subject="town", object="river", sentence="{subject} lies on the {object}."),
    Relation(
        noun="donor", subject="work", object="person", sentence="{subject} was donated by {object}.", held_out=True
    ),
    Relation(
        noun="teacher", subject="person", object="person", sentence="{subject} was taught by {object}.", held_out=True
    ),
    Relation(noun="director", subject="firm", object="person", sentence="{subject} is led by {object}.", held_out=True),
    Relation(
        noun="mayor", subject="town", object="person", sentence="{subject} is governed by {object}.", held_out=True
    ),
)
BY_NOUN = {relation.noun: relation for relation in RELATIONS}

_MARKS = (
    "Silent Amber Broken Hollow Crimson Distant Gilded Frozen Hidden Ivory Lonely Painted Restless Sunken Tilted "
    "Velvet Wandering Burning Copper Dusty Endless Faded Golden Humble Iron Jagged"
)
_FORMS = "Orchard Lantern Harbour Sparrow Staircase Mirror Meadow Compass Chapel Drummer Ferry Garden Heron Lighthouse"
_FIRST = (
    "Ansa Boro Calwin Dessa Ervik Fenna Gorim Hilke Ivar Jorun Kelda Lenz Mirka Nalo Orsin Petra Quill Runa Selko "
    "Tamsin Ulric Vesna Wendel Yorick Zelma"
)
_LAST = "Tavrel Mordan Okemi Brask Felnor Garrow Hesk Illmer Jandel Korvel Lomax Nystad Orrel Pask Quenby Rudd Stroud"
_HEADS = "Old Brack Tol Ash Fur Grim High Ist Kirk Low Mar Nor Pen Rav Stan Wex"
_TAILS = "mere water combe ness ford wick stead burn"
_TRADES = "Mills Foundry Press Shipping Brewery Glassworks"
_OWNERS = (
    "Aldane Berrin Castor Dunmore Elvet Farrow Gantry Holloway Inver Jessop Kestrel Langdon Marsh Norton Ostler Pryor "
    "Quarles Renshaw Sutton Tolland"
)
_RIVERS = (
    "Aun Bril Cass Dorn Elk Fane Gled Hurn Isk Jarr Kell Lud Meer Nidd Orm Pell Quor Rill Sarn Tave Ull Vann Wye Yare "
    "Zell Arlo Bode Cray Dove Esk Finn Goyt Hamb Irt Kyle Lyne Mole Ness Oust Penk"
)
_NANO_FIRMS = "bank mill forge press dairy bakery brewery foundry"
_NANO_RIVERS = "thames seine danube rhine volga tiber"


def _pairs(first: str, second: str, pattern: str = "{0} {1}") -> tuple[str, ...]:
    return tuple(pattern.format(one, other) for one in first.split() for other in second.split())


@cache
def names(difficulty: Difficulty) -> dict[Kind, tuple[str, ...]]:
    """Every name there is, by kind."""
    if difficulty == "nano":
        return {
            "work": NANO_THINGS,
            "person": NANO_PEOPLE,
            "firm": tuple(_NANO_FIRMS.split()),
            "town": NANO_TOWNS,
            "river": tuple(_NANO_RIVERS.split()),
        }
    return {
        "work": _pairs(_MARKS, _FORMS, "The {0} {1}"),
        "person": _pairs(_FIRST, _LAST),
        "firm": _pairs(_OWNERS, _TRADES),
        "town": _pairs(_HEADS, _TAILS, "{0}{1}"),
        "river": tuple(f"River {name}" for name in _RIVERS.split()),
    }


def phrase(noun: str, subject: str, difficulty: Difficulty) -> str:
    """What a thing is to another, as a question names it.

    >>> phrase("home", phrase("maker", "The Silent Orchard", "standard"), "standard")
    'the home of the maker of The Silent Orchard'
    """
    return f"{noun} of {subject}" if difficulty == "nano" else f"the {noun} of {subject}"


def asked(nouns: tuple[str, ...], start: str, difficulty: Difficulty) -> str:
    """The question for the end of a chain that begins at `start`; the first noun is that of the first step."""
    what = start
    for noun in nouns:
        what = phrase(noun, what, difficulty)
    if difficulty == "nano":
        return f"what is {what} ?"
    return f"{'Who' if BY_NOUN[nouns[-1]].object == 'person' else 'What'} is {what}?"


def stated(relation: Relation, subject: str, thing: str, difficulty: Difficulty) -> str:
    """The sentence that states a relation."""
    if difficulty == "nano":
        return f"{phrase(relation.noun, subject, difficulty)} is {thing}"
    return relation.sentence.format(subject=subject, object=thing)
