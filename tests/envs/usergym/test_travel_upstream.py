"""`usergym/travel` in mode `upstream`: what the published gym does, each quirk with and without its flag."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infopo.core import UserError
from infopo.envs import make_env, make_expert
from infopo.envs.usergym.travel import from_upstream, load_records
from infopo.envs.usergym.travel.options import TravelOptions
from infopo.testing import check_env
from infopo.users import RecordedChat

TRAVEL = "usergym/travel"
Play = Callable[..., Any]


def block(letter: str) -> dict[str, Any]:
    """The best option has number 1, number 2 fits, number 9 does not."""
    options = {
        group: [{"id": f"{letter}{number}", "cost": 100 + number, "type": group, "reason": "zqreasonzq"}]
        for group, number in (("correct", 2), ("wrong", 9), ("noise", 7))
    }
    options["correct"].append({"id": f"{letter}1", "cost": 90, "type": "correct", "reason": "zqreasonzq"})
    return {
        "preferences": [["x", "view", f"wants {letter}{k}", f"cue {letter}{k}"] for k in (1, 2)]
        + [["x", "short", "no"]],
        "arguments": {"city": "Lyon"},
        "options": options,
        "best_id": f"{letter}1",
        "correct_ids": [f"{letter}2", f"{letter}1"],
    }


RECORD: dict[str, Any] = {
    "id": "flight:2-1|hotel:2-1",
    "scenario": "zqscenariozq",
    "initial_description": "I need a hotel and a flight.",
    "dimensions": ["hotel", "flight"],
    "hotel": block("H"),
    "flight": block("F"),
}
TALK = ('{"type": "1"}', '{"response": "Well."}')


def published(play: Play, actions: list[str], replies: tuple[str | None, ...] = (), **settings: Any) -> Any:
    chat = RecordedChat(replies)
    dialogue = play(from_upstream(RECORD, settings, chat), actions)
    assert chat.remaining == 0
    return dialogue


@pytest.mark.parametrize("lost", [True, False])
def test_the_fourth_turn_of_talk_brings_a_wish_unless_it_is_lost(play: Play, lost: bool) -> None:
    replies = (*TALK * 3, '{"type": "4"}', '{"response": "By the way, a cue."}', *TALK)
    dialogue = published(play, ["[action] hi"] * 5, replies, lost_reveals=lost)
    assert dialogue.replies[:3] == ["Well."] * 3
    assert ("By the way, a cue." in dialogue.replies[3]) is not lost
    assert len(dialogue.steps[3].facts.revealed) == (0 if lost else 1)
    assert [step.reward for step in dialogue.steps] == [0.0] * 5
    assert dialogue.replies[4] == "Well."  # the count began anew


@pytest.mark.parametrize("endless", [True, False])
def test_two_wrong_picks_leave_an_episode_that_cannot_end(play: Play, endless: bool) -> None:
    dialogue = published(play, ["[answer] H9", "[answer] F9"], endless_misses=endless)
    assert [step.reward for step in dialogue.steps] == [0.0, 0.0]
    assert [step.done for step in dialogue.steps] == [False, not endless]


def test_several_ids_add_up_only_by_the_quirk(play: Play) -> None:
    both = published(play, ["[answer] H1, F1"])
    assert both.steps[0].reward == 2.0
    assert both.steps[0].done
    assert both.outcome.success
    one = published(play, ["[answer] H1, F1", "[answer] H1"], several_ids=False)
    assert [step.reward for step in one.steps] == [0.0, 1.0]
    assert one.outcome.score == 0.5


def test_a_malformed_id_zeroes_the_step_and_keeps_what_came_before(play: Play) -> None:
    dialogue = published(play, ["[answer] H1, h2", "[answer] H2", "[answer] F2", "[answer] F1"])
    assert [step.reward for step in dialogue.steps] == [0.0, 0.0, 0.8, 0.0]
    assert "h2" in dialogue.replies[0]
    assert dialogue.outcome.score == 0.5
    assert published(play, ["[answer] H1, F1, no"]).steps[0].done


def test_penalties_lower_the_sum_and_never_below_nothing(play: Play) -> None:
    assert published(play, ["[answer] H1, F9"], wrong_choice_penalty=0.3).steps[0].reward == pytest.approx(0.7)
    assert published(play, ["[answer] H9, F9"], wrong_choice_penalty=0.3).steps[0].reward == 0.0


def test_a_question_is_paid_once_and_an_answer_drops_what_is_hidden(play: Play) -> None:
    asked = ('{"type": 2, "preference_id": " P3 "}', '{"response": "cue F1"}')
    replies = (*asked, '{"type": "2", "preference_id": "P3"}', '{"response": "Well."}')
    actions = ["[action] which view ?", "[action] which view ?", "[answer] F9", "[finish]"]
    dialogue = published(play, actions, replies, preference_correct_reward=0.8)
    assert [step.reward for step in dialogue.steps] == [0.8, 0.0, 0.0, 0.0]
    assert dialogue.opening.hidden == ("P1", "P2", "P3", "P4")
    assert dialogue.steps[0].facts.revealed == ("P3",)
    assert "1 of 3" in dialogue.replies[3]
    assert "33" in dialogue.replies[3]


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        ('{"alignment_judgement": "True", "alignment_aspect": " HOTEL"}', True),
        ('So:\n```json\n{"alignment_judgement": "True", "alignment_aspect": "hotel"}\n```', True),
        ('{"alignment_judgement": true, "alignment_aspect": "hotel"}', False),
        ('{"alignment_judgement": "True", "alignment_aspect": "restaurant"}', False),
        ('[{"alignment_judgement": "True", "alignment_aspect": "hotel"}]', False),
        ("I cannot tell.", False),
    ],
)
def test_a_search_shows_every_option_once_and_nothing_private(play: Play, reply: str, shown: bool) -> None:
    dialogue = published(play, ["[search] hotel lyon", "[search] hotel lyon"], (reply, reply))
    assert all((option in dialogue.replies[0]) is shown for option in ("H1", "H2", "H7", "H9"))
    assert "H1" not in dialogue.replies[1]
    assert "zqreasonzq" not in dialogue.replies[0]


def test_a_verdict_may_be_a_boolean_without_the_quirk(play: Play) -> None:
    replies = ('{"alignment_judgement": true, "alignment_aspect": "hotel"}',)
    assert "H1" in published(play, ["[search] hotel"], replies, text_verdicts=False).replies[0]


def test_every_fifth_search_fails_unseen(play: Play) -> None:
    replies = ('{"alignment_judgement": "False"}',) * 5
    dialogue = published(play, ["[search] x"] * 6, replies)
    assert dialogue.replies[4] != dialogue.replies[3] == dialogue.replies[5]


def test_the_story_reaches_the_judge_and_never_the_policy(play: Play) -> None:
    chat = RecordedChat(TALK)
    dialogue = play(from_upstream(RECORD, {}, chat), ["[action] hi"])
    assert ["zqscenariozq" in " ".join(m.content for m in asked) for asked in chat.asked] == [True, False]
    assert "zqscenariozq" not in str(dialogue.transcript)


@pytest.mark.parametrize("difficulty", ["standard", "nano"])
def test_our_own_tasks_can_be_played_by_the_published_rules(play: Play, difficulty: str) -> None:
    options = {"mode": "upstream", "difficulty": difficulty}
    paid = play(make_env(TRAVEL, task=3, reward="upstream", **options), make_expert(TRAVEL, "full", **options).act)
    assert paid.outcome.success
    assert sum(step.reward for step in paid.steps) == pytest.approx(4 * 0.8 + 2 * 1.0)
    plain = play(make_env(TRAVEL, task=3, user="scripted:chatty", **options), ["[action] hello"])
    assert plain.steps[0].reward is None


def test_a_silent_user_tells_nothing(play: Play) -> None:
    options = {"mode": "upstream", "difficulty": "nano", "unanswered": 1.0}
    dialogue = play(make_env(TRAVEL, task=3, **options), make_expert(TRAVEL, "full", **options).act)
    assert "No information found." in dialogue.replies
    assert not any(step.facts.revealed for step in dialogue.steps)


@pytest.mark.parametrize("difficulty", ["standard", "nano"])
def test_it_keeps_to_the_protocol(difficulty: str) -> None:
    assert all(finding.problems == () for finding in check_env(TRAVEL, mode="upstream", difficulty=difficulty))


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(UserError, match="mode"):
        TravelOptions(mode="fast")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"scenario": 3}, "record b: field 'scenario'"),
        ({"dimensions": ["ship"]}, "record b: field 'dimensions'"),
        ({"dimensions": []}, "record b: field 'dimensions' is empty"),
        ({"hotel": None}, "record b: field 'hotel'"),
        ({"hotel": block("H") | {"preferences": [3]}}, "record b, hotel: preference 0"),
        ({"hotel": block("H") | {"options": {"correct": []}}}, "record b, hotel: field 'wrong'"),
        ({"hotel": block("H") | {"best_id": "H8"}}, "record b, hotel: 'H8' is best or correct"),
    ],
)
def test_a_broken_record_is_named(tmp_path: Path, change: dict[str, Any], what: str) -> None:
    path = tmp_path / "travel.json"
    path.write_text(json.dumps({"a": RECORD, "b": RECORD | change}))
    with pytest.raises(UserError, match=f"travel.json, {what}"):
        load_records(path)
    path.write_text(json.dumps({"a": RECORD}))
    assert load_records(path) == [RECORD]
    path.write_text("[]")
    with pytest.raises(UserError, match="expected a dictionary"):
        load_records(path)
