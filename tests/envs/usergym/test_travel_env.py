"""`usergym/travel` as an environment: dialogue rules, rewards, limits, records, and what the policy must not see."""

import asyncio
import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infopo.core import Message, ToolCall, UserError
from infopo.envs import Env, Step, make_env, make_expert
from infopo.envs.usergym.travel.bank import make_task
from infopo.envs.usergym.travel.options import TIERS, TURN_LIMITS, TravelOptions
from infopo.envs.usergym.travel.task import Task
from infopo.envs.usergym.travel.vocabulary import vocabulary
from infopo.envs.usergym.travel.words import NO_INFORMATION

DIFFICULTIES = ("nano", "standard")
TRAVEL = "usergym/travel"
Play = Callable[..., Any]

TALK = {"nano": "[action] hello", "standard": "[action] Thank you, I will have a look."}


def task_of(index: int = 0, **options: Any) -> Task:
    return make_task(index, "train", TravelOptions(**options))


def question(task: Task, fact: str, difficulty: str) -> str:
    aspect, topic = fact.split(".")
    title = vocabulary(difficulty)[aspect].title
    return f"[action] which {topic} ?" if difficulty == "nano" else f"[action] Which {topic} for the {title}?"


def test_nano_dialogue_word_for_word(play: Play) -> None:
    task = task_of(difficulty="nano")
    first, second = task.aspects
    titles = [vocabulary("nano")[part.aspect].title for part in task.aspects]
    place = " ".join(value for _, value in first.arguments)
    topic = first.preferences[0].topic
    env = make_env(TRAVEL, task=0, difficulty="nano")
    dialogue = play(
        env,
        [
            f"[search] {titles[0]} {place}",
            f"[search] {titles[0]} {place}",
            f"[search] {titles[0]}",
            f"[action] which {topic} ?",
            "[action] hello",
            "[action] anything else ?",
            "say what",
            "[answer] Z99",
            f"[answer] {first.best.option_id}",
            f"[answer] {first.best.option_id}",
            f"[answer] {second.best.option_id}",
        ],
    )
    article = ["an" if title[0] in "aeiou" else "a" for title in titles]
    city, month = (value for _, value in first.arguments)
    assert [(m.role, m.content) for m in dialogue.opening.messages] == [
        ("user", f"i need {article[0]} {titles[0]} and {article[1]} {titles[1]} in {city} in {month}")
    ]
    header, *rows = dialogue.replies[0].split("\n")
    assert header == f"{titles[0]} by {' '.join(p.topic for p in first.preferences)} :"
    assert len(rows) == 6
    assert all(re.fullmatch(r" [a-z]+ [a-z]+ (low|high) [FHACR][1-9]", row) for row in rows)
    cues = vocabulary("nano")[first.aspect].topic(topic).value(first.preferences[0].value).cues
    assert dialogue.replies[3] == cues[0]
    assert dialogue.replies[1:3] + dialogue.replies[4:] == [
        "already shown",
        "please search one aspect with city and month",
        "okay",
        "please ask about one thing",
        "i did not understand",
        "no such option",
        f"saved {first.best.option_id}",
        "already chosen",
        f"saved {second.best.option_id}",
    ]
    kinds = ["tool"] * 3 + ["user"] * 3 + ["env"] * 5
    assert [step.feedback_kind for step in dialogue.steps] == kinds
    facts = [step.facts.kind for step in dialogue.steps]
    assert facts == ["search"] * 3 + ["ask"] * 3 + ["invalid"] + ["act"] * 4
    assert [step.facts.repeated for step in dialogue.steps] == [k in (1, 9) for k in range(11)]
    assert [step.facts.useful for step in dialogue.steps] == [k in (0, 3, 8, 10) for k in range(11)]
    assert dialogue.outcome.success


