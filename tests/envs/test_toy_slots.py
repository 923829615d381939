"""toy/slots: the rules of asking and answering, its tasks and splits, and the experts beside it."""

import asyncio
import itertools
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infopo.core import Message, Outcome, ToolCall, TurnFacts, UserError
from infopo.envs import Env, Step, make_env, make_expert, num_tasks
from infopo.envs.toy.slots import GUIDE, NOT_UNDERSTOOD, SLOTS, UNANSWERED, SlotsOptions, split_tasks

ALL_SPLITS = ("train", "test")
ALL_SIZES = list(itertools.product(range(1, 9), range(2, 7)))


def say(text: str) -> Message:
    return Message(role="assistant", content=text)


def play(env: Env, *texts: str) -> tuple[list[Step], Outcome]:
    """Start, then one step a text; the outcome is asked for whether or not the episode has ended."""

    async def run() -> tuple[list[Step], Outcome]:
        await env.start()
        steps = [await env.step(say(text)) for text in texts]
        return steps, await env.outcome()

    return asyncio.run(run())


def opening_of(env: Env) -> tuple[Message, ...]:
    return asyncio.run(env.start()).messages


def words_of(env: Env) -> tuple[list[str], list[str]]:
    """The slots and the hidden values of a fresh environment's task."""
    text = opening_of(env)[-1].content
    answer = env.reference_answer()
    assert answer is not None
    return text.split(" : ")[0].split()[1:], answer.split()


def nano(task: int = 0, **options: Any) -> Env:
    return make_env("toy/slots", task=task, difficulty="nano", **options)


def run_expert(kind: Any, env: Env, *, seed: int = 0, **options: Any) -> tuple[list[str], Outcome]:
    expert = make_expert("toy/slots", kind, seed=seed, **options)

    async def run() -> tuple[list[str], Outcome]:
        messages = list((await env.start()).messages)
        actions, over = [], False
        while not over:
            actions.append(expert.act(tuple(messages)))
            step = await env.step(say(actions[-1]))
            messages += [say(actions[-1]), *step.messages]
            over = step.done or step.truncated
        return actions, await env.outcome()

    return asyncio.run(run())


def test_the_opening_names_slots_and_possible_values_and_nothing_hidden() -> None:
    slots, _ = words_of(nano())
    env = nano()
    opening = asyncio.run(env.start())
    choices = " / ".join(" ".join(SLOTS[slot][:4]) for slot in slots)
    assert opening.messages == (Message(role="user", content=f"guess {' '.join(slots)} : {choices}"),)
    assert opening.hidden == tuple(slots)
    assert opening.tools == ()
    assert len(slots) == 2


def test_standard_is_the_same_env_with_an_explanation() -> None:
    standard = opening_of(make_env("toy/slots", task=3))
    assert standard == (Message(role="system", content=GUIDE), *opening_of(nano(3)))


def test_a_full_dialogue() -> None:
    slots, values = words_of(nano())
    steps, outcome = play(nano(), f"[action] which {slots[1]} ?", f"[answer] {' '.join(values)}")
    assert steps[0] == Step(
        messages=(Message(role="user", content=f"it is {values[1]}"),),
        feedback_kind="user",
        facts=TurnFacts(kind="ask", revealed=(slots[1],), useful=True),
    )
    assert steps[1] == Step(messages=(), feedback_kind="none", done=True, facts=TurnFacts(kind="act", useful=True))
    assert outcome == Outcome(score=1.0, success=True)


