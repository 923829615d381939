"""What holds for every environment without a user: solvable, readable, deterministic, honest about options and ends."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infopo.core import Message, UserError
from infopo.envs import make_env, make_expert, num_tasks

Play = Callable[..., Any]
ENVS = ("grid/frozenlake", "grid/sokoban", "webshop/small")
DIFFICULTIES = ("standard", "nano")
NANO_WORDS = 150  # beside ids of products

every_env = pytest.mark.parametrize("env_id", ENVS)
every_difficulty = pytest.mark.parametrize("difficulty", DIFFICULTIES)


@every_env
@every_difficulty
def test_the_full_expert_succeeds_and_the_weak_one_seldom(play: Play, env_id: str, difficulty: str) -> None:
    successes = {"full": 0, "weak": 0}
    for kind in successes:
        for index in range(200):
            split = "test" if index % 2 else "train"
            expert = make_expert(env_id, kind, seed=index, difficulty=difficulty)
            env = make_env(env_id, task=index, split=split, seed=index, difficulty=difficulty)
            successes[kind] += play(env, expert.act).outcome.success
    assert successes["full"] >= 190
    assert 10 < successes["weak"] < 130


@every_env
@every_difficulty
def test_the_bank_holds_a_thousand_tasks_for_training_and_two_hundred_for_testing(env_id: str, difficulty: str) -> None:
    assert num_tasks(env_id, "train", difficulty=difficulty) >= 1000
    assert num_tasks(env_id, "test", difficulty=difficulty) >= 200


@every_env
def test_nano_dialogues_are_short_and_in_a_closed_vocabulary(play: Play, env_id: str) -> None:
    words: set[str] = set()
    for index in range(200):
        kind = ("weak", "full")[index % 2]
        dialogue = play(
            make_env(env_id, task=index, difficulty="nano"),
            make_expert(env_id, kind, seed=index, difficulty="nano").act,
        )
        said = [word for _, content in dialogue.transcript for word in content.split()]
        assert len(said) < 250
        words |= {word for word in said if not re.fullmatch(r"[a-z]?\d+(</think>\[action\])?", word)}
    assert len(words) <= NANO_WORDS
    assert all(word == word.lower() for word in words)


@every_env
@every_difficulty
def test_the_experts_read_only_what_a_policy_sees(play: Play, env_id: str, difficulty: str) -> None:
    dialogue = play(
        make_env(env_id, task=4, difficulty=difficulty), make_expert(env_id, "full", difficulty=difficulty).act
    )
    again, messages = make_expert(env_id, "full", difficulty=difficulty), list(dialogue.opening.messages)
    for action, step in zip(dialogue.actions, dialogue.steps, strict=True):
        assert again.act(tuple(messages)) == action
        messages += [Message(role="assistant", content=action), *step.messages]
    with pytest.raises(ValueError, match=env_id):
        again.act((Message(role="user", content="hello"),))


@every_env
@pytest.mark.parametrize(
    ("options", "what"),
    [({"difficulty": "nanno"}, "nano"), ({"reward": "dense"}, "reward"), ({"max_turns": 0}, "max_turns")],
)
def test_bad_options_are_named(env_id: str, options: dict[str, Any], what: str) -> None:
    with pytest.raises(UserError, match=what):
        make_env(env_id, task=0, **options)
    with pytest.raises(UserError, match="psychic"):
        make_env(env_id, task=0, user="psychic")


@every_env
@every_difficulty
def test_giving_up_ends_without_success(play: Play, env_id: str, difficulty: str) -> None:
    dialogue = play(make_env(env_id, task=0, difficulty=difficulty), ["[finish]"])
    assert dialogue.steps[0].done
    assert dialogue.steps[0].reward is None
    assert dialogue.outcome.score == 0


TEXTS = st.tuples(
    st.sampled_from(
        ["[action]", "[search]", "[answer]", "[finish", "<think>x</think>[action]", "click[", "search[", ""]
    ),
    st.one_of(
        st.text(max_size=30), st.sampled_from(["up || left", "prev", "buy now", "soft", "boots]", "back to search"])
    ),
).map(" ".join)


@every_env
@settings(max_examples=40, deadline=None)
@given(difficulty=st.sampled_from(DIFFICULTIES), seed=st.integers(0, 99), texts=st.lists(TEXTS))
def test_any_text_gets_an_answer_and_no_hidden_facts(env_id: str, difficulty: str, seed: int, texts: list[str]) -> None:
    async def run() -> None:
        env = make_env(env_id, task=seed, seed=seed, difficulty=difficulty, reward="upstream")
        assert (await env.start()).hidden == ()
        for text in texts:
            step = await env.step(Message(role="assistant", content=text))
            assert step.messages[0].content
            assert step.reward is not None
            assert step.facts is not None
            if step.done or step.truncated:
                break
        assert 0.0 <= (await env.outcome()).score <= 1.0

    asyncio.run(run())
