"""`usergym/function`: formulas, rules of both modes, what guessing is worth, upstream files."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infopo.core import UserError
from infopo.envs import Env, get_spec, make_env, make_expert, num_tasks
from infopo.envs.usergym.function import FunctionOptions, from_upstream, load_records
from infopo.envs.usergym.function.bank import make_task
from infopo.envs.usergym.function.formula import family, read_formula, small_family
from infopo.users import RecordedChat

FUNCTION = "usergym/function"
Play = Callable[..., Any]
RECORD = {"id": "one", "rule": "(a + c * b) ** 2 - d", "test_case": [1, 2, 3, 4], "expected_result": 45.0}


def upstream(**settings: Any) -> Env:
    return from_upstream(RECORD, settings, RecordedChat([]))


@given(st.lists(st.integers(-9, 9), min_size=4, max_size=4))
def test_a_formula_is_the_arithmetic_it_spells(numbers: list[int]) -> None:
    a, b, c, d = map(float, numbers)
    assert read_formula("(a + c * b) ** 2 - d")(numbers) == (a + c * b) ** 2 - d
    assert read_formula("-a - (b - 2.5) * +c - d")(numbers) == -a - (b - 2.5) * c - d
    if c:
        assert read_formula("a - b / c / 2 + d")(numbers) == a - b / c / 2 + d


@pytest.mark.parametrize(
    "rule", ["a +", "__import__('os')", "a.b", "a if b else c", "e + 1", "a // b", "True", "'a' * 9"]
)
def test_nothing_but_arithmetic_is_read(rule: str) -> None:
    with pytest.raises(UserError, match="rule"):
        read_formula(rule)


def test_functions_of_a_family_are_distinct() -> None:
    rng = random.Random(5)
    points = [[rng.uniform(1, 9) for _ in range(4)] for _ in range(3)]
    seen = {tuple(round(read_formula(rule)(point), 6) for point in points) for rule, _ in family("+-*")}
    assert len(seen) == len(family("+-*")) > 2000


@pytest.mark.parametrize("difficulty", ["standard", "nano"])
def test_train_and_test_share_no_function_and_in_nano_no_test_case_of_one(difficulty: str) -> None:
    options = FunctionOptions(difficulty=difficulty)
    tasks = {
        split: [make_task(k, split, options) for k in range(num_tasks(FUNCTION, split, difficulty=difficulty))]
        for split in ("train", "test")
    }
    rules = {split: {task.rule for task in found} for split, found in tasks.items()}
    if difficulty == "standard":
        assert not rules["train"] & rules["test"]
        assert (len(rules["train"]), len(rules["test"])) == (4000, 1000)
    else:
        pairs = {split: {(task.rule, task.test_case) for task in found} for split, found in tasks.items()}
        assert not pairs["train"] & pairs["test"]
        assert rules["train"] == rules["test"] == {rule for rule, _ in small_family()}


def test_a_task_has_a_whole_result() -> None:
    for index in range(300):
        task = make_task(index, "train", FunctionOptions())
        assert task.expected.is_integer()
        assert read_formula(task.rule)(task.test_case) == task.expected


def test_who_never_probes_is_seldom_right() -> None:
    """The best that is possible without a probe: the most frequent result among all functions at the test case."""
    for split in ("train", "test"):
        hits, count = 0, 400
        for index in range(count):
            task = make_task(index, split, FunctionOptions(difficulty="nano"))
            results = Counter(read_formula(rule)(task.test_case) for rule, _ in small_family())
            hits += results.most_common(1)[0][0] == task.expected
        assert hits / count < 0.2


def test_nano_dialogue_word_for_word(play: Play) -> None:
    task = make_task(0, "train", FunctionOptions(difficulty="nano"))
    numbers = " ".join(map(str, task.test_case))
    result = f"{read_formula(task.rule)([1, 1, 2, 1]):.0f}"
    actions = [
        "[action] 1 1 2 1",
        "[action] 1 1 2 1",
        "[action] 1 2 3 8",
        f"[action] {numbers}",
        "[search] rule",
        "[search] test",
        "[answer] many",
        f"<think> hm</think>[answer] {task.expected:.0f}",
    ]
    dialogue = play(make_env(FUNCTION, task=0, difficulty="nano", reward="upstream"), actions)
    assert dialogue.opening.messages[0].content == "find f"
    assert dialogue.replies == [
        f"f of 1 1 2 1 is {result}",
        f"f of 1 1 2 1 is {result}",
        "give four numbers from 1 to 7",
        "not the test",
        "search test",
        "test a {} b {} c {} d {}".format(*task.test_case),
        "give a number",
        "right",
    ]
    facts = [step.facts for step in dialogue.steps]
    assert [fact.useful for fact in facts] == [True, False, False, False, False, True, False, True]
    assert [fact.repeated for fact in facts] == [k == 1 for k in range(8)]
    assert facts[5].revealed == dialogue.opening.hidden == ("test_case",)
    assert [step.reward for step in dialogue.steps] == [0.0] * 7 + [1.0]
    assert dialogue.outcome.success


def test_fixed_mode_mends_what_gave_the_answer_away(play: Play) -> None:
    task = make_task(0, "train", FunctionOptions())
    near = f"[action] {task.test_case[0]}.0000001 {' '.join(map(str, task.test_case[1:]))}"
    dialogue = play(make_env(FUNCTION, task=0), [near, "[finish]"])
    assert "whole numbers" in dialogue.replies[0]
    assert not any(f"{task.expected:.0f}" in reply for reply in dialogue.replies)
    wrong = play(make_env(FUNCTION, task=0), [f"[answer] {task.expected + 1}", "[finish]"])
    assert len(wrong.steps) == 1
    assert wrong.steps[0].done
    assert not wrong.outcome.success


def test_fixed_mode_shows_enough_digits_for_the_answer() -> None:
    shown = make_env(FUNCTION, task=0)._evaluated  # type: ignore[attr-defined]
    assert isinstance(shown([1.0, 2.0, 3.0, 7.0]), str)
    expert = make_expert(FUNCTION, "full")
    assert expert._result("The function gives 0.142857142857 for 1, 2, 3, 4.") == "0.142857142857"  # type: ignore[attr-defined]


def test_upstream_mode_keeps_its_quirks(play: Play) -> None:
    actions = ["[action] 1.0000001 2 3 4", "[answer] 44", "[Answer] 45", "[finish]"]
    dialogue = play(upstream(max_steps=4), actions)
    assert "45.0" in dialogue.replies[0]
    assert [step.done for step in dialogue.steps] == [False, False, False, True]
    assert dialogue.steps[-1].truncated
    assert "45" in dialogue.replies[-1]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"rule": "a +"}, "record 1: field 'rule'"),
        ({"test_case": [1, 2, 3]}, "record 1: field 'test_case'"),
        ({"expected_result": "45"}, "record 1: field 'expected_result'"),
        ({"id": None}, "record 1: field 'id'"),
    ],
)
def test_a_broken_record_is_named(tmp_path: Path, change: dict[str, Any], what: str) -> None:
    path = tmp_path / "functions.json"
    path.write_text(json.dumps([RECORD, RECORD | change]))
    with pytest.raises(UserError, match=f"functions.json, {what}"):
        load_records(path)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "functions.json"
    with pytest.raises(UserError, match="cannot be read"):
        load_records(path)
    path.write_text('[\n{"id": ]')
    with pytest.raises(UserError, match="line 2"):
        load_records(path)
    path.write_text("{}")
    with pytest.raises(UserError, match="list"):
        load_records(path)


@pytest.mark.parametrize(
    ("settings", "what"),
    [({"max_step": 3}, "max_steps"), ({"max_steps": "3"}, "max_steps"), ({"max_steps": 0}, "at least 1")],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], what: str) -> None:
    with pytest.raises(UserError, match=what):
        upstream(**settings)


def test_the_published_tasks_load_and_agree_with_their_results(upstream_file: Callable[[str], Path]) -> None:
    records = load_records(upstream_file("FunctionGym/functions.json"))
    assert len(records) == 538
    for record in records:
        assert read_formula(record["rule"])(record["test_case"]) == pytest.approx(record["expected_result"], abs=1e-6)
        env = from_upstream(record, {"max_steps": 16}, RecordedChat([]))
        assert asyncio.run(env.start()).messages


def test_a_canary_is_nothing_that_is_said_anyway() -> None:
    """A rule that is one letter stands in every text, and what it gives for the test case is a number of it."""
    spec, options = get_spec(FUNCTION), FunctionOptions(difficulty="nano")
    assert spec.canary is not None
    assert any(len(make_task(seed, "train", options).rule) == 1 for seed in range(12))
    for seed in range(12):
        secrets = spec.canary(seed, options).secrets
        assert all(len(word) > 1 for words in secrets.values() for word in words)
        assert not set(secrets["the result"]) & set(secrets["test_case"])