def test_a_repeated_question_gets_the_same_value_and_is_marked() -> None:
    slots, _ = words_of(nano(unanswered=0.5, max_turns=200))
    steps, _ = play(nano(unanswered=0.5, max_turns=200), *[f"[action] {slots[0]}"] * 60)
    texts = [step.messages[0].content for step in steps]
    first = next(index for index, text in enumerate(texts) if text != UNANSWERED)
    assert set(texts[:first]) <= {UNANSWERED}
    assert set(texts[first:]) == {texts[first]}
    assert [step.facts.repeated for step in steps] == [index > first for index in range(60)]
    assert [step.facts.useful for step in steps] == [index == first for index in range(60)]
    assert [step.facts.revealed for step in steps] == [(slots[0],) if index == first else () for index in range(60)]


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("[action] hello", "ask"),
        ("[action]", "ask"),
        ("which {0} ?", "invalid"),
        ("[search] {0}", "invalid"),
        ("[finish]", "invalid"),
        ("", "invalid"),
        ("[action] which {0} and {1} ?", "ask"),
    ],
)
def test_what_is_no_question_about_one_slot_is_not_understood(action: str, kind: str) -> None:
    slots, _ = words_of(nano())
    (step,), outcome = play(nano(), action.format(*slots))
    assert step.messages == (Message(role="user", content=NOT_UNDERSTOOD),)
    assert step.facts == TurnFacts(kind=kind)
    assert not step.done
    assert outcome == Outcome(score=0.0, success=False)


def test_a_question_about_a_slot_of_another_task_reveals_nothing() -> None:
    slots, _ = words_of(nano())
    other = next(slot for slot in SLOTS if slot not in slots)
    (step,), _ = play(nano(), f"[action] which {other} ?")
    assert step.messages[0].content == NOT_UNDERSTOOD


def test_score_is_the_share_of_slots_right_in_order() -> None:
    slots, values = words_of(nano(slots=3, values=6))
    wrong = [next(word for word in SLOTS[slot] if word != value) for slot, value in zip(slots, values, strict=True)]

    def outcome(*answer: str) -> Outcome:
        return play(nano(slots=3, values=6), f"[answer] {' '.join(answer)}")[1]

    assert outcome(*values) == Outcome(score=1.0, success=True)
    assert outcome(f"{values[0].upper()},", f"{values[1]};", values[2]) == Outcome(score=1.0, success=True)
    assert outcome(values[0], wrong[1], values[2]) == Outcome(score=2 / 3, success=False)
    assert outcome(*values[:1]) == Outcome(score=1 / 3, success=False)
    assert outcome(values[1], values[0], values[2]) == Outcome(score=1 / 3, success=False)
    assert outcome(*wrong) == outcome() == Outcome(score=0.0, success=False)
    assert outcome(*values, wrong[0]) == Outcome(score=0.0, success=False)  # naming more than one value a slot


def test_all_or_nothing() -> None:
    slots, values = words_of(nano(slots=3, score="all"))
    wrong = next(word for word in SLOTS[slots[2]] if word != values[2])
    ends = [
        play(nano(slots=3, score="all"), f"[answer] {' '.join((*values[:2], last))}")[1] for last in (values[2], wrong)
    ]
    assert ends == [Outcome(score=1.0, success=True), Outcome(score=0.0, success=False)]
    with pytest.raises(UserError, match="score of toy/slots"):
        nano(score="half")


@pytest.mark.parametrize(("scheme", "expected"), [("outcome", [None] * 5), ("upstream", [0.2, 0.0, 0.0, 0.2, 1.0])])
def test_the_two_reward_schemes(scheme: str, expected: list[float | None]) -> None:
    slots, values = words_of(nano())
    first, second = (f"[action] which {slot} ?" for slot in slots)
    actions = [first, first, "[action] hm", second, f"[answer] {' '.join(values)}"]
    steps, _ = play(nano(reward=scheme), *actions)
    assert [step.reward for step in steps] == expected


def test_upstream_pays_nothing_for_what_the_opening_said_or_for_a_wrong_answer() -> None:
    slots, values = words_of(nano(reveal="all", reward="upstream"))
    steps, _ = play(nano(reveal="all", reward="upstream"), f"[action] {slots[0]}", f"[answer] {values[0]}")
    assert [step.reward for step in steps] == [0.0, 0.0]
    assert steps[0].facts == TurnFacts(kind="ask")
    assert steps[0].messages[0].content == f"it is {values[0]}"


