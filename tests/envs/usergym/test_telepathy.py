"""`usergym/telepathy`: the bank, dialogues word for word, what guessing is worth, upstream files."""

import asyncio
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infopo.core import UserError
from infopo.envs import make_env
from infopo.envs.usergym.telepathy import TelepathyOptions, from_upstream, load_records
from infopo.envs.usergym.telepathy.bank import make_task, things
from infopo.envs.usergym.telepathy.words import CATEGORIES, HINTS, described, facet_values, facets_of
from infopo.users import RecordedChat

TELEPATHY = "usergym/telepathy"
Play = Callable[..., Any]
RECORD = {
    "id": "one",
    "title": "Teapot",
    "description": "I am thinking of a vessel.",
    "target_entity": "Teapot - a vessel for tea",
    "goal": "",
    "category": "vessel",
}


def test_train_and_test_share_no_thing() -> None:
    train, test = set(things("train")), set(things("test"))
    assert not train & test
    assert len(train) + len(test) == 6 * 6 * 5 * 3 * 4
    assert {category for category, _ in test} == set(CATEGORIES)


def test_every_word_of_a_category_means_one_value() -> None:
    for category in CATEGORIES:
        facets = facets_of(category)
        for one in facets.facets:
            for value in one.values:
                for words in value.says:
                    assert facets.question(f"is it {words}?") == ((one.name, frozenset([value.name])),)


def test_every_hint_is_about_a_kind_there_is() -> None:
    kinds = {kind.split("|")[0] for lines in CATEGORIES.values() for kind in lines}
    assert all(set(true.split()) <= kinds for true in HINTS.values())


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("does it have wheels?", {"kind": ""}),
        ("is it a car?", {"kind": ""}),
        ("is it an owl?", {"kind": "owl"}),
        ("is it an animal?", {"category": "animal"}),
        ("is it an animal that can fly?", {"category": "animal", "kind": "owl"}),
        ("is it a vehicle?", {"category": "vehicle"}),
    ],
)
def test_questions_within_and_beyond_the_category(question: str, wanted: dict[str, str]) -> None:
    asked = tuple(sorted((name, frozenset(values.split())) for name, values in wanted.items()))
    assert facets_of("animal").question(question) == asked


def test_nano_dialogue_word_for_word(play: Play) -> None:
    task = make_task(0, "train", TelepathyOptions(difficulty="nano"))
    values = dict(task.values)
    other = next(color for color in facet_values(task.category)["color"] if color != values["color"])
    actions = [
        f"[action] is it {values['color']} ?",
        f"[action] is it {other} ?",
        "[action] what is it ?",
        f"[answer] {described(values | {'color': other})}",
        "is it red ?",
        f"[answer] {described(values)}",
    ]
    dialogue = play(make_env(TELEPATHY, task=0, difficulty="nano", reward="upstream"), actions)
    lines = dialogue.opening.messages[0].content.split("\n")
    assert lines[0] == f"guess the {task.category}"
    assert lines[2] == "color : red blue green white black"
    assert dialogue.opening.hidden == ("kind", "color", "size", "pattern")
    assert dialogue.replies == ["yes", "no", "i did not understand", "wrong", "i did not understand", "right"]
    assert [step.facts.kind for step in dialogue.steps] == ["ask", "ask", "ask", "act", "invalid", "act"]
    assert [step.facts.revealed for step in dialogue.steps] == [("color",), (), (), (), (), ()]
    assert [step.reward for step in dialogue.steps] == [0, 0, 0, 0, 0, 1]
    assert dialogue.outcome.success


def test_who_never_asks_is_seldom_right(play: Play) -> None:
    """Every turn another thing of the category that was not yet guessed."""
    hits = 0
    for index in range(200):
        task = make_task(index, "train", TelepathyOptions(difficulty="nano"))
        rng = random.Random(index)
        guesses = rng.sample([values for category, values in things("train") if category == task.category], 16)
        actions = [f"[answer] {described(dict(values))}" for values in guesses]
        hits += play(make_env(TELEPATHY, task=index, difficulty="nano"), actions).outcome.success
    assert hits / 200 < 0.2


def test_upstream_mode_asks_the_model_whatever_is_said(play: Play) -> None:
    replies = ["{'response': 'No'}", None, None, None, "{'judgment': 'Yes', 'feedback': 'Well done.'}"]
    chat = RecordedChat(replies)
    env = from_upstream(RECORD, {"max_steps": 9}, chat)
    dialogue = play(env, ["12345678Is it round?", "[search] x", "[answer] a teapot"])
    assert dialogue.replies[0] == "No"
    assert dialogue.replies[2] == "Well done."
    assert dialogue.outcome.success
    assert chat.remaining == 0
    assert chat.asked[0][1].content.endswith('"question": "Is it round?"}')
    read = [message.content for message in dialogue.opening.messages]
    assert not any("Teapot" in text for text in read)


@pytest.mark.parametrize("field", ["id", "title", "description", "target_entity"])
def test_a_broken_record_is_named(tmp_path: Path, field: str) -> None:
    path = tmp_path / "entities.json"
    path.write_text(json.dumps([RECORD, RECORD | {field: 3}]))
    with pytest.raises(UserError, match=f"entities.json, record 1: field '{field}'"):
        load_records(path)


def test_the_published_tasks_load(upstream_file: Callable[[str], Path]) -> None:
    records = load_records(upstream_file("TelepathyGym/all_entities_refined.json"))
    assert len(records) == 401
    for record in records:
        env = from_upstream(record, {"max_steps": 16}, RecordedChat([]))
        assert asyncio.run(env.start()).messages[-1].content == record["description"]
