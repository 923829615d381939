"""`usergym/persuade`: the bank, a believer who can be moved but not wearied, stances and pay, upstream files."""

import asyncio
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infopo.core import UserError
from infopo.envs import Env, make_env
from infopo.envs.usergym.persuade import PersuadeOptions, from_upstream, load_records
from infopo.envs.usergym.persuade.bank import beliefs, make_task
from infopo.envs.usergym.persuade.words import TOPIC, TOPICS
from infopo.users import RecordedChat

PERSUADE = "usergym/persuade"
Play = Callable[..., Any]
RECORD = {"id": "one", "claim": "Tea beats coffee.", "argument": "It keeps its promise."}


def test_train_and_test_share_no_claim() -> None:
    claims = {split: {belief[:2] for belief in beliefs(split)} for split in ("train", "test")}
    assert not claims["train"] & claims["test"]
    assert len(claims["train"] | claims["test"]) == 56


def test_every_word_of_a_topic_is_understood() -> None:
    for value in TOPIC.values:
        for words in value.says:
            assert TOPICS.named(f"The {words} is no problem.") == {"topic": value.name}


def test_nano_dialogue_word_for_word(play: Play) -> None:
    task = make_task(0, "train", PersuadeOptions(difficulty="nano"))
    first, second, third = task.reasons
    other = next(topic for topic in TOPIC.names if topic not in task.reasons)
    actions = [
        "[action] why ?",
        f"[action] is it about {other} ?",
        f"[action] is it about {third} ?",
        f"[answer] no problem with {first}",
        f"[answer] no problem with {first}",
        f"[answer] no problem with {first} and {second}",
        "[answer] please",
        f"[answer] no problem with {second}",
        f"[answer] no problem with {third}",
    ]
    dialogue = play(make_env(PERSUADE, task=0, difficulty="nano", reward="upstream"), actions)
    assert dialogue.opening.messages[0].content.split("\n")[0] == f"the {task.thing} must {task.plan}"
    assert dialogue.replies == [
        f"because of {first}",
        "no",
        f"yes because of {third}",
        f"true about {first}",
        f"i know about {first}",
        "i did not understand",
        "i did not understand",
        f"true about {second}",
        f"true about {third}",
    ]
    facts = [step.facts for step in dialogue.steps]
    assert [fact.kind for fact in facts] == ["ask"] * 3 + ["act"] * 6
    assert [fact.revealed for fact in facts] == [(first,), (), (third,), (), (), (), (), (second,), ()]
    assert [fact.repeated for fact in facts] == [k == 4 for k in range(9)]
    assert [step.reward for step in dialogue.steps] == [0, 0, 0, 0.333333, 0, 0, 0, 0.333333, 0.333333]
    assert dialogue.steps[-1].done
    assert dialogue.outcome.success


def test_who_argues_blindly_does_not_come_far(play: Play) -> None:
    """All topics in a random order: some arguments hit, the others cost as much."""
    scores, successes = [], 0
    for index in range(200):
        topics = random.Random(index).sample(TOPIC.names, len(TOPIC.names))
        actions = [f"[answer] no problem with {topic}" for topic in topics]
        outcome = play(make_env(PERSUADE, task=index, difficulty="nano"), actions).outcome
        scores.append(outcome.score)
        successes += outcome.success
    assert sum(scores) / 200 < 0.5
    assert successes / 200 < 0.1


def persuaded(play: Play, user: str | None, seed: int = 0) -> Any:
    task = make_task(0, "train", PersuadeOptions(difficulty="nano"))
    arguments = [f"[answer] no problem with {reason}" for reason in task.reasons]
    return play(make_env(PERSUADE, task=0, difficulty="nano", reward="upstream", user=user, seed=seed), arguments)


@pytest.mark.parametrize("persona", ["terse", "chatty", "rephrased"])
def test_whoever_words_it_the_rules_say_where_the_believer_stands(play: Play, persona: str) -> None:
    plain, worded = persuaded(play, None), persuaded(play, f"scripted:{persona}")
    assert worded.outcome.success
    assert [step.facts for step in worded.steps] == [step.facts for step in plain.steps]
    assert [step.reward for step in worded.steps] == [step.reward for step in plain.steps]
    assert (worded.replies != plain.replies) == (persona != "terse")  # nano wastes no word


def test_what_is_withheld_was_not_heard(play: Play) -> None:
    withheld = 0
    for seed in range(9):
        dialogue = persuaded(play, "scripted:forgetful", seed=seed)
        moved = ["true about" in reply for reply in dialogue.replies]
        assert [step.reward > 0 for step in dialogue.steps] == moved
        assert dialogue.outcome.score == pytest.approx(sum(moved) / 3)
        withheld += not all(moved)
    assert withheld


def test_beside_a_recording_the_rules_still_hear_the_arguments(play: Play, tmp_path: Path) -> None:
    path = tmp_path / "said.jsonl"
    path.write_text("\n".join(json.dumps({"reply": text}) for text in ("hm", "so what", "well")))
    dialogue = persuaded(play, f"recorded:{path}")
    assert dialogue.replies == ["hm", "so what", "well"]
    assert dialogue.outcome.success
    assert [step.facts.useful for step in dialogue.steps] == [True] * 3


def stances(*labels: str) -> RecordedChat:
    return RecordedChat([f"{{'response': 'Well.', 'stance': '{label}'}}" for label in labels])


def test_only_the_quirk_pays_for_swinging_back_and_forth(play: Play) -> None:
    def rewards(**settings: Any) -> list[float]:
        env = from_upstream(RECORD, settings, stances("Partly Agree", "Agree", "Neutral", "Agree", "Neutral"))
        return [step.reward for step in play(env, ["Listen."] * 5).steps]

    assert rewards() == [0.333333, 0.0, 0.333333, 0.0, 0.333333]
    assert rewards(pays_every_rise=False) == [0.333333, 0.0, 0.166667, 0.0, 0.0]


def test_only_the_quirk_believes_an_unknown_stance(play: Play) -> None:
    def played(**settings: Any) -> list[float]:
        env: Env = from_upstream(RECORD, settings, stances("Agree", "Sort of", "Neutral"))
        return [step.reward for step in play(env, ["Listen."] * 3).steps]

    assert played() == [0.166667, 0.0, 0.0]
    assert played(any_label=False) == [0.166667, 0.0, 0.333333]


def test_the_believer_reads_the_whole_talk_and_the_policy_never_the_essay(play: Play) -> None:
    chat = stances("Agree", "Agree")
    dialogue = play(from_upstream(RECORD, {}, chat), ["[answer] First.", "[action] Second."])
    assert "First." in chat.asked[1][1].content
    assert all("promise" in messages[1].content for messages in chat.asked)
    read = [message.content for message in dialogue.opening.messages] + dialogue.replies
    assert not any("promise" in text for text in read)


@pytest.mark.parametrize("field", ["id", "claim", "argument"])
def test_a_broken_record_is_named(tmp_path: Path, field: str) -> None:
    path = tmp_path / "statements.json"
    path.write_text(json.dumps([RECORD, RECORD | {field: 3}]))
    with pytest.raises(UserError, match=f"statements.json, record 1: field '{field}'"):
        load_records(path)


def test_the_published_tasks_load(upstream_file: Callable[[str], Path]) -> None:
    records = load_records(upstream_file("PersuadeGym/statements_reconstructed_from_parquet.json"))
    assert len(records) == 420
    for record in records:
        env = from_upstream(record, {"max_steps": 16}, RecordedChat([]))
        assert asyncio.run(env.start()).messages[-1].content == record["claim"]
