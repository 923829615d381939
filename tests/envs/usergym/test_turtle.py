"""`usergym/turtle`: the bank, dialogues word for word, what guessing is worth, thresholds, upstream files."""

import asyncio
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infopo.core import UserError
from infopo.envs import make_env
from infopo.envs.usergym.turtle import TurtleOptions, from_upstream, load_records
from infopo.envs.usergym.turtle.bank import chains, make_task
from infopo.envs.usergym.turtle.texts import explained
from infopo.envs.usergym.turtle.words import EVENTS, FACETS, THINGS, WEIGHTS
from infopo.users import RecordedChat

TURTLE = "usergym/turtle"
Play = Callable[..., Any]
RECORD = {
    "id": "7",
    "judgment": "Yes",
    "new_title": "The Kettle",
    "new_surface": "The kettle sang, and the whole street came.",
    "new_bottom": "It was the signal for the feast.",
    "evaluation": [
        {"statement": f"Part {number}.", "score": score} for number, score in enumerate((0.4, 0.3, 0.2, 0.1))
    ],
}


def test_train_and_test_share_no_story() -> None:
    train, test = set(chains("train")), set(chains("test"))
    assert not train & test
    assert len(train) + len(test) == 6 * 6 * 8 * 6


def test_every_word_means_one_value_and_no_surface_names_any() -> None:
    for one in FACETS.facets:
        for value in one.values:
            for words in value.says:
                assert FACETS.question(f"was it {words}?") == ((one.name, frozenset([value.name])),)
    for event in EVENTS:
        for thing in THINGS:
            assert FACETS.named(event.format(thing=thing)) == {}
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)


def test_nano_dialogue_word_for_word(play: Play) -> None:
    task = make_task(0, "train", TurtleOptions(difficulty="nano"))
    values = dict(task.values)
    other = next(who for who in FACETS.facet("who").names if who != values["who"])
    actions = [
        f"[action] was it {values['why']} ?",
        "[action] why ?",
        f"[answer] {explained(values | {'who': other}, 'nano')}",
    ]
    dialogue = play(make_env(TURTLE, task=0, difficulty="nano", reward="upstream"), actions)
    assert dialogue.opening.messages[0].content.startswith(f"the {task.thing} is gone\nwho : baker sailor")
    assert dialogue.replies == ["yes", "i did not understand", "thanks"]
    assert dialogue.steps[0].facts.revealed == ("why",)
    assert [step.done for step in dialogue.steps] == [False, False, True]
    assert dialogue.steps[2].reward == pytest.approx(0.7)
    assert dialogue.outcome.score == pytest.approx(0.7)
    assert not dialogue.outcome.success


def test_who_never_asks_scores_little(play: Play) -> None:
    scores = []
    for index in range(300):
        guess = random.Random(index).choice(chains("train"))
        actions = [f"[answer] {explained(dict(guess), 'standard')}"]
        scores.append(play(make_env(TURTLE, task=index), actions).outcome.score)
    assert sum(scores) / len(scores) < 0.2


def test_naming_every_value_is_no_explanation(play: Play) -> None:
    everything = " ".join(name for one in FACETS.facets for name in one.names)
    assert play(make_env(TURTLE, task=0), [f"[answer] {everything}"]).outcome.score == 0.0


def full_marks() -> str:
    return json.dumps({"scores": [{"score": 1}] * 4})


def test_full_marks_may_miss_the_published_threshold_and_nothing_else(play: Play) -> None:
    exact = play(from_upstream(RECORD, {"success_threshold": 1.0}, RecordedChat([full_marks()])), ["[answer] x"])
    assert not exact.steps[0].done
    assert not exact.outcome.success
    assert exact.outcome.score == pytest.approx(1.0)
    settings = {"success_threshold": 1.0, "exact_threshold": False}
    assert play(from_upstream(RECORD, settings, RecordedChat([full_marks()])), ["[answer] x"]).outcome.success
    values = dict(make_task(0, "train", TurtleOptions()).values)
    own = play(make_env(TURTLE, task=0, mode="upstream"), [f"[answer] {explained(values, 'standard')}"])
    assert own.outcome.success


def test_only_the_published_mode_quotes_what_is_covered(play: Play) -> None:
    values = dict(make_task(0, "train", TurtleOptions()).values)
    action = [f"[answer] It was the {values['who']}."]
    assert values["who"] in play(make_env(TURTLE, task=0, mode="upstream"), action).replies[0]
    assert values["who"] not in play(make_env(TURTLE, task=0), action).replies[0]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"new_bottom": None}, "field 'new_bottom'"),
        ({"evaluation": "all"}, "field 'evaluation'"),
        ({"evaluation": [{"statement": "x"}]}, "criterion 0: field 'score'"),
        ({"evaluation": ["x"]}, "criterion 0: expected a record"),
        ({"judgment": None}, "field 'judgment'"),
    ],
)
def test_a_broken_record_is_named(tmp_path: Path, change: dict[str, Any], what: str) -> None:
    path = tmp_path / "stories.json"
    path.write_text(json.dumps({"5": RECORD, "9": RECORD | change}))
    with pytest.raises(UserError, match=f"stories.json, record '9'(: |, ){what}"):
        load_records(path)


def test_the_published_tasks_load(upstream_file: Callable[[str], Path]) -> None:
    records = load_records(upstream_file("TurtleGym/all_stories_refined.json"))
    assert len(records) == 471
    for record in records:
        env = from_upstream(record, {"max_steps": 16}, RecordedChat([]))
        assert record["new_surface"] in asyncio.run(env.start()).messages[-1].content
