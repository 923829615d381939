"""The shape of the vocabulary tables, and the names that both difficulties share."""

from dataclasses import dataclass

from infopo.envs.episode import NO_INFORMATION as NO_INFORMATION

ASPECTS = ("flight", "hotel", "apartment", "rental_car", "restaurant")
LETTERS = {"flight": "F", "hotel": "H", "apartment": "A", "rental_car": "C", "restaurant": "R"}
EXCLUSIVE = frozenset({"hotel", "apartment"})  # nobody books both for one trip

MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One thing that a user may want.

    `name` is the key; `phrase` is how an option lists it; `wish` says it outright; `cues` only hint at it.
    """

    name: str
    phrase: str
    wish: str
    cues: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A subcategory of preferences within an aspect.

    `synonyms` are the words and word groups that a question may use for it, beside its name; one that starts
    with `~` is too general to count next to others. `place` is the field of an option where the phrase is listed
    (standard difficulty).
    """

    name: str
    values: tuple[Value, ...]
    synonyms: tuple[str, ...] = ()
    place: str = ""

    def value(self, name: str) -> Value:
        """The value of that name; `KeyError` where there is none."""
        for value in self.values:
            if value.name == name:
                return value
        raise KeyError(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class AspectWords:
    """All words about one aspect. `title` is how a person writes its name."""

    name: str
    title: str
    topics: tuple[Topic, ...]
    synonyms: tuple[str, ...] = ()

    def topic(self, name: str) -> Topic:
        """The topic of that name; `KeyError` where there is none."""
        for topic in self.topics:
            if topic.name == name:
                return topic
        raise KeyError(name)


Vocabulary = dict[str, AspectWords]

Lines = tuple[str, str, str, str, str]  # phrase, wish, three cues


def open_topic(name: str, place: str, synonyms: tuple[str, ...], values: dict[str, Lines]) -> Topic:
    """A topic of the open vocabulary, from a table of lines."""
    made = (Value(name=key, phrase=lines[0], wish=lines[1], cues=lines[2:]) for key, lines in values.items())
    return Topic(name=name, place=place, synonyms=synonyms, values=tuple(made))
