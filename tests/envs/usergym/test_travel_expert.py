"""The experts of `usergym/travel`: `full` proves that every tier can be solved, `weak` is the imperfect teacher."""

from collections.abc import Callable
from typing import Any

import pytest

from infopo.core import Message
from infopo.envs import make_env, make_expert
from infopo.envs.base import parse_action
from infopo.envs.usergym.travel.options import TIERS
from infopo.envs.usergym.travel.words import NO_INFORMATION

TRAVEL = "usergym/travel"
Play = Callable[..., Any]


@pytest.mark.parametrize("difficulty", ["nano", "standard"])
@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("reveal", ["none", "some"])
def test_full_solves_every_tier_with_no_turn_to_spare(play: Play, tier: str, difficulty: str, reveal: str) -> None:
    options = {"tier": tier, "difficulty": difficulty, "reveal": reveal}
    for split, count in (("train", 12), ("test", 6)):
        for index in range(count):
            expert = make_expert(TRAVEL, "full", seed=index, **options)
            dialogue = play(make_env(TRAVEL, task=index, split=split, seed=index, **options), expert.act)
            assert dialogue.outcome.success
            assert len(dialogue.steps) == 2 * len(TIERS[tier]) + len(dialogue.opening.hidden)
            assert not any(step.facts.repeated for step in dialogue.steps)


@pytest.mark.parametrize("difficulty", ["nano", "standard"])
def test_full_asks_once_more_where_it_got_no_answer(play: Play, difficulty: str) -> None:
    options = {"difficulty": difficulty, "unanswered": 0.4, "search_failures": 3}
    solved = 0
    for index in range(40):
        dialogue = play(
            make_env(TRAVEL, task=index, seed=index, **options), make_expert(TRAVEL, "full", seed=0, **options).act
        )
        actions = [parse_action(_message(text)) for text in dialogue.actions]
        asked = [action for action in actions if action.choice == "action"]
        assert all(asked.count(action) <= 2 for action in asked)
        silent = [a for a, r in zip(actions, dialogue.replies, strict=True) if r == NO_INFORMATION]
        assert all(asked.count(action) == 2 for action in silent)
        solved += dialogue.outcome.success
    assert 8 < solved < 40


@pytest.mark.parametrize("difficulty", ["nano", "standard"])
def test_weak_always_uses_what_it_knows_but_often_acts_too_early(play: Play, difficulty: str) -> None:
    options = {"difficulty": difficulty, "unanswered": 0.15}
    success, early, repeated = 0, 0, 0
    for index in range(150):
        expert = make_expert(TRAVEL, "weak", seed=index, **options)
        dialogue = play(make_env(TRAVEL, task=index, seed=index, **options), expert.act)
        revealed = {fact for step in dialogue.steps for fact in step.facts.revealed}
        actions = [parse_action(_message(text)) for text in dialogue.actions]
        kinds = [action.choice for action in actions]
        assert set(kinds) <= {"search", "action", "answer"}
        assert kinds.count("answer") == 2
        if revealed == set(dialogue.opening.hidden):
            assert dialogue.outcome.success
        else:
            early += 1
        repeated += len(set(actions)) < len(actions)
        success += dialogue.outcome.success
    assert 15 < success < 90  # blind guessing alone would solve about 9 in 150
    assert 60 < early < 150
    assert repeated > 0


def _message(text: str) -> Message:
    return Message(role="assistant", content=text)


@pytest.mark.parametrize("kind", ["weak", "full"])
def test_the_expert_sees_only_messages(play: Play, kind: str) -> None:
    """The same messages get the same action, whatever the environment behind them hides."""
    options = {"difficulty": "nano"}
    dialogue = play(make_env(TRAVEL, task=4, **options), make_expert(TRAVEL, kind, seed=2, **options).act)
    replay = make_expert(TRAVEL, kind, seed=2, **options)
    messages = list(dialogue.opening.messages)
    for action, step in zip(dialogue.actions, dialogue.steps, strict=True):
        assert replay.act(tuple(messages)) == action
        messages += [_message(action), *step.messages]


def test_one_expert_plays_many_dialogues(play: Play) -> None:
    expert = make_expert(TRAVEL, "weak", seed=0, difficulty="nano")
    questions = []
    for index in range(60):
        dialogue = play(make_env(TRAVEL, task=index, difficulty="nano"), expert.act)
        questions.append(sum(step.facts.kind == "ask" for step in dialogue.steps))
    assert min(questions) == 0
    assert max(questions) == 4


def test_a_dead_database_makes_the_expert_finish(play: Play) -> None:
    options = {"difficulty": "nano", "search_failures": 1}
    dialogue = play(make_env(TRAVEL, task=0, **options), make_expert(TRAVEL, "full", **options).act)
    assert dialogue.actions[-1] == "[finish]"
    assert not dialogue.steps[-1].truncated
