"""What else a user could have said: the support, the frequencies, and that asking for it changes nothing."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from infopo.core import Message
from infopo.envs import Env, Resampling, list_envs, make_env, make_expert
from infopo.envs.usergym.intention.bank import make_task as wishes_of
from infopo.envs.usergym.intention.options import IntentionOptions
from infopo.envs.usergym.intention.words import topics_of
from infopo.envs.usergym.persuade.bank import make_task as belief_of
from infopo.envs.usergym.persuade.options import PersuadeOptions
from infopo.envs.usergym.persuade.words import TOPIC
from infopo.rollout import RolloutConfig, TaskSpec, play_groups
from infopo.samplers.scripted import ScriptedSampler
from infopo.testing.tiny import tiny_tokenizer
from infopo.tokens import Renderer

OFFERING = [
    name for name in list_envs() if not name.startswith("tau2/") and isinstance(make_env(name, task=0), Resampling)
]


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
    return Counter(other[0].content for other in others or ()), answer[0].content if answer else ""


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
    assert asyncio.run(travel_search(travel(task), search)) is None, "what else could be found is not modelled"


async def travel_search(env: Any, search: str) -> Any:
    await env.start()
    return await env.alternatives(said(search), 3)


def test_alternatives_of_a_wish_follow_the_cues_of_each_value() -> None:
    env = travel(3, "standard")
    text, _ = question(env, "standard")
    counts, answer = asyncio.run(ask(env, text, draws=2000))
    assert answer in counts
    assert len(counts) > 4


def gym(name: str, **options: Any) -> Env:
    return make_env(f"usergym/{name}", task=3, seed=2, **{"difficulty": "nano", **options})


def near(share: float, draws: int = 4000) -> Any:
    return pytest.approx(share * draws, abs=5 * (draws * share * (1 - share)) ** 0.5)


def test_a_wish_is_there_for_four_topics_of_six_and_then_any_of_four_values() -> None:
    task = wishes_of(3, "train", IntentionOptions(difficulty="nano"))
    wanted = {detail.fact: detail.value for detail in task.details}
    topics = list(topics_of(task.category))
    first, *_ = wanted
    counts, answer = asyncio.run(ask(gym("intention"), f"[action] which {first} ?"))
    assert answer == f"{first} {wanted[first]}"
    assert counts["no wish there"] == near(2 / 6)
    assert counts[answer] == near(4 / 6 / 4)
    assert len(counts) == 5
    unwanted = [topic for topic in topics if topic not in wanted]
    asked = [f"[action] which {topic} ?" for topic in (first, *unwanted[:1])]
    other = next(topic for topic in wanted if topic != first)
    counts, _ = asyncio.run(ask(gym("intention"), *asked, f"[action] which {other} ?"))
    assert counts["no wish there"] == near(1 / 4)  # three of the four that are left
    counts, _ = asyncio.run(ask(gym("intention"), *asked, asked[0]))
    assert not counts


def test_what_the_user_thinks_of_is_drawn_from_all_that_fits() -> None:
    env = gym("telepathy")
    counts, _ = asyncio.run(ask(env, "[action] is it red or blue ?"))
    assert counts == {"yes": near(2 / 5), "no": near(3 / 5)}
    target = dict(env._user._target)  # type: ignore[attr-defined]
    others = [color for color in ("red", "blue", "green", "white", "black") if color != target["color"]]
    no = [f"[action] is it {color} ?" for color in others[:2]]
    counts, _ = asyncio.run(ask(gym("telepathy"), *no, f"[action] is it {others[2]} ?"))
    assert counts["yes"] == near(1 / 3)
    # a no to two facets at once settles neither
    pair = f"[action] is it a {others[0]} small thing ?"
    counts, _ = asyncio.run(ask(gym("telepathy"), pair, f"[action] is it {others[0]} ?"))
    assert counts["yes"] == near(2 / 14)  # of fifteen pairs one is out
    counts, _ = asyncio.run(ask(gym("telepathy"), *no, no[0]))
    assert not counts


def test_a_guess_that_missed_is_not_what_the_user_thinks_of() -> None:
    target = gym("telepathy")._user._target  # type: ignore[attr-defined]
    known = [f"[action] is it {target[name]} ?" for name in ("size", "color", "kind")]
    pattern = next(one for one in ("plain", "striped") if one != target["pattern"])
    guess = f"[answer] {target['size']} {target['color']} {pattern} {target['kind']}"
    counts, _ = asyncio.run(ask(gym("telepathy"), *known, guess))
    assert counts["right"] == near(1 / 4)
    counts, _ = asyncio.run(ask(gym("telepathy"), *known, guess, f"[action] is it {target['pattern']} ?"))
    assert counts["yes"] == near(1 / 3)


def test_a_story_has_any_culprit_and_thanks_are_no_news() -> None:
    counts, _ = asyncio.run(ask(gym("turtle", unanswered=0.5), "[action] was it baker ?"))
    assert counts["No information found."] == near(1 / 2)
    assert counts["yes"] == near(1 / 12)
    counts, _ = asyncio.run(ask(gym("turtle"), "[answer] baker harbor love rope"))
    assert not counts


def test_reasons_are_any_three_of_eight_in_any_order() -> None:
    first, second, third = belief_of(3, "train", PersuadeOptions(difficulty="nano")).reasons
    beside = next(topic for topic in TOPIC.names if topic not in (first, second, third))
    counts, _ = asyncio.run(ask(gym("persuade"), "[action] why ?", draws=2000))
    assert counts == {f"because of {topic}": near(1 / 8, 2000) for topic in TOPIC.names}
    counts, _ = asyncio.run(ask(gym("persuade"), "[action] why ?", f"[answer] no problem with {beside}", draws=2000))
    assert counts == {f"true about {beside}": near(2 / 7, 2000), f"i do not care about {beside}": near(5 / 7, 2000)}
    counts, _ = asyncio.run(ask(gym("persuade"), "[action] why ?", f"[answer] no problem with {first}", draws=200))
    assert not counts


def test_who_offers_alternatives() -> None:
    assert [
        "toy/slots",
        *(f"usergym/{name}" for name in "intention persuade telepathy travel turtle".split()),
    ] == OFFERING


@pytest.mark.parametrize("env_id", OFFERING)
def test_asking_for_alternatives_changes_nothing_else(env_id: str) -> None:
    def played(alternatives: int) -> list[Any]:
        expert = make_expert(env_id, "full", seed=0, difficulty="nano")
        sampler = ScriptedSampler(Renderer(tiny_tokenizer()), lambda slot, messages: expert.act(tuple(messages)))
        tasks = [TaskSpec(env_id=env_id, task=task, seed=task, options={"difficulty": "nano"}) for task in range(3)]
        config = RolloutConfig(alternatives=alternatives)
        batch = asyncio.run(play_groups(sampler, tasks, group_size=2, config=config))
        return [one for group in batch.groups for one in group.trajectories]

    for plain, asked_too in zip(played(0), played(3), strict=True):
        assert plain.token_ids == asked_too.token_ids
        assert plain.outcome == asked_too.outcome
        for turn, other in zip(plain.turns, asked_too.turns, strict=True):
            assert turn.alternatives is None
            if other.observation_block is None:
                assert other.alternatives is None
            else:
                unknown = env_id == "usergym/travel" and other.feedback_kind == "tool"
                assert len(other.alternatives) in ((0,) if unknown else (1, 3))