@pytest.mark.parametrize(
    ("reveal", "count"), [("none", 0), ("some", 1), ("all", 3), (0.0, 0), (2 / 3, 2), (0.9, 2), (1, 3)]
)
def test_the_opening_reveals_the_share_asked_for(reveal: float | str, count: int) -> None:
    env = nano(slots=3, reveal=reveal)
    opening = asyncio.run(env.start())
    first, *stated = opening.messages[0].content.split("\n")
    slots = first.split(" : ")[0].split()[1:]
    hidden = dict(zip(slots, env.reference_answer().split(), strict=True))
    assert len(stated) == count
    assert set(stated) <= {f"my {slot} : {value}" for slot, value in hidden.items()}
    assert opening.hidden == tuple(slot for slot in slots if f"my {slot} : {hidden[slot]}" not in stated)


def test_which_slots_are_revealed_depends_on_the_seed_alone() -> None:
    texts = [opening_of(nano(slots=4, reveal="some", seed=seed))[0].content for seed in (1, 1, 2, 3, 4)]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 1
    assert len({text.split("\n")[0] for text in texts}) == 1


def test_the_placeholder_comes_about_as_often_as_asked_for() -> None:
    slots, _ = words_of(nano())
    silent = sum(
        play(nano(seed=seed, unanswered=0.3), f"[action] {slots[0]}")[0][0].messages[0].content == UNANSWERED
        for seed in range(300)
    )
    assert 60 <= silent <= 120  # mean 90, standard deviation 8
    assert UNANSWERED == "No information found."
    (step,), _ = play(nano(unanswered=1.0, reward="upstream"), f"[action] {slots[0]}")
    assert (step.facts, step.reward) == (TurnFacts(kind="ask"), 0.0)


def test_the_turn_limit_truncates() -> None:
    assert nano().max_turns == 6
    assert nano(slots=5).max_turns == 12
    steps, outcome = play(nano(max_turns=2), "[action] hm", "[action] hm")
    assert [(step.done, step.truncated) for step in steps] == [(False, False), (False, True)]
    assert outcome == Outcome(score=0.0, success=False)
    (step,), _ = play(nano(max_turns=1), "[answer] red")
    assert (step.done, step.truncated) == (True, False)  # an answer on the last turn counts


def test_an_environment_is_used_once() -> None:
    async def run() -> None:
        env = nano()
        with pytest.raises(RuntimeError, match="not started"):
            await env.step(say("[answer] red"))
        await env.start()
        with pytest.raises(RuntimeError, match="starts once"):
            await env.start()
        await env.step(say("[answer] red"))
        with pytest.raises(RuntimeError, match="is over"):
            await env.step(say("[answer] red"))
        await env.close()
        assert (await env.outcome()).success is False
        closed = nano()
        await closed.start()
        await closed.close()
        with pytest.raises(RuntimeError, match="is over"):
            await closed.step(say("[answer] red"))

    asyncio.run(run())


def test_a_tool_call_is_the_same_action_and_is_answered_as_a_tool() -> None:
    slots, values = words_of(nano())
    arguments = f'{{"choice": "action", "content": "which {slots[0]} ?"}}'
    calls = tuple(ToolCall(id=name, name="interact", arguments=arguments) for name in ("a", "b"))
    env = nano()
    opening_of(env)
    step = asyncio.run(env.step(Message(role="assistant", content="", tool_calls=calls)))
    assert [(message.role, message.tool_call_id) for message in step.messages] == [("tool", "a"), ("tool", "b")]
    assert [message.content for message in step.messages] == [f"it is {values[0]}", NOT_UNDERSTOOD]
    assert step.facts == TurnFacts(kind="ask", revealed=(slots[0],), useful=True)


def test_the_state_key_is_the_set_of_known_slots() -> None:
    slots, _ = words_of(nano())

    def key(*asked: str) -> str:
        env = nano()
        play(env, *[f"[action] {slot}" for slot in asked])
        return env.state_key()

    assert key(*slots) == key(*reversed(slots))
    assert len({key(), key(slots[0]), key(slots[1]), key(*slots)}) == 4
    assert key("hm") == key()
    _, values = words_of(nano())
    assert not any(value in key(*slots) for value in values)


