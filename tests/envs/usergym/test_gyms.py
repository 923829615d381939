"""What holds for every user gym: solvable, worth asking, deterministic, honest about its end, mute on its secret."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infopo.core import Message, ToolCall, UserError
from infopo.envs import Step, make_env, make_expert, num_tasks
from infopo.envs.base import parse_action

Play = Callable[..., Any]
GYMS = tuple(f"usergym/{name}" for name in "function intention persuade search tau telepathy turtle".split())
NO_USER = ("function", "search")
DIFFICULTIES = ("standard", "nano")
PLACEHOLDER = "No information found."

every_gym = pytest.mark.parametrize("gym", GYMS)
every_difficulty = pytest.mark.parametrize("difficulty", DIFFICULTIES)


def said(text: str) -> Message:
    return Message(role="assistant", content=text)


@every_gym
@every_difficulty
def test_the_bank_holds_a_thousand_tasks_for_training_and_two_hundred_for_testing(gym: str, difficulty: str) -> None:
    assert num_tasks(gym, "train", difficulty=difficulty) >= 1000
    assert num_tasks(gym, "test", difficulty=difficulty) >= 200


@every_gym
@every_difficulty
def test_the_full_expert_reaches_the_best_score(play: Play, gym: str, difficulty: str) -> None:
    scores = []
    for index in range(200):
        split = "test" if index % 2 else "train"
        expert = make_expert(gym, "full", seed=index, difficulty=difficulty)
        env = make_env(gym, task=index, split=split, seed=index, difficulty=difficulty)
        scores.append(play(env, expert.act).outcome.score)
    assert sum(scores) / len(scores) >= 0.95


@every_gym
def test_the_weak_expert_is_neither_blind_nor_perfect_and_meets_the_placeholder(play: Play, gym: str) -> None:
    options = {"difficulty": "nano", "unanswered": 0.15}
    dialogues = [
        play(make_env(gym, task=k, seed=k, **options), make_expert(gym, "weak", seed=k, **options).act)
        for k in range(100)
    ]
    assert 0.15 < sum(dialogue.outcome.score for dialogue in dialogues) / 100 < 0.85
    assert sum(PLACEHOLDER in dialogue.replies for dialogue in dialogues) > 10


@pytest.mark.parametrize("gym", ["usergym/travel", *(gym for gym in GYMS if gym.split("/")[1] not in NO_USER)])
@every_difficulty
def test_beside_replies_of_which_nobody_knows_what_they_reveal_a_good_game_is_as_good(
    play: Play, gym: str, difficulty: str, tmp_path: Path
) -> None:
    """A person, or lines that somebody wrote down: what was said is known, and not what it revealed."""
    for task in range(3):
        expert = make_expert(gym, "full", seed=task, difficulty=difficulty)
        played = play(make_env(gym, task=task, seed=task, difficulty=difficulty), expert.act)
        lines = [
            {"request": parse_action(said(action)).content, "reply": step.messages[0].content}
            for action, step in zip(played.actions, played.steps, strict=True)
            if step.feedback_kind == "user"
        ]
        path = tmp_path / f"{task}.jsonl"
        path.write_text("\n".join(json.dumps(line) for line in lines))
        env = make_env(gym, task=task, seed=task, difficulty=difficulty, user=f"recorded:{path}")
        again = play(env, list(played.actions))
        assert again.replies == played.replies
        assert again.outcome == played.outcome
        assert again.outcome.score > 0.9


@every_gym
@every_difficulty
def test_what_the_opening_reveals_saves_questions(play: Play, gym: str, difficulty: str) -> None:
    lengths = {}
    for reveal in ("none", "some", "all"):
        options = {"difficulty": difficulty, "reveal": reveal}
        played = [
            play(make_env(gym, task=k, seed=k, **options), make_expert(gym, "full", seed=k, **options).act)
            for k in range(30)
        ]
        lengths[reveal] = sum(len(dialogue.steps) for dialogue in played)
        hidden = [dialogue.opening.hidden for dialogue in played]
        assert all(hidden) if reveal == "none" else True
        assert reveal != "all" or not any(hidden)
        assert sum(dialogue.outcome.score for dialogue in played) >= 0.95 * 30
    assert lengths["none"] > lengths["some"] > lengths["all"]


@every_gym
@pytest.mark.parametrize("mode", ["fixed", "upstream"])
@every_difficulty
def test_one_seed_one_dialogue(play: Play, gym: str, mode: str, difficulty: str) -> None:
    options = {"difficulty": difficulty, "unanswered": 0.3, "mode": mode}

    def transcript(seed: int) -> list[tuple[str, str]]:
        expert = make_expert(gym, "full", seed=3, **options)
        return play(make_env(gym, task=7, seed=seed, **options), expert.act).transcript

    assert transcript(1) == transcript(1)
    assert len({str(transcript(seed)) for seed in range(8)}) > 1


@every_gym
@every_difficulty
def test_the_expert_sees_only_messages(play: Play, gym: str, difficulty: str) -> None:
    options = {"difficulty": difficulty}
    dialogue = play(make_env(gym, task=4, **options), make_expert(gym, "full", seed=2, **options).act)
    replay = make_expert(gym, "full", seed=2, **options)
    messages = list(dialogue.opening.messages)
    for action, step in zip(dialogue.actions, dialogue.steps, strict=True):
        assert replay.act(tuple(messages)) == action
        messages += [said(action), *step.messages]


@every_gym
@every_difficulty
def test_nothing_but_answers_gives_the_secret_away(play: Play, gym: str, difficulty: str) -> None:
    """Without a question the policy never reads the reference answer."""
    for index in range(60):
        env = make_env(gym, task=index, difficulty=difficulty)
        reference = env.reference_answer()
        dialogue = play(env, ["hello", "[answer] nothing at all", "[finish]"])
        read = [message.content for message in dialogue.opening.messages] + dialogue.replies
        assert reference
        if len(reference) > 3:
            assert not any(reference in text for text in read)


@every_gym
def test_nano_keeps_to_a_closed_vocabulary(play: Play, gym: str) -> None:
    words: set[str] = set()
    for index in range(300):
        options = {"difficulty": "nano", "reveal": ("none", "some", "all")[index % 3], "unanswered": 0.1}
        kind = ("weak", "full")[index % 2]
        dialogue = play(
            make_env(gym, task=index, seed=index, **options), make_expert(gym, kind, seed=index, **options).act
        )
        for _, content in dialogue.transcript:
            words |= {word for word in content.replace(PLACEHOLDER, "").split() if not re.fullmatch(r"\d+", word)}
    assert len(words) <= 300
    assert all(word == word.lower() for word in words)


@every_gym
@pytest.mark.parametrize("mode", ["fixed", "upstream"])
def test_steps_pay_nothing_by_default_and_the_end_is_the_end(play: Play, gym: str, mode: str) -> None:
    env = make_env(gym, task=0, mode=mode, max_turns=3)
    with pytest.raises(RuntimeError, match="has not started"):
        asyncio.run(env.step(said("[finish]")))
    dialogue = play(env, ["[action] hello"] * 3)
    assert [step.reward for step in dialogue.steps] == [None] * 3
    assert dialogue.steps[-1].truncated
    with pytest.raises(RuntimeError, match="is over"):
        asyncio.run(env.step(said("[finish]")))
    with pytest.raises(RuntimeError, match="starts once"):
        asyncio.run(env.start())
    paid = play(make_env(gym, task=0, mode=mode, reward="upstream"), ["[action] hello", "[finish]"])
    assert [step.reward for step in paid.steps] == [0.0, 0.0]
    assert paid.steps[-1].done


@every_gym
def test_the_state_key_changes_with_what_is_known(gym: str) -> None:
    async def run() -> list[str | None]:
        env = make_env(gym, task=0, difficulty="nano")
        expert = make_expert(gym, "full", difficulty="nano")
        messages = list((await env.start()).messages)
        keys, done = [env.state_key()], False
        while not done:
            action = said(expert.act(tuple(messages)))
            step = await env.step(action)
            messages += [action, *step.messages]
            done = step.done
            if parse_action(action).choice != "answer":
                keys.append(env.state_key())
        return keys

    keys = asyncio.run(run())
    assert len(keys) > 2
    assert len(set(keys)) == len(keys)


@every_gym
@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"mode": "fast"}, "mode"),
        ({"difficulty": "nanno"}, "nano"),
        ({"reward": "dense"}, "reward"),
        ({"reveal": "most"}, "reveal"),
        ({"unanswered": 1.5}, "unanswered"),
        ({"unanswered": True}, "unanswered"),
        ({"max_turns": 0}, "max_turns"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_options_are_named(gym: str, options: dict[str, Any], what: str) -> None:
    with pytest.raises(UserError, match=what):
        make_env(gym, task=0, **options)
    with pytest.raises(UserError, match="psychic"):
        make_env(gym, task=0, user="psychic")


TEXTS = st.tuples(
    st.sampled_from(["[action]", "[search]", "[answer]", "[finish", "[ACTION]", "<think>x</think>[action]", ""]),
    st.one_of(
        st.text(max_size=40),
        st.lists(st.sampled_from("1 2 -3 4.5 1e9 test is it or red not the who ? why boat a".split()), max_size=8).map(
            " ".join
        ),
    ),
).map(" ".join)


@every_gym
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(DIFFICULTIES), st.sampled_from(["fixed", "upstream"]), st.integers(0, 99), st.lists(TEXTS))
def test_any_text_gets_a_valid_step(gym: str, difficulty: str, mode: str, seed: int, texts: list[str]) -> None:
    async def run() -> None:
        options = {"difficulty": difficulty, "mode": mode, "unanswered": 0.2, "reward": "upstream"}
        env = make_env(gym, task=seed, seed=seed, **options)
        hidden = set((await env.start()).hidden)
        for text in texts:
            step = await env.step(said(text))
            assert isinstance(step, Step)
            assert all(message.role == "user" for message in step.messages)
            assert step.reward is not None
            assert 0.0 <= step.reward <= 1.0
            assert step.facts is not None
            assert set(step.facts.revealed) <= hidden  # each fact once
            hidden -= set(step.facts.revealed)
            if step.done or step.truncated:
                break
        assert 0.0 <= (await env.outcome()).score <= 1.0

    asyncio.run(run())


@every_gym
@pytest.mark.parametrize("mode", ["fixed", "upstream"])
def test_a_tool_call_is_the_same_action(gym: str, mode: str) -> None:
    async def answer(action: Message) -> Step:
        env = make_env(gym, task=1, difficulty="nano", mode=mode)
        await env.start()
        return await env.step(action)

    text = make_expert(gym, "full", difficulty="nano").act(
        asyncio.run(make_env(gym, task=1, difficulty="nano").start()).messages
    )
    action = parse_action(said(text))
    call = ToolCall(
        id="7", name="interact", arguments=f'{{"choice": "{action.choice}", "content": "{action.content}"}}'
    )
    by_call = asyncio.run(answer(Message(role="assistant", content="", tool_calls=(call, call))))
    by_text = asyncio.run(answer(said(text)))
    assert by_call.messages[0].content == by_text.messages[0].content
    assert by_call.facts == by_text.facts
    assert [(message.role, message.tool_call_id) for message in by_call.messages] == [("tool", "7")] * 2