def test_standard_listing_is_json_lines_with_the_published_fields() -> None:
    fields = {
        "flight": ["path", "time", "company", "flight_number", "cost", "amenities", "service"],
        "hotel": ["name", "room", "cost", "rating", "amenities", "service"],
        "apartment": ["name", "room", "capacity", "cost", "rating", "amenities", "service"],
        "rental_car": ["brand", "model", "categories", "seats", "cost", "insurance", "service"],
        "restaurant": ["name", "cuisine", "expectation", "rating", "reviews", "tags"],
    }
    seen = set()
    for index in range(12):
        env = make_env(TRAVEL, task=index)
        task = task_of(index)

        async def first_listing(env: Env = env) -> str:
            opening = await env.start()
            query = make_expert(TRAVEL, "full").act(opening.messages)
            return (await env.step(Message(role="assistant", content=query))).messages[0].content

        header, *rows = asyncio.run(first_listing()).split("\n")
        part = task.aspects[0]
        assert vocabulary("standard")[part.aspect].title in header
        assert len(rows) == 12
        options = [json.loads(row) for row in rows]
        assert all(list(option) == ["id", *fields[part.aspect]] for option in options)
        assert {option["id"] for option in options} == {option.option_id for option in part.options}
        seen.add(part.aspect)
    assert len(seen) >= 4


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_full_marks_of_tier_22_under_the_upstream_scheme_are_5_2(play: Play, difficulty: str) -> None:
    options = {"difficulty": difficulty, "reward": "upstream"}
    dialogue = play(make_env(TRAVEL, task=5, **options), make_expert(TRAVEL, "full", **options).act)
    rewards = [step.reward for step in dialogue.steps]
    assert sum(rewards) == pytest.approx(0.8 * 4 + 1.0 * 2)
    by_kind = {step.facts.kind: step.reward for step in dialogue.steps}
    assert by_kind == {"search": 0.0, "ask": 0.8, "act": 1.0}


def test_under_the_outcome_scheme_no_step_is_scored(play: Play) -> None:
    dialogue = play(make_env(TRAVEL, task=5, difficulty="nano"), make_expert(TRAVEL, "full", difficulty="nano").act)
    assert {step.reward for step in dialogue.steps} == {None}
    assert (dialogue.outcome.score, dialogue.outcome.success) == (1.0, True)


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_a_dearer_fit_pays_less_and_a_misfit_nothing(play: Play, difficulty: str) -> None:
    options = {"difficulty": difficulty, "reward": "upstream", "options_per_aspect": 9}
    task = task_of(**options)
    first, second = task.aspects
    dearer = first.fitting[1]  # nine rows hold a twin of every look-alike
    misfit = next(option for option in second.options if option not in second.fitting)
    dialogue = play(
        make_env(TRAVEL, task=0, **options), [f"[answer] {dearer.option_id}", f"[answer] {misfit.option_id}"]
    )
    assert [step.reward for step in dialogue.steps] == [0.8, 0.0]
    assert [step.facts.useful for step in dialogue.steps] == [False, False]
    assert [step.done for step in dialogue.steps] == [False, True]
    assert (dialogue.outcome.score, dialogue.outcome.success) == (0.0, False)


def test_two_wrong_choices_end_the_episode(play: Play) -> None:
    task = task_of(difficulty="nano")
    wrong = [next(o for o in part.options if o not in part.fitting).option_id for part in task.aspects]
    dialogue = play(make_env(TRAVEL, task=0, difficulty="nano"), [f"[answer] {name}" for name in wrong])
    assert [(step.done, step.truncated) for step in dialogue.steps] == [(False, False), (True, False)]


def test_several_ids_in_one_answer_change_nothing(play: Play) -> None:
    task = task_of(difficulty="nano", reward="upstream")
    both = " , ".join(part.best.option_id for part in task.aspects)
    env = make_env(TRAVEL, task=0, difficulty="nano", reward="upstream")
    dialogue = play(env, [f"[answer] {both}", "[answer]", "[answer] please", "[finish]"])
    assert dialogue.replies[:3] == ["no such option"] * 3
    assert [step.reward for step in dialogue.steps] == [0.0] * 4
    assert dialogue.outcome.score == 0.0


