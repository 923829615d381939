"""Understanding free text (difficulty `standard`): words, aspects, topics, kinds of question.

A text becomes stems (lower case, no accents, no plurals); tables of word groups are matched against them, longest
first. Nothing here knows the user's wishes.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from infopo.envs.usergym.phrases import Phrases, stems
from infopo.envs.usergym.travel.dialect import Question, Topic
from infopo.envs.usergym.travel.task import Task
from infopo.envs.usergym.travel.vocabulary import STANDARD
from infopo.envs.usergym.travel.words import Topic as TopicWords

GENERAL = "trip"  # the aspect of topics that a user may be asked about but has no wish in

_SENTENCE = re.compile(r"[^.!?\n;]+[.!?\n;]*")
_GENERAL_TOPICS = (
    *("budget", "price", "cost", "spend", "how much", "money", "date", "day", "when", "how long", "how many"),
    *("name", "phone", "email", "passport", "payment", "credit card", "loyalty", "airline", "company", "brand"),
    *("rating", "star", "language", "birthday", "age", "weather", "visa", "review", "color", "colour"),
)
_ASKING = (
    *("which", "what", "where", "when", "who", "how", "whether", "prefer", "preferred", "preference", "tell"),
    *("describe", "share", "specify", "clarify", "let me know", "please say", "do you", "would you", "could you"),
    *("can you", "will you", "are you", "have you", "should", "is there", "are there", "any", "wondering", "curious"),
    *("need to know", "want to know", "like to know", "ask about", "is it", "does it", "must it"),
)
_VAGUE = (
    *("preference", "anything", "something", "everything", "wish", "requirement", "need", "want", "like", "prefer"),
    *("important", "else", "more", "detail", "information", "looking for", "priority", "expectation", "special"),
)
_COMMON = frozenset(
    "a an the i you we it this that is are was be am will can have has and or but to of for in on at with my your "
    "our me us so no not yes hello hi hey thank thanks ok okay great good sure please sorry well now here there just "
    "let see found find search look book trip travel option help bye welcome".split()
)


def _strong() -> Iterable[tuple[str, Topic]]:
    for words in STANDARD.values():
        for topic in words.topics:
            yield topic.name, (words.name, topic.name)
            for synonym in topic.synonyms:
                if not synonym.startswith("~"):
                    yield synonym, (words.name, topic.name)
            for phrase in _value_phrases(topic):
                if len(stems(phrase)) > 1:  # a child seat is no seat
                    yield phrase, (words.name, topic.name)


def _weak() -> Iterable[tuple[str, Topic]]:
    for words in STANDARD.values():
        for topic in words.topics:
            for synonym in topic.synonyms:
                if synonym.startswith("~"):
                    yield synonym[1:], (words.name, topic.name)
            for phrase in _value_phrases(topic):
                if len(stems(phrase)) == 1:
                    yield phrase, (words.name, topic.name)


def _value_phrases(topic: TopicWords) -> Iterable[str]:
    for value in topic.values:
        yield value.name.replace("_", " ")
        yield value.phrase


_STRONG_PHRASES = Phrases(_strong())
_WEAK_PHRASES = Phrases(_weak())
_GENERAL_PHRASES = Phrases((phrase, (GENERAL, phrase)) for phrase in _GENERAL_TOPICS)
_ASPECT_PHRASES = Phrases((synonym, words.name) for words in STANDARD.values() for synonym in words.synonyms)
_ASKING_PHRASES = Phrases((phrase, True) for phrase in _ASKING)
_VAGUE_PHRASES = Phrases((phrase, True) for phrase in _VAGUE)


def aspects_in(words: list[str]) -> list[str]:
    """The aspects that a text names, in order of appearance."""
    return list(dict.fromkeys(meaning for _, _, meanings in _ASPECT_PHRASES.find(words) for meaning in meanings))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mentions:
    """The aspects named, the topics that each matched word group may stand for, and a score a topic."""

    named: list[str]
    groups: list[list[Topic]]
    scores: dict[Topic, int]


def understand(text: str, task: Task, mentioned: str | None) -> Question:
    """What an `[action]` message asks for; `mentioned` breaks ties between aspects.

    Only the sentences that ask count, so an agent may talk before it asks.
    """
    sentences = [(sentence, stems(sentence)) for sentence in _SENTENCE.findall(text)]
    asking = [words for sentence, words in sentences if "?" in sentence or _ASKING_PHRASES.find(words)]
    if not asking:
        common = any(word in _COMMON for _, words in sentences for word in words)
        return Question(kind="talk" if common else "unclear")
    words = [word for part in asking for word in [*part, "|"]]  # the bar keeps groups within a sentence
    mentions = _mentions(words, task)
    if mentions.groups:
        return _question(mentions, _order(task, mentioned))
    general = _GENERAL_PHRASES.find(words)
    if general:
        return Question(kind="topic", topics=(general[0][2][0],))
    if _VAGUE_PHRASES.find(words) or aspects_in(words):
        return Question(kind="vague")
    return Question(kind="unclear")


def _mentions(words: list[str], task: Task) -> _Mentions:
    strong = _STRONG_PHRASES.find(words)
    weak = _WEAK_PHRASES.find(words)
    scores: dict[Topic, int] = {}
    for weight, found in ((3, strong), (1, weak)):
        for _, group, topics in found:
            for topic in topics:
                scores[topic] = scores.get(topic, 0) + weight * len(group)
    named, booked = aspects_in(words), [part.aspect for part in task.aspects]
    groups = [_within(named, topics) or topics for _, _, topics in (strong or weak)]
    groups = [kept for kept in (_within(booked, topics) for topics in groups) if kept] or groups
    return _Mentions(named=named, groups=groups, scores=scores)


def _within(aspects: list[str], topics: list[Topic]) -> list[Topic]:
    return [topic for topic in topics if topic[0] in aspects]


def _order(task: Task, mentioned: str | None) -> list[str]:
    """Aspects in the order in which a question without one is read."""
    order = [part.aspect for part in task.aspects]
    return [mentioned, *order] if mentioned is not None else order


def _question(mentions: _Mentions, order: list[str]) -> Question:
    """One topic where all word groups can stand for the same one, else several; the best match comes first."""
    common = set(mentions.groups[0]).intersection(*mentions.groups[1:])
    candidates = common or {topic for topics in mentions.groups for topic in topics}

    def rank(topic: Topic) -> tuple[bool, int, int, str, str]:
        place = order.index(topic[0]) if topic[0] in order else len(order)
        return (topic[0] not in mentions.named, -mentions.scores.get(topic, 0), place, *topic)

    topics = sorted(candidates, key=rank)
    if common:
        best = mentions.scores.get(topics[0], 0)
        topics = [topic for topic in topics if mentions.scores.get(topic, 0) == best]
    return Question(kind="topic" if common else "several", topics=tuple(topics))
