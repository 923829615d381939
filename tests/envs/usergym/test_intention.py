"""`usergym/intention`: the bank, what is understood, what questions are worth, the published judge, upstream files."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infopo.core import UserError
from infopo.envs import make_env
from infopo.envs.usergym.intention import IntentionOptions, from_upstream, load_records
from infopo.envs.usergym.intention.bank import make_task, wishes
from infopo.envs.usergym.intention.options import IMPORTANCE_REWARDS
from infopo.envs.usergym.intention.user import topics_in
from infopo.envs.usergym.intention.words import DOMAINS, topics_of
from infopo.users import RecordedChat

INTENTION = "usergym/intention"
Play = Callable[..., Any]
RECORD = {
    "id": "one",
    "category": "home",
    "task": "Paint my house.",
    "missing_details": [
        {"description": f"part {number}", "importance": importance, "inquiry": "Which?", "options": []}
        for number, importance in enumerate(("2", "2", "3"))
    ],
}


def test_train_and_test_share_no_set_of_wishes() -> None:
    train, test = set(wishes("train")), set(wishes("test"))
    assert (len(train), len(test)) == (4000, 1000)
    assert not train & test
    assert {domain for domain, _ in test} == set(DOMAINS)


def test_every_topic_is_understood_by_its_name() -> None:
    for domain in DOMAINS:
        for topic in topics_of(domain):
            assert topics_in(f"which {topic} ?", domain) == [topic]
            assert topics_in(f"Tell me about the {topic}.", domain) == [topic]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("When should it be?", ["date"]),
        ("How much money may it cost?", ["budget"]),
        ("When and where should it be?", ["date", "place"]),
        ("Which food, and which music?", ["food", "music"]),
        ("The budget matters.", []),
        ("Which material?", []),
        ("Hello?", []),
    ],
)
def test_what_a_question_is_about(text: str, wanted: list[str]) -> None:
    assert topics_in(text, "party") == wanted


def test_several_questions_at_once_are_worth_less(play: Play) -> None:
    task = make_task(0, "train", IntentionOptions(difficulty="nano"))
    worths = [IMPORTANCE_REWARDS[detail.importance] for detail in task.details]
    facts = [detail.fact for detail in task.details]
    spare = next(topic for topic in topics_of(task.category) if topic not in facts)
    actions = [f"[action] which {spare} ?", f"[action] which {' '.join(facts)} ?"]
    dialogue = play(make_env(INTENTION, task=0, difficulty="nano", reward="upstream"), actions)
    assert dialogue.replies[0] == "no wish there"
    assert dialogue.replies[1] == " ".join(f"{detail.fact} {detail.value}" for detail in sorted_by(task, dialogue))
    assert [step.reward for step in dialogue.steps] == [0.0, pytest.approx(max(0.0, max(worths) - 0.6))]
    assert dialogue.steps[1].done
    assert set(dialogue.steps[1].facts.revealed) == set(dialogue.opening.hidden) == set(facts)
    assert dialogue.outcome.success
    assert dialogue.outcome.score == pytest.approx(dialogue.steps[1].reward / sum(worths))


def sorted_by(task: Any, dialogue: Any) -> list[Any]:
    """The details in the order in which the last action named them."""
    words = dialogue.actions[-1].split()
    return sorted(task.details, key=lambda detail: words.index(detail.fact))


def test_who_never_asks_gets_nothing(play: Play) -> None:
    for index in range(50):
        dialogue = play(make_env(INTENTION, task=index), ["[answer] Here it is.", "[action] Done.", "[finish]"])
        assert dialogue.outcome.score == 0.0
        assert not dialogue.outcome.success


def test_a_repeated_question_gets_the_same_wish_and_no_more(play: Play) -> None:
    task = make_task(1, "train", IntentionOptions())
    detail = task.details[0]
    dialogue = play(make_env(INTENTION, task=1, reward="upstream"), [f"[action] Which {detail.fact}?"] * 12)
    assert all(detail.value in reply.lower() for reply in dialogue.replies)
    assert len(set(dialogue.replies)) > 1
    assert [step.facts.repeated for step in dialogue.steps] == [False] + [True] * 11
    assert sum(step.reward for step in dialogue.steps) == IMPORTANCE_REWARDS[detail.importance]


def judged(indices: list[Any]) -> RecordedChat:
    return RecordedChat(['{"response": "Well."}', json.dumps({"covered_detail_indices": indices})])


@pytest.mark.parametrize(
    ("indices", "reward"), [([0, 1], 0.5), ([2], 1.0), ([2, 0], 0.8), ([0, 0], 0.5), ([9, "x"], 0.0)]
)
def test_the_published_judge_is_paid_by_its_indices(play: Play, indices: list[Any], reward: float) -> None:
    dialogue = play(from_upstream(RECORD, {}, judged(indices)), ["Which one?"])
    assert dialogue.steps[0].reward == pytest.approx(reward)
    assert dialogue.replies == ["Well."]


def test_only_the_quirk_counts_a_detail_twice(play: Play) -> None:
    dialogue = play(from_upstream(RECORD, {"duplicates_count": False}, judged([0, 0])), ["[action] Which one?"])
    assert dialogue.steps[0].reward == pytest.approx(0.7)


def test_the_published_user_does_not_see_the_details(play: Play) -> None:
    chat = judged([0])
    play(from_upstream(RECORD, {}, chat), ["[action] Which one?"])
    reply, judge = (" ".join(message.content for message in messages) for messages in chat.asked)
    assert "part 0" not in reply
    assert "part 0" in judge


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"task": None}, "record 1: field 'task'"),
        ({"missing_details": "all"}, "record 1: field 'missing_details'"),
        ({"missing_details": [{"importance": "4"}]}, "record 1, detail 0: field 'importance'"),
        ({"missing_details": [{"importance": "1"}]}, "record 1, detail 0: field 'description'"),
    ],
)
def test_a_broken_record_is_named(tmp_path: Path, change: dict[str, Any], what: str) -> None:
    path = tmp_path / "intentions.json"
    path.write_text(json.dumps([RECORD, RECORD | change]))
    with pytest.raises(UserError, match=f"intentions.json, {what}"):
        load_records(path)


def test_the_published_tasks_load(upstream_file: Callable[[str], Path]) -> None:
    counts = {"train": 1012, "test": 95}
    for split, count in counts.items():
        records = load_records(upstream_file(f"IntentionGym/all_intentions_{split}.json"))
        assert len(records) == count
        for record in records[::10]:
            env = from_upstream(record, {"max_steps": 16}, RecordedChat([]))
            assert record["task"] in asyncio.run(env.start()).messages[-1].content