def test_half_of_the_aspects_right_is_half_a_score(play: Play) -> None:
    task = task_of(difficulty="nano")
    env = make_env(TRAVEL, task=0, difficulty="nano")
    dialogue = play(env, [f"[answer] {task.aspects[1].best.option_id.lower()} .", "[finish]"])
    assert dialogue.steps[-1].done
    assert dialogue.steps[-1].facts.kind == "finish"
    assert (dialogue.outcome.score, dialogue.outcome.success) == (0.5, False)


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_a_repeated_question_gets_the_same_wish_and_no_pay(play: Play, difficulty: str) -> None:
    task = task_of(difficulty=difficulty)
    preference = task.preferences[2]
    text = question(task, preference.fact, difficulty)
    env = make_env(TRAVEL, task=0, difficulty=difficulty, reward="upstream")
    dialogue = play(env, [text] * 4)
    cues = vocabulary(difficulty)[preference.aspect].topic(preference.topic).value(preference.value).cues
    assert all(any(cue in reply for cue in cues) for reply in dialogue.replies)
    assert [step.facts.revealed for step in dialogue.steps] == [(preference.fact,), (), (), ()]
    assert [step.facts.repeated for step in dialogue.steps] == [False, True, True, True]
    assert [step.reward for step in dialogue.steps] == [0.8, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_after_three_idle_messages_the_user_brings_up_a_wish(play: Play, difficulty: str) -> None:
    task = task_of(difficulty=difficulty)
    env = make_env(TRAVEL, task=0, difficulty=difficulty, reward="upstream")
    dialogue = play(env, [TALK[difficulty]] * 8)
    revealed = [step.facts.revealed for step in dialogue.steps]
    assert [len(facts) for facts in revealed] == [0, 0, 0, 1, 0, 0, 0, 1]
    assert len({fact for facts in revealed for fact in facts}) == 2
    assert {step.reward for step in dialogue.steps} == {0.0}
    assert not any(step.facts.useful for step in dialogue.steps)
    aspect, topic = revealed[3][0].split(".")
    wish = next(p.value for p in task.preferences if p.fact == revealed[3][0])
    assert any(cue in dialogue.replies[3] for cue in vocabulary(difficulty)[aspect].topic(topic).value(wish).cues)


def test_a_question_about_a_wish_resets_the_patience_of_the_user(play: Play) -> None:
    task = task_of(difficulty="nano")
    asked = question(task, task.preferences[0].fact, "nano")
    dialogue = play(make_env(TRAVEL, task=0, difficulty="nano"), [TALK["nano"]] * 3 + [asked] + [TALK["nano"]] * 3)
    assert [len(step.facts.revealed) for step in dialogue.steps] == [0, 0, 0, 1, 0, 0, 0]


def test_booking_an_aspect_drops_its_hidden_wishes(play: Play) -> None:
    task = task_of(difficulty="nano")
    first = task.aspects[0]
    told, untold = (question(task, p.fact, "nano") for p in first.preferences)
    dialogue = play(
        make_env(TRAVEL, task=0, difficulty="nano"),
        [told, f"[answer] {first.best.option_id}", untold, told] + [TALK["nano"]] * 9,
    )
    assert dialogue.replies[2] == "no wish there"
    assert dialogue.steps[3].facts.repeated
    revealed = {fact for step in dialogue.steps for fact in step.facts.revealed}
    assert revealed == {first.preferences[0].fact, *(p.fact for p in task.aspects[1].preferences)}


def test_an_unanswered_question_reveals_nothing_and_can_be_asked_again(play: Play) -> None:
    task = task_of(difficulty="nano")
    asked = question(task, task.preferences[0].fact, "nano")
    env = make_env(TRAVEL, task=0, difficulty="nano", unanswered=1.0)
    dialogue = play(env, [asked, asked])
    assert dialogue.replies == [NO_INFORMATION] * 2
    assert [step.facts.revealed for step in dialogue.steps] == [(), ()]
    assert not any(step.facts.useful or step.facts.repeated for step in dialogue.steps)
    # at one half, some questions are answered and some are not, and asking again helps in the end
    replies = []
    for seed in range(40):
        replies.append(play(make_env(TRAVEL, task=0, seed=seed, difficulty="nano", unanswered=0.5), [asked]).replies[0])
    assert 5 < replies.count(NO_INFORMATION) < 35
    patient = play(make_env(TRAVEL, task=0, difficulty="nano", unanswered=0.5), [asked] * 12)
    assert sum(len(step.facts.revealed) for step in patient.steps) == 1


def test_every_third_search_fails_where_asked_for(play: Play) -> None:
    task = task_of(difficulty="nano")
    query = f"[search] flight {' '.join(value for _, value in task.aspects[0].arguments)}"
    dialogue = play(make_env(TRAVEL, task=0, difficulty="nano", search_failures=3), [query] * 6)
    assert [reply == "please search again" for reply in dialogue.replies] == [False, False, True] * 2
    never = play(make_env(TRAVEL, task=0, difficulty="nano"), [query] * 12)
    assert "please search again" not in never.replies


@pytest.mark.parametrize("tier", TIERS)
def test_turn_limits_leave_room_to_finish(play: Play, tier: str) -> None:
    needed = 2 * len(TIERS[tier]) + sum(TIERS[tier])
    env = make_env(TRAVEL, task=0, difficulty="nano", tier=tier)
    assert env.max_turns == TURN_LIMITS[tier] == max(16, needed + 4)
    dialogue = play(env, ["[action] hello"] * 99)
    assert len(dialogue.steps) == env.max_turns
    assert [(s.done, s.truncated) for s in dialogue.steps] == [(False, False)] * (env.max_turns - 1) + [(False, True)]
    assert dialogue.outcome.score == 0.0


def test_a_last_booking_on_the_last_turn_is_done_not_truncated(play: Play) -> None:
    task = task_of(difficulty="nano")
    answers = [f"[answer] {part.best.option_id}" for part in task.aspects]
    dialogue = play(make_env(TRAVEL, task=0, difficulty="nano", max_turns=2), answers)
    assert (dialogue.steps[-1].done, dialogue.steps[-1].truncated) == (True, False)
    assert dialogue.outcome.success


def test_steps_outside_an_episode_are_refused() -> None:
    async def run() -> None:
        env = make_env(TRAVEL, task=0, difficulty="nano")
        talk = Message(role="assistant", content="[finish]")
        with pytest.raises(RuntimeError, match="not started"):
            await env.step(talk)
        await env.start()
        with pytest.raises(RuntimeError, match="starts once"):
            await env.start()
        await env.step(talk)
        with pytest.raises(RuntimeError, match="over"):
            await env.step(talk)

    asyncio.run(run())


def test_a_tool_call_is_the_same_action(play: Play) -> None:
    task = task_of(difficulty="nano")
    best = [part.best.option_id for part in task.aspects]

    def call(choice: str, content: str, name: str) -> Message:
        arguments = json.dumps({"choice": choice, "content": content})
        return Message(
            role="assistant", content="", tool_calls=(ToolCall(id=name, name="interact", arguments=arguments),)
        )

    asked = question(task, task.preferences[0].fact, "nano")
    plain = play(make_env(TRAVEL, task=0, difficulty="nano"), [asked, f"[answer] {best[0]}", f"[answer] {best[1]}"])
    calls = play(
        make_env(TRAVEL, task=0, difficulty="nano"),
        [call("action", asked[9:], "a"), call("answer", best[0], "b"), call("answer", best[1], "c")],
    )
    assert calls.replies == plain.replies
    assert [step.facts for step in calls.steps] == [step.facts for step in plain.steps]
    assert [(s.messages[0].role, s.messages[0].tool_call_id) for s in calls.steps] == [
        ("tool", "a"),
        ("tool", "b"),
        ("tool", "c"),
    ]


def test_state_key_and_reference_answer() -> None:
    async def run() -> None:
        task = task_of(difficulty="nano")
        asked = [question(task, p.fact, "nano") for p in task.preferences[:2]]
        keys = []
        for order in (asked, asked[::-1]):
            env = make_env(TRAVEL, task=0, seed=len(keys), difficulty="nano")
            await env.start()
            before = env.state_key()
            await env.step(Message(role="assistant", content="[action] hello"))
            assert env.state_key() == before
            for text in order:
                await env.step(Message(role="assistant", content=text))
            keys.append(env.state_key())
            assert keys[-1] != before
            assert env.reference_answer() == ", ".join(part.best.option_id for part in task.aspects)
        assert keys[0] == keys[1]

    asyncio.run(run())


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_one_seed_one_dialogue(play: Play, difficulty: str) -> None:
    options = {"difficulty": difficulty, "unanswered": 0.3}

    def transcript(seed: int) -> list[tuple[str, str]]:
        random.seed(seed * 7 + 1)  # the global generator must play no part
        state = random.getstate()
        env = make_env(TRAVEL, task=11, seed=seed, **options)
        result = play(env, make_expert(TRAVEL, "weak", seed=3, **options).act).transcript
        assert random.getstate() == state
        return result

    assert transcript(1) == transcript(1)
    assert len({str(transcript(seed)) for seed in range(6)}) > 1


def test_the_seed_shuffles_the_options_and_changes_none(play: Play) -> None:
    listings = set()
    for seed in range(8):
        expert = make_expert(TRAVEL, "full", difficulty="nano")
        listings.add(play(make_env(TRAVEL, task=0, seed=seed, difficulty="nano"), expert.act).replies[0])
    assert len(listings) > 4
    assert len({tuple(sorted(text.split("\n"))) for text in listings}) == 1


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
@pytest.mark.parametrize("tier", ["22", "334"])
def test_no_wish_is_told_before_the_user_tells_it(play: Play, difficulty: str, tier: str) -> None:
    options = {"difficulty": difficulty, "tier": tier}
    words = vocabulary(difficulty)
    for index in range(60):
        env = make_env(TRAVEL, task=index, seed=index, **options)
        task = task_of(index, **options)
        hidden = {p.fact: p for p in task.preferences}
        dialogue = play(env, make_expert(TRAVEL, "weak", seed=index, **options).act)
        assert dialogue.opening.hidden == tuple(hidden)
        said = [(message.content, ()) for message in dialogue.opening.messages]
        said += [
            (step.messages[0].content, step.facts.revealed)
            for step in dialogue.steps
            if not (step.facts.kind == "search" and step.facts.useful)  # a listing shows the values of all its rows
        ]
        for text, revealed in said:
            for fact in revealed:
                hidden.pop(fact)
            for preference in hidden.values():
                value = words[preference.aspect].topic(preference.topic).value(preference.value)
                for phrase in (*value.cues, value.phrase, value.wish):
                    assert not re.search(rf"\b{re.escape(phrase.lower())}\b", text.lower()), (text, phrase)


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_stated_preferences_are_in_the_opening_and_not_hidden(play: Play, difficulty: str) -> None:
    options = {"difficulty": difficulty, "reveal": "some", "tier": "33"}
    words = vocabulary(difficulty)
    for index in range(20):
        task = task_of(index, **options)
        dialogue = play(make_env(TRAVEL, task=index, **options), ["[finish]"])
        text = dialogue.opening.messages[-1].content
        for preference in task.preferences:
            wish = words[preference.aspect].topic(preference.topic).value(preference.value).wish
            stated = f"my {preference.topic} {wish}" if difficulty == "nano" else f": {wish}"
            assert (stated in text) == (preference.fact in task.revealed)
        assert set(dialogue.opening.hidden) == {p.fact for p in task.preferences} - task.revealed


def test_asking_for_a_stated_preference_is_repetition(play: Play) -> None:
    task = task_of(difficulty="nano", reveal="all")
    env = make_env(TRAVEL, task=0, difficulty="nano", reveal="all", reward="upstream")
    (step,) = play(env, [question(task, task.preferences[0].fact, "nano")]).steps
    assert step.facts.repeated
    assert step.facts.revealed == ()
    assert step.reward == 0.0


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"tier": "23"}, "tier"),
        ({"difficulty": "nanno"}, "nano"),
        ({"reward": "dense"}, "reward"),
        ({"reveal": "most"}, "reveal"),
        ({"options_per_aspect": 3}, "options_per_aspect"),
        ({"options_per_aspect": 4, "tier": "44"}, "at least|from 5"),
        ({"options_per_aspect": 4.5}, "options_per_aspect"),
        ({"unanswered": 1.5}, "unanswered"),
        ({"unanswered": "often"}, "unanswered"),
        ({"search_failures": -1}, "search_failures"),
        ({"max_turns": 0}, "max_turns"),
        ({"max_turns": True}, "max_turns"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], what: str) -> None:
    with pytest.raises(UserError, match=what):
        make_env(TRAVEL, task=0, **options)


