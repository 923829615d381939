"""Things that are known by a value in each of some facets, and yes/no questions about them.

A question is understood by the values it names: within a facet any of them will do (`red or blue`), across facets all
of them must hold (`a red boat`). What mixes the two, or negates, is not understood.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from infopo.envs.usergym.phrases import Phrases, stems

Values = Mapping[str, str]  # facet -> value
Asked = tuple[tuple[str, frozenset[str]], ...]  # (facet, any of these values), every one of them; facets sorted

_NEGATIONS = frozenset(
    "not no never nor neither without isnt wasnt arent werent doesnt didnt dont cant couldnt hasnt havent".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """`name` is the key, `says` are the word groups that stand for it; the first is how it is written."""

    name: str
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """One thing to find out, and what it may be."""

    name: str
    values: tuple[Value, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The keys of the values, in order."""
        return tuple(value.name for value in self.values)

    def value(self, name: str) -> Value:
        """The value of that name; `KeyError` where there is none."""
        for value in self.values:
            if value.name == name:
                return value
        raise KeyError(name)


def facet(name: str, *values: str) -> Facet:
    """A facet from lines such as `large|big|huge`: the name, which is also how it is written, then synonyms."""
    made = (line.split("|") for line in values)
    return Facet(name=name, values=tuple(Value(name=says[0], says=tuple(says)) for says in made))


class Facets:
    """What can be asked. `hints` are word groups that stand for several values: (words, facet, values)."""

    def __init__(self, facets: Sequence[Facet], hints: Iterable[tuple[str, str, tuple[str, ...]]] = ()) -> None:
        self.facets = tuple(facets)
        named = [
            (words, (one.name, frozenset([value.name])))
            for one in facets
            for value in one.values
            for words in value.says
        ]
        self._names = Phrases(named)
        self._all = Phrases([*named, *((words, (name, frozenset(values))) for words, name, values in hints)])

    def facet(self, name: str) -> Facet:
        """The facet of that name; `KeyError` where there is none."""
        for one in self.facets:
            if one.name == name:
                return one
        raise KeyError(name)

    def question(self, text: str) -> Asked | None:
        """What a yes/no question asks for; None where it is not understood."""
        words = stems(text)
        if not _NEGATIONS.isdisjoint(words):
            return None
        asked: dict[str, set[str]] = {}
        groups: dict[str, int] = {}
        for _, _, meanings in self._all.find(words):
            name, values = meanings[0]
            groups[name] = groups.get(name, 0) + (not values <= asked.get(name, set()))
            asked.setdefault(name, set()).update(values)
        either = "or" in words
        if not asked or (either and len(asked) > 1) or (not either and max(groups.values()) > 1):
            return None
        return tuple(sorted((name, frozenset(values)) for name, values in asked.items()))

    def named(self, text: str) -> dict[str, str]:
        """The facets of which a text names exactly one value. Who names several has named none."""
        found: dict[str, set[str]] = {}
        for _, _, meanings in self._names.find(stems(text)):
            name, values = meanings[0]
            found.setdefault(name, set()).update(values)
        return {name: values.copy().pop() for name, values in found.items() if len(values) == 1}


def holds(asked: Asked, target: Values) -> bool:
    """Whether the answer is yes.

    >>> holds((("color", frozenset({"red", "blue"})), ("kind", frozenset({"boat"}))), {"color": "red", "kind": "boat"})
    True
    """
    return all(target[name] in values for name, values in asked)


class Possible:
    """What the values may still be, given the answers so far."""

    def __init__(self, facets: Mapping[str, Collection[str]]) -> None:
        self.values = {name: list(values) for name, values in facets.items()}

    def state(self, name: str, value: str) -> None:
        """It is this one."""
        self.values[name] = [value]

    def learn(self, asked: Asked, yes: bool) -> bool:
        """Take an answer in; whether it was news. A no to several facets says nothing about any one of them,
        unless all the others are known to hold."""
        if not yes:
            asked = tuple((name, values) for name, values in asked if not set(self.values[name]) <= values)
            if len(asked) != 1:
                return False
        news = False
        for name, values in asked:
            left = [value for value in self.values[name] if (value in values) == yes]
            news = news or len(left) < len(self.values[name])
            self.values[name] = left or self.values[name]
        return news

    @property
    def known(self) -> dict[str, str]:
        """The facets that are settled."""
        return {name: values[0] for name, values in self.values.items() if len(values) == 1}
