"""How an expert reads a dialogue: the language of a difficulty, without the user's goal."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Protocol

from infopo.core import Message
from infopo.envs.usergym.travel import queries
from infopo.envs.usergym.travel.dialect import Topic
from infopo.envs.usergym.travel.vocabulary import STANDARD
from infopo.envs.usergym.travel.vocabulary.nano import NANO
from infopo.envs.usergym.travel.words import LETTERS
from infopo.envs.usergym.travel.words import Topic as TopicWords

__all__ = ["Brief", "Listing", "Reader", "Row", "Topic", "reader_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """The opening: aspects in order, a search query for each, preferences that it states."""

    aspects: tuple[str, ...]
    queries: dict[str, str]
    stated: dict[Topic, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One option. `cheap`: no other row with the same values costs less."""

    option_id: str
    values: tuple[str | None, ...]
    cheap: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The answer to a search: the topics in which the options differ, and the options."""

    aspect: str
    topics: tuple[str, ...]
    rows: tuple[Row, ...]


class Reader(Protocol):
    """Reads and writes the texts of one difficulty."""

    def brief(self, messages: tuple[Message, ...]) -> Brief: ...

    def listing(self, text: str) -> Listing | None: ...

    def ask(self, topic: Topic) -> str: ...

    def asked(self, text: str) -> Topic | None: ...

    def decode(self, topic: Topic, text: str) -> str | None: ...


_ASPECTS = {words.title: words.name for words in NANO.values()}
_TOPICS = {topic.name: (words.name, topic.name) for words in NANO.values() for topic in words.topics}
_CUES = {
    (words.name, topic.name, cue): value.name
    for words in NANO.values()
    for topic in words.topics
    for value in topic.values
    for cue in value.cues
}


class NanoReader:
    """Reads `nano` texts."""

    def brief(self, messages: tuple[Message, ...]) -> Brief:
        """`i need a flight and a hotel in rome in june`, then `my seat : window` lines."""
        request, *lines = messages[-1].content.split("\n")
        words = request.split()
        aspects = tuple(_ASPECTS[word] for word in words if word in _ASPECTS)
        month, city = words[-1], words[-3]
        queries = {aspect: f"{NANO[aspect].title} {city} {month}" for aspect in aspects}
        stated = {}
        for line in lines:
            _, topic, value = line.split()
            stated[_TOPICS[topic]] = value
        return Brief(aspects=aspects, queries=queries, stated=stated)

    def listing(self, text: str) -> Listing | None:
        """`flight by seat meal :` and its rows; None for any other text."""
        header, *lines = text.split("\n")
        words = header.split()
        if len(words) < 4 or words[1] != "by" or words[0] not in _ASPECTS:
            return None
        rows = []
        for line in lines:
            *values, price, option_id = line.split()
            read = tuple(None if value == "unknown" else value for value in values)
            rows.append(Row(option_id=option_id, values=read, cheap=price == "low"))
        return Listing(aspect=_ASPECTS[words[0]], topics=tuple(words[2:-1]), rows=tuple(rows))

    def ask(self, topic: Topic) -> str:
        """`which seat ?`"""
        return f"which {topic[1]} ?"

    def asked(self, text: str) -> Topic | None:
        """The topic of an own question."""
        words = text.split()
        return _TOPICS.get(words[1]) if len(words) == 3 else None

    def decode(self, topic: Topic, text: str) -> str | None:
        """The value that a hint stands for."""
        return _CUES.get((*topic, text))


_SENTENCE = re.compile(r"[^.?!]+[.?!]\s*")
_ID_LINE = re.compile(r'^\{"id": ', re.MULTILINE)
_PRICE = re.compile(r"\$(\d+)")
_ASPECT_OF_LETTER = {letter: aspect for aspect, letter in LETTERS.items()}


_QUESTIONS = {
    f"Which {topic.name} would you like for the {words.title}?": (words.name, topic.name)
    for words in STANDARD.values()
    for topic in words.topics
}
_QUESTION_OF = {topic: question for question, topic in _QUESTIONS.items()}


class StandardReader:
    """Reads `standard` texts: a sentence of the opening with a date is a request, and itself a search query."""

    def brief(self, messages: tuple[Message, ...]) -> Brief:
        """Requests, and `About the flight: ...` sentences."""
        queries_by_aspect: dict[str, str] = {}
        stated: dict[Topic, str] = {}
        for sentence in _SENTENCE.findall(messages[-1].content):
            query = queries.read_query(sentence)
            if query.dates:
                queries_by_aspect[query.aspects[0]] = sentence.strip()
            elif sentence.startswith("About the "):
                title, _, wish = sentence.removeprefix("About the ").strip().partition(": ")
                stated.update(_stated(title, wish))
        return Brief(aspects=tuple(queries_by_aspect), queries=queries_by_aspect, stated=stated)

    def listing(self, text: str) -> Listing | None:
        """The JSON lines; the topics are those of which at least one option says something."""
        if _ID_LINE.search(text) is None:
            return None
        options: list[dict[str, Any]] = [json.loads(line) for line in text.split("\n")[1:]]
        aspect = _ASPECT_OF_LETTER[options[0]["id"][0]]
        told = {
            topic.name: [_value_in(str(o.get(topic.place, "")), topic) for o in options]
            for topic in STANDARD[aspect].topics
        }
        topics = tuple(name for name, values in told.items() if any(values))
        prices = [_price(option) for option in options]
        combinations = list(zip(*(told[name] for name in topics), strict=True))
        cheapest: dict[tuple[str | None, ...], int] = {}
        for values, price in zip(combinations, prices, strict=True):
            cheapest[values] = min(price, cheapest.get(values, price))
        rows = tuple(
            Row(option_id=option["id"], values=values, cheap=price == cheapest[values])
            for option, values, price in zip(options, combinations, prices, strict=True)
        )
        return Listing(aspect=aspect, topics=topics, rows=rows)

    def ask(self, topic: Topic) -> str:
        """A question about one topic."""
        return _QUESTION_OF[topic]

    def asked(self, text: str) -> Topic | None:
        """The topic of an own question."""
        return _QUESTIONS.get(text)

    def decode(self, topic: Topic, text: str) -> str | None:
        """The value whose hint a reply contains."""
        for value in STANDARD[topic[0]].topic(topic[1]).values:
            if any(cue in text for cue in value.cues):
                return value.name
        return None


def _stated(title: str, wish: str) -> dict[Topic, str]:
    return {
        (words.name, topic.name): value.name
        for words in STANDARD.values()
        for topic in words.topics
        for value in topic.values
        if words.title == title and value.wish == wish
    }


def _value_in(text: str, topic: TopicWords) -> str | None:
    """What a field says about a topic."""
    parts = text.split(", ")
    return next((value.name for value in topic.values if value.phrase in parts), None)


def _price(option: dict[str, Any]) -> int:
    if "cost" in option:
        return int(option["cost"])
    match = _PRICE.search(str(option["expectation"]))
    assert match is not None, f"option {option['id']} has no price"
    return int(match.group(1))


_READERS: dict[str, Reader] = {"nano": NanoReader(), "standard": StandardReader()}


def reader_of(difficulty: str) -> Reader:
    """The reader for a difficulty; readers hold no state."""
    return _READERS[difficulty]
