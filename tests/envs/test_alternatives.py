"""What else a user could have said: the support, the frequencies, and that asking for it changes nothing."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from infopo.core import Message
from infopo.envs import Env, Resampling, make_env
from infopo.rollout import RolloutConfig, TaskSpec, play_groups
from infopo.samplers.scripted import ScriptedSampler
from infopo.testing.tiny import tiny_tokenizer
from infopo.tokens import Renderer


def said(text: str) -> Message:
    return Message(role="assistant", content=text)


async def ask(env: Env, *actions: str, draws: int = 4000) -> tuple[Counter[str], str]:
    """Play the actions; of the last: how often each alternative came, and what was answered."""
    assert isinstance(env, Resampling)
    await env.start()
    for action in actions[:-1]:
        await env.step(said(action))
    others = await env.alternatives(said(actions[-1]), draws)
    answer = (await env.step(said(actions[-1]))).messages
    return Counter(other[0].content for other in others), answer[0].content if answer else ""


def slots(**options: Any) -> Env:
    return make_env("toy/slots", task=5, seed=2, **{"slots": 2, "values": 4, **options})


def asked(env: Env) -> str:
    return f"[action] which {env._task.slots[0]} ?"  # type: ignore[attr-defined]


def test_an_untold_slot_has_every_value_equally_likely() -> None:
    env = slots(unanswered=0.25)
    counts, answer = asyncio.run(ask(env, asked(env)))
    assert len(counts) == 5
    assert answer in counts
    assert counts.pop("No information found.") == pytest.approx(1000, abs=150)  # five standard deviations
    assert all(count == pytest.approx(750, abs=130) for count in counts.values())


def test_a_told_slot_is_told_again_and_nothing_else() -> None:
    env = slots()
    counts, _ = asyncio.run(ask(env, asked(env), asked(env)))
    assert not counts  # its own only alternative
    stated = slots(reveal="all", unanswered=0.5)
    counts, _ = asyncio.run(ask(stated, asked(stated)))
    assert len(counts) == 2
    assert counts["No information found."] == pytest.approx(2000, abs=200)


@pytest.mark.parametrize("action", ["[answer] red small", "hello", "[action] which one ?"])
def test_a_reply_that_nothing_hidden_touches_has_no_alternative(action: str) -> None:
    counts, _ = asyncio.run(ask(slots(), action))
    assert not counts


def travel(task: int, difficulty: str = "nano") -> Any:
    return make_env("usergym/travel", task=task, seed=task, difficulty=difficulty, tier="22")


def question(env: Any, difficulty: str) -> tuple[str, Any]:
    wish = env._task.aspects[0].preferences[0]
    words = f"{wish.topic.replace('_', ' ')}"
    return (f"[action] which {words} ?" if difficulty == "nano" else f"[action] Any wishes on the {words}?"), wish


@pytest.mark.parametrize("task", range(8))
def test_before_a_search_every_value_of_a_wish_is_possible_and_after_it_the_two_of_the_grid(task: int) -> None:
    env = travel(task)
    text, wish = question(env, "nano")
    counts, answer = asyncio.run(ask(env, text, draws=400))
    assert answer in counts
    assert len(counts) > 2
    env = travel(task)
    part = env._task.aspects[0]
    search = f"[search] {part.aspect.replace('_', ' ')} {' '.join(value for _, value in part.arguments)}"
    counts, answer = asyncio.run(ask(env, search, text, draws=400))
    assert answer in counts
    assert len(counts) == 2, (counts, wish)
    assert all(count == pytest.approx(200, abs=60) for count in counts.values())
    counts, _ = asyncio.run(ask(travel(task), search))
    assert not counts


def test_alternatives_of_a_wish_follow_the_cues_of_each_value() -> None:
    env = travel(3, "standard")
    text, _ = question(env, "standard")
    counts, answer = asyncio.run(ask(env, text, draws=2000))
    assert answer in counts
    assert len(counts) > 4


@pytest.mark.parametrize("env_id", ["toy/slots", "usergym/travel"])
def test_asking_for_alternatives_changes_nothing_else(env_id: str) -> None:
    def played(alternatives: int) -> list[Any]:
        sampler = ScriptedSampler(Renderer(tiny_tokenizer()), lambda slot, messages: "[action] which color ?")
        tasks = [TaskSpec(env_id=env_id, task=task, seed=task, options={"difficulty": "nano"}) for task in range(3)]
        config = RolloutConfig(alternatives=alternatives)
        batch = asyncio.run(play_groups(sampler, tasks, group_size=2, config=config))
        return [one for group in batch.groups for one in group.trajectories]

    for plain, asked_too in zip(played(0), played(3), strict=True):
        assert plain.token_ids == asked_too.token_ids
        assert plain.outcome == asked_too.outcome
        for turn, other in zip(plain.turns, asked_too.turns, strict=True):
            assert turn.alternatives == ()
            assert len(other.alternatives) in ((1, 3) if other.observation_block else (0,))