def test_the_tier_may_be_a_number_and_an_unknown_user_is_refused() -> None:
    assert make_env(TRAVEL, task=0, tier=22).task_id == "travel-22-standard-train-000000"
    assert make_env(TRAVEL, task=0, user="scripted").task_id == "travel-22-standard-train-000000"
    with pytest.raises(UserError, match="unknown user"):
        make_env(TRAVEL, task=0, user="gpt")


TEXTS = st.one_of(
    st.text(max_size=60),
    st.tuples(
        st.sampled_from(["[action]", "[search]", "[answer]", "[finish", "[ACTION]", "<think>x</think>[action]"]),
        st.one_of(
            st.text(max_size=40),
            st.lists(
                st.sampled_from(
                    "which seat meal ? flight hotel rome june 12 99 june 2026-13-45 F3 H1 F1, and anything else".split()
                ),
                max_size=8,
            ).map(" ".join),
        ),
    ).map(" ".join),
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(DIFFICULTIES), st.integers(0, 3999), st.lists(TEXTS, min_size=1, max_size=6))
def test_any_text_gets_a_valid_step(difficulty: str, seed: int, texts: list[str]) -> None:
    async def run() -> None:
        env = make_env(TRAVEL, task=seed % 50, seed=seed, difficulty=difficulty, reward="upstream", unanswered=0.2)
        hidden = set((await env.start()).hidden)
        for text in texts:
            step = await env.step(Message(role="assistant", content=text))
            assert isinstance(step, Step)
            assert step.messages
            assert all(message.role == "user" and message.content for message in step.messages)
            assert step.reward is not None
            assert 0.0 <= step.reward <= 1.0
            assert step.facts is not None
            assert set(step.facts.revealed) <= hidden  # each fact once
            hidden -= set(step.facts.revealed)
            if step.done:
                break
        assert 0.0 <= (await env.outcome()).score <= 1.0

    asyncio.run(run())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=10), st.text(max_size=30)), min_size=1, max_size=3))
def test_any_tool_call_gets_an_answer_a_call(calls: list[tuple[str, str]]) -> None:
    async def run() -> None:
        env = make_env(TRAVEL, task=1, difficulty="nano")
        await env.start()
        tool_calls = tuple(ToolCall(id=str(k), name=name, arguments=text) for k, (name, text) in enumerate(calls))
        step = await env.step(Message(role="assistant", content="", tool_calls=tool_calls))
        assert [message.tool_call_id for message in step.messages] == [call.id for call in tool_calls]

    asyncio.run(run())
