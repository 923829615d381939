"""The word tables of `usergym/travel`: sizes, uniqueness, and hints that hint without saying it."""

import re
from collections import Counter

import pytest

from infopo.envs.usergym.travel.dialect import Topic
from infopo.envs.usergym.travel.grammar import understand
from infopo.envs.usergym.travel.nano import REPLIES
from infopo.envs.usergym.travel.task import AspectTask, Option, Preference, Task
from infopo.envs.usergym.travel.vocabulary import STANDARD
from infopo.envs.usergym.travel.vocabulary.nano import CITIES, NANO
from infopo.envs.usergym.travel.words import ASPECTS, MONTHS, Vocabulary

TABLES = {"nano": NANO, "standard": STANDARD}


def topics_of(table: Vocabulary) -> list[Topic]:
    return [(words.name, topic.name) for words in table.values() for topic in words.topics]


def cues_of(table: Vocabulary) -> list[tuple[Topic, str, str]]:
    return [
        ((words.name, topic.name), value.name, cue)
        for words in table.values()
        for topic in words.topics
        for value in topic.values
        for cue in value.cues
    ]


def tokens(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


@pytest.mark.parametrize(("name", "topics", "values", "cues"), [("nano", 4, 3, 2), ("standard", 6, 4, 3)])
def test_sizes(name: str, topics: int, values: int, cues: int) -> None:
    table = TABLES[name]
    assert tuple(table) == ASPECTS
    for words in table.values():
        assert len(words.topics) == topics
        for topic in words.topics:
            assert len(topic.values) == values
            assert all(len(value.cues) == cues for value in topic.values)


@pytest.mark.parametrize("name", TABLES)
def test_every_hint_stands_for_one_value(name: str) -> None:
    counts = Counter(cue for _, _, cue in cues_of(TABLES[name]))
    assert [cue for cue, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("name", TABLES)
def test_no_hint_says_its_value_outright(name: str) -> None:
    for (aspect, topic), value_name, cue in cues_of(TABLES[name]):
        value = TABLES[name][aspect].topic(topic).value(value_name)
        said = f" {' '.join(tokens(cue))} "
        for plain in (value.name.replace("_", " "), value.phrase, value.wish):
            assert f" {' '.join(tokens(plain))} " not in said, (aspect, topic, cue)


def test_nano_topic_and_value_words_are_single_and_unique() -> None:
    words = [topic.name for aspect in NANO.values() for topic in aspect.topics]
    words += [value.name for aspect in NANO.values() for topic in aspect.topics for value in topic.values]
    words += [aspect.title for aspect in NANO.values()]
    words += [*CITIES, *MONTHS, "low", "high", "unknown", "by"]
    assert [word for word, count in Counter(words).items() if count > 1] == []
    assert all(re.fullmatch("[a-z]+", word) for word in words)


def test_nano_hints_are_short_and_have_a_word_of_their_own() -> None:
    owners: dict[str, set[tuple[Topic, str]]] = {}
    for topic, value, cue in cues_of(NANO):
        for word in tokens(cue):
            owners.setdefault(word, set()).add((topic, value))
    table_words = {word for a in NANO.values() for t in a.topics for word in (t.name, *(v.name for v in t.values))}
    for _, _, cue in cues_of(NANO):
        assert 2 <= len(cue.split()) <= 5, cue
        assert any(len(owners[word]) == 1 for word in tokens(cue)), cue
        assert table_words.isdisjoint(tokens(cue)), cue
        assert cue not in REPLIES.values()


def test_standard_phrases_can_be_told_apart_within_an_aspect() -> None:
    for words in STANDARD.values():
        phrases = [value.phrase for topic in words.topics for value in topic.values]
        assert len(set(phrases)) == len(phrases)
        assert all(", " not in phrase for phrase in phrases)


def whole_task(aspect: str) -> Task:
    preferences = tuple(
        Preference(aspect=aspect, topic=topic.name, value=topic.values[0].name) for topic in STANDARD[aspect].topics
    )
    option = Option(option_id="F1", values=tuple(p.value for p in preferences), price=1)
    part = AspectTask(aspect=aspect, preferences=preferences, arguments=(), options=(option,))
    return Task(task_id="whole", aspects=(part,))


@pytest.mark.parametrize(("aspect", "topic"), topics_of(STANDARD))
def test_every_topic_can_be_asked_for_by_name_synonym_and_value(aspect: str, topic: str) -> None:
    task, words = whole_task(aspect), STANDARD[aspect]
    about = words.topic(topic)
    questions = [f"Which {topic} would you like for the {words.title}?"]
    questions += [f"Would you like this: {value.phrase}?" for value in about.values]
    for question in questions:
        assert understand(question, task, None).topics[:1] == ((aspect, topic),), question
    # a synonym may be shared with a neighbouring topic of the same aspect, but it always counts
    for synonym in about.synonyms:
        topics = understand(f"What about {synonym.removeprefix('~')}?", task, None).topics
        assert (aspect, topic) in topics, synonym
