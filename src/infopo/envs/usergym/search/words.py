"""What the worlds of the bank are made of: things, people, towns, and how they hang together, in both difficulties."""

from dataclasses import dataclass

NOUNS = tuple(
    "lamp clock engine bridge violin statue painting fountain carpet saddle anchor kettle mirror organ".split()
)
MARKS = tuple("Velin Torsk Amber Quill Harrow Sable Lumen Corvin Ember Fallow Gannet Ilex Juniper Kestrel".split())
FIRST_NAMES = tuple("Anna Boris Clara David Elsa Felix Greta Hugo Irma Jonas Karin Lars Mona Nils Olga Pavel".split())
LAST_NAMES = tuple("Tessar Brandt Okello Ferrin Madsen Lorca Winter Stein Abara Costa Juhl Petrov Rask Sommer".split())
TOWNS = tuple(
    "Oldmere Brackwater Tollen Ashby Furness Grale Highcombe Ister Kirkby Lowmoor Marne Norwell Pendle Ravel".split()
)

NANO_THINGS = tuple("lamp clock engine bridge violin statue fountain carpet saddle anchor kettle mirror".split())
NANO_PEOPLE = tuple("anna boris clara david elsa felix greta hugo irma jonas karin lars mona nils olga pavel".split())
NANO_TOWNS = tuple("rome paris london madrid vienna lisbon athens dublin berlin prague warsaw oslo".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """One way in which two things hang together. `sentence` states it; `noun` is the word for it (nano)."""

    noun: str
    sentence: str


# of a thing: a person; of a person: a town
THING_RELATIONS = (
    Relation(noun="maker", sentence="The {subject} was made by {object}."),
    Relation(noun="owner", sentence="The {subject} belongs to {object}."),
)
PERSON_RELATIONS = (
    Relation(noun="home", sentence="{subject} lives in {object}."),
    Relation(noun="birth", sentence="{subject} was born in {object}."),
)
_WHO = {"maker": "the maker of the {thing}", "owner": "the owner of the {thing}"}
_WHERE = {"home": "In which town does {who} live?", "birth": "In which town was {who} born?"}


def asked(first: Relation, second: Relation, thing: str, difficulty: str) -> str:
    """The question for the second relation of the first relation of a thing."""
    if difficulty == "nano":
        return f"{second.noun} of {first.noun} of {thing} ?"
    return _WHERE[second.noun].format(who=_WHO[first.noun].format(thing=thing))


def stated(relation: Relation, subject: str, thing: str, difficulty: str) -> str:
    """The sentence that states a relation."""
    if difficulty == "nano":
        return f"{subject} {relation.noun} {thing}"
    return relation.sentence.format(subject=subject, object=thing)