@pytest.mark.parametrize(("slots", "values"), ALL_SIZES)
def test_splits_hold_distinct_tasks_and_share_none(slots: int, values: int) -> None:
    tasks = {split: split_tasks(slots, values, split) for split in ALL_SPLITS}
    for split, most in (("train", 4000), ("test", 1000)):
        assert num_tasks("toy/slots", split, slots=slots, values=values) == len(tasks[split])
        assert 0 < len(tasks[split]) == len(set(tasks[split])) <= most
    contents = {
        split: {frozenset(zip(task.slots, task.values, strict=True)) for task in tasks[split]} for split in ALL_SPLITS
    }
    assert not contents["train"] & contents["test"]
    for task in tasks["test"]:
        assert len(set(task.slots)) == slots
        assert all(value in SLOTS[slot][:values] for slot, value in zip(task.slots, task.values, strict=True))


def test_small_sizes_are_enumerated_in_full() -> None:
    assert len(split_tasks(2, 4, "train")) + len(split_tasks(2, 4, "test")) == 8 * 7 * 4**2
    words = [word for group in SLOTS.values() for word in group]
    assert len(set(words)) == 48
    assert not set(words) & set(SLOTS)
    used = {slot for task in split_tasks(2, 4, "test") for slot in task.slots}
    assert used == set(SLOTS)


def test_a_task_stays_on_its_side_when_the_number_of_values_grows() -> None:
    small, large = set(split_tasks(2, 3, "train")), set(split_tasks(2, 6, "test"))
    assert not small & large


def test_the_task_id_says_nothing_about_the_hidden_values() -> None:
    env = nano(7, split="test")
    assert env.task_id == "toy/slots/2x4/test/7"
    assert make_env("toy/slots", split="test", seed=5).task_id == make_env("toy/slots", split="test", seed=5).task_id


@pytest.mark.parametrize(
    "options",
    [
        {"slots": 0},
        {"slots": 9},
        {"slots": 2.0},
        {"slots": True},
        {"values": 1},
        {"values": 7},
        {"unanswered": -0.1},
        {"unanswered": 1.1},
        {"unanswered": float("nan")},
        {"unanswered": "often"},
        {"reveal": "most"},
        {"reveal": 1.5},
        {"reveal": None},
        {"max_turns": 0},
        {"difficulty": "hard"},
        {"reward": "shaped"},
        {"slot": 2},
    ],
)
def test_bad_options_are_refused_by_name(options: dict) -> None:
    (name,) = options
    with pytest.raises(UserError, match=name):
        make_env("toy/slots", **options)


def test_an_unknown_user_is_refused() -> None:
    assert play(nano(user="scripted"), "[answer] red")[0][0].done
    with pytest.raises(UserError, match="unknown user"):
        nano(user="some-model")


@settings(deadline=None)
@given(
    slots=st.integers(1, 8),
    values=st.integers(2, 6),
    unanswered=st.sampled_from([0.0, 0.3]),
    reveal=st.floats(0, 1),
    seed=st.integers(0, 10**6),
)
def test_the_full_expert_always_succeeds(slots: int, values: int, unanswered: float, reveal: float, seed: int) -> None:
    options = {"slots": slots, "values": values, "reveal": reveal, "unanswered": unanswered, "max_turns": 200}
    env = make_env("toy/slots", seed=seed, split="test", **options)
    actions, outcome = run_expert("full", env, seed=seed, **options)
    assert outcome == Outcome(score=1.0, success=True)
    if not unanswered:
        assert len(actions) == 1 + slots - SlotsOptions(**options).revealed_slots


@pytest.mark.parametrize("kind", ["weak", "full"])
def test_an_expert_answers_before_the_limit_even_when_nobody_answers(kind: str) -> None:
    for seed in range(20):
        env = nano(seed, unanswered=1.0, seed=seed)
        actions, _ = run_expert(kind, env, seed=seed, difficulty="nano", unanswered=1.0)
        assert re.fullmatch(r"\[answer\] [a-z]+ [a-z]+", actions[-1])
        assert len(actions) <= env.max_turns


def test_the_weak_expert_asks_half_guesses_the_rest_and_uses_what_it_hears() -> None:
    asked, known_right, guesses_right, guessed = 0, 0, 0, 0
    episodes = 400
    for seed in range(episodes):
        env = nano(seed, seed=seed)
        slots, values = words_of(nano(seed, seed=seed))
        actions, _ = run_expert("weak", env, seed=seed, difficulty="nano")
        questions = [action.split()[2] for action in actions[:-1]]
        assert len(questions) == len(set(questions))
        answer = actions[-1].split()[1:]
        for slot, value, named in zip(slots, values, answer, strict=True):
            assert named in SLOTS[slot][:4]
            asked += slot in questions
            known_right += slot in questions and named == value
            guessed += slot not in questions
            guesses_right += slot not in questions and named == value
    assert known_right == asked
    assert 340 <= asked <= 460  # of 800, mean 400, standard deviation 14
    assert 0.17 <= guesses_right / guessed <= 0.33  # one of four


def test_the_weak_expert_sometimes_asks_again() -> None:
    again = questions = 0
    for seed in range(400):
        options = {"difficulty": "nano", "slots": 1, "unanswered": 1.0}
        actions, _ = run_expert("weak", nano(0, seed=seed, slots=1, unanswered=1.0), seed=seed, **options)
        questions += len(actions) > 1
        again += len(actions) > 2
    assert 0.2 <= again / questions <= 0.4  # 0.3, standard deviation 0.03


def test_an_expert_needs_an_opening_and_repeats_itself_under_one_seed() -> None:
    with pytest.raises(ValueError, match="no opening"):
        make_expert("toy/slots", "full").act((Message(role="user", content="hello"),))
    runs = [run_expert("weak", nano(9, seed=1), seed=seed, difficulty="nano")[0] for seed in (3, 3, 4, 5, 6, 7)]
    assert runs[0] == runs[1]
    assert len({tuple(run) for run in runs}) > 1


ACTIONS = st.one_of(
    st.text(max_size=30),
    st.builds(
        lambda tag, words: f"[{tag}] {' '.join(words)}",
        st.sampled_from(["action", "ACTION", "answer", "search", "finish", "other"]),
        st.lists(st.sampled_from([*SLOTS, *(word for group in SLOTS.values() for word in group), "which"]), max_size=9),
    ),
)


@settings(deadline=None)
@given(
    actions=st.lists(ACTIONS, max_size=20),
    slots=st.integers(1, 8),
    values=st.integers(2, 6),
    seed=st.integers(0, 10**6),
    split=st.sampled_from(ALL_SPLITS),
    reward=st.sampled_from(["outcome", "upstream"]),
    reveal=st.sampled_from(["none", "some", "all", 0.25]),
    unanswered=st.sampled_from([0.0, 0.5]),
)
def test_no_text_breaks_the_rules(actions: list[str], **options: Any) -> None:
    async def run() -> list[Any]:
        env = make_env("toy/slots", **options)
        opening = await env.start()
        revealed: list[str] = []
        trace: list[Any] = [opening]
        ended = False
        for number, text in enumerate(actions, start=1):
            if ended:
                with pytest.raises(RuntimeError):
                    await env.step(say(text))
                break
            step = await env.step(say(text))
            trace.append(step)
            ended = step.done or step.truncated
            assert not (step.done and step.truncated)
            assert ended == (step.facts.kind == "act" or number == env.max_turns)
            assert (step.reward is None) == (options["reward"] == "outcome")
            assert bool(step.messages) == (step.feedback_kind == "user")
            revealed += step.facts.revealed
            allowed = {UNANSWERED, NOT_UNDERSTOOD} | {f"it is {value}" for value in env.reference_answer().split()}
            assert {message.content for message in step.messages} <= allowed
        outcome = await env.outcome()
        assert len(revealed) == len(set(revealed))
        assert set(revealed) <= set(opening.hidden)
        assert 0.0 <= outcome.score <= 1.0
        assert outcome.success == (outcome.score == 1.0)
        await env.close()
        return [*trace, outcome]

    assert asyncio.run(run()) == asyncio.run(run())  # one seed, one episode
