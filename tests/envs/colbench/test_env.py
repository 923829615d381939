"""`colbench/code` as an environment: markers and limits, what tests decide, the published quirks, hostile answers."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from infopo.core import Message, ToolCall, UserError
from infopo.envs import make_env, make_expert
from infopo.envs.colbench.answers import BANNED
from infopo.envs.colbench.bank import functions
from infopo.envs.colbench.checker import Checker, Value, run_calls
from infopo.envs.colbench.options import CodeOptions

Play = Callable[..., Any]
CODE = "colbench/code"
DIFFICULTIES = ("standard", "nano")
MODULE, OFFICIAL = CodeOptions(), CodeOptions(scope="official")

every_difficulty = pytest.mark.parametrize("difficulty", DIFFICULTIES)


def right(env: Any) -> str:
    text = env.reference_answer()
    assert text
    return str(text)


@every_difficulty
def test_the_full_expert_is_always_right(play: Play, difficulty: str) -> None:
    played = []
    for index in range(20):
        options = {
            "difficulty": difficulty,
            "unanswered": 0.15 * (index % 2),
            "reveal": ("none", "some")[index % 3 // 2],
        }
        expert = make_expert(CODE, "full", seed=index, **options)
        env = make_env(CODE, task=index, split=("train", "test")[index % 2], seed=index, **options)
        played.append(play(env, expert.act))
    assert sum(dialogue.outcome.success for dialogue in played) >= 0.95 * len(played)
    assert all(set(dialogue.opening.hidden) <= revealed(dialogue) for dialogue in played if dialogue.outcome.success)
    assert {dialogue.env.verdict.level for dialogue in played} <= {"namespaces", "bubblewrap", "docker"}


def revealed(dialogue: Any) -> set[str]:
    return {fact for step in dialogue.steps for fact in step.facts.revealed}


@every_difficulty
def test_the_weak_expert_is_neither_blind_nor_perfect(play: Play, difficulty: str) -> None:
    options = {"difficulty": difficulty, "unanswered": 0.15}
    wins = [
        play(
            make_env(CODE, task=k, seed=k, **options), make_expert(CODE, "weak", seed=k, **options).act
        ).outcome.success
        for k in range(24)
    ]
    assert 0.1 < sum(wins) / len(wins) < 0.7


def test_nano_keeps_to_a_closed_vocabulary_and_is_short(play: Play) -> None:
    words: set[str] = set()
    for index in range(30):
        options = {"difficulty": "nano", "reveal": ("none", "some", "all")[index % 3], "unanswered": 0.1}
        dialogue = play(
            make_env(CODE, task=index, seed=index, **options), make_expert(CODE, "full", seed=index, **options).act
        )
        tokens = [word for text in dialogue.texts for word in text.split()]
        assert len(tokens) < 100
        words |= set(tokens)
    assert len(words) <= 150


@pytest.mark.parametrize(
    ("scope", "before", "after"),
    [
        ("module", "I WANT TO ANSWER: ", ""),
        ("module", "i_want_to_answer:\n", ""),
        ("module", "Here it is. I want to answer :\n```python\n", "\n```\nGood luck!"),
        ("module", "I WANT TO ANSWER:\n```\n", "```"),
        ("module", "[answer] ", ""),
        ("module", "<think>hm</think>I WANT TO ANSWER: ", ""),
        ("official", "Well. I WANT TO ANSWER: ", ""),
        ("official", "I WANT TO ANSWER:\n", "\nI WANT TO ANSWER: def nonsense("),
        ("official", "I WANT TO ANSWER: no\nOUTPUT: I WANT TO ANSWER:\n", "\nOUTPUT: more"),
        ("official", "I WANT TO ANSWER: so\n```python\n", "```\n```python\nraise ValueError\n```"),
    ],
)
def test_where_an_answer_is_found(play: Play, scope: str, before: str, after: str) -> None:
    env = make_env(CODE, task=1, difficulty="nano", scope=scope)
    dialogue = play(env, [before + right(env) + after])
    assert (dialogue.outcome.score, dialogue.outcome.success) == (1.0, True)
    assert (dialogue.steps[0].done, dialogue.steps[0].messages) == (True, ())
    assert dialogue.steps[0].facts.kind == "act"


@pytest.mark.parametrize(("scope", "text"), [("module", "I WANT TO ANSWER "), ("official", "I Want To Answer: ")])
def test_what_has_no_marker_goes_to_the_user(play: Play, scope: str, text: str) -> None:
    env = make_env(CODE, task=1, difficulty="nano", scope=scope)
    dialogue = play(env, [text + right(env)])
    assert (dialogue.steps[0].done, dialogue.steps[0].facts.kind) == (False, "ask")
    assert dialogue.outcome.score == 0.0


def test_the_tenth_message_is_the_answer_whatever_is_in_it(play: Play) -> None:
    env = make_env(CODE, task=1)
    dialogue = play(env, ["hello"] * 9 + [f"Well:\n```python\n{right(env)}\n```"])
    assert dialogue.outcome.success
    assert (len(dialogue.steps), dialogue.steps[9].done, dialogue.steps[9].truncated) == (10, True, False)
    marked = make_env(CODE, task=1)
    assert play(marked, ["hello"] * 9 + ["I WANT TO ANSWER:" + right(marked)]).outcome.success
    lost = play(make_env(CODE, task=1), ["What about it?"] * 12)
    assert (len(lost.steps), lost.outcome.score, lost.env.verdict.passed) == (10, 0.0, (False,) * 10)


def test_silence_is_no_question_and_finishing_is_no_answer(play: Play) -> None:
    dialogue = play(make_env(CODE, task=1), ["", "  ", "[finish]"])
    assert [step.facts.kind for step in dialogue.steps] == ["invalid", "invalid", "finish"]
    assert (dialogue.steps[2].done, dialogue.env.verdict, dialogue.outcome.score) == (True, None, 0.0)


def test_an_answer_may_be_a_tool_call(play: Play) -> None:
    env = make_env(CODE, task=1, difficulty="nano")
    arguments = json.dumps({"choice": "answer", "content": right(env)})
    call = ToolCall(id="one", name="interact", arguments=arguments)
    spoken = Message(role="assistant", content="", tool_calls=(call,))

    async def run() -> Any:
        await env.start()
        step = await env.step(spoken)
        return step, await env.outcome()

    step, outcome = asyncio.run(run())
    assert (step.done, outcome.success) == (True, True)


def test_a_part_of_the_tests_is_a_part_of_the_score(play: Play) -> None:
    half = "I WANT TO ANSWER: def f(x): return 7 if x > 0 else 1 / 0"
    scores = {}
    for options in ({}, {"score": "all"}, {"reward": "upstream"}):
        env = make_env(CODE, task=nano_task("number"), difficulty="nano", **options)
        env._checker._expected = [7] * 10  # type: ignore[attr-defined]
        dialogue = play(env, ["which op ?", half])
        scores[str(options)] = ([step.reward for step in dialogue.steps], dialogue.outcome.score)
        assert not dialogue.outcome.success
    assert list(scores.values()) == [([None, None], 0.5), ([None, None], 0.0), ([0.0, 0.5], 0.5)]


@pytest.mark.parametrize(
    "forged", ["['float', 10 ** 400]", "['float', {}]", "['dict', [[[], 1]]]", "['no', []]", "[1, 2, 3]"]
)
def test_what_an_answer_forges_is_a_wrong_answer_and_no_failure(forged: str) -> None:
    code = f"import sys\ndef f(x):\n    sys._getframe(2).f_globals['_told'] = lambda v: {forged}\n    return 1\n"
    for scope in ("module", "official"):
        options = CodeOptions(scope=scope)
        # in one of the two scopes what writes the first value is looked up before the answer runs
        assert asyncio.run(_passed(code, ["f(1)", "f(2)"], [1, 1], options))[1] is False


def nano_task(request: str) -> int:
    return [family.request for family, _ in functions("nano", "train")].index(request)


async def _passed(code: str, calls: list[str], expected: list[Any], options: CodeOptions) -> tuple[bool, ...]:
    return (await Checker(calls, options, where="here", expected=expected).check(code)).passed


def passed(code: str, calls: list[str], expected: list[Any], options: CodeOptions = MODULE) -> tuple[bool, ...]:
    return asyncio.run(_passed(code, calls, expected, options))


RECURSION = "def f(n):\n    return 1 if n == 0 else n * f(n - 1)"
HELPER = "def double(n):\n    return 2 * n\n\ndef f(n):\n    return double(n)"
IMPORT = "import math\n\ndef f(n):\n    return math.floor(n)"
CONSTANT = "LIMIT = 3\n\ndef f(n):\n    return min(n, LIMIT)"


@pytest.mark.parametrize(("code", "value"), [(RECURSION, 24), (HELPER, 8), (IMPORT, 4), (CONSTANT, 3)])
def test_functions_that_need_their_neighbours_fail_in_the_official_scope_alone(code: str, value: int) -> None:
    assert passed(code, ["f(4)"], [value]) == (True,)
    assert passed(code, ["f(4)"], [value], OFFICIAL) == (False,)


def test_official_recursion_fails_only_where_it_recurs() -> None:
    assert passed(RECURSION, ["f(0)", "f(1)"], [1, 1], OFFICIAL) == (True, False)


@pytest.mark.parametrize("piece", BANNED)
def test_official_looks_for_words_wherever_they_stand(piece: str) -> None:
    code = f"def f(n):\n    return n  # {piece}"
    assert passed(code, ["f(1)", "f(2)"], [1, 2]) == (True, True)
    assert passed(code, ["f(1)", "f(2)"], [1, 2], OFFICIAL) == (False, False)


@pytest.mark.parametrize("options", [MODULE, OFFICIAL], ids=["module", "official"])
@pytest.mark.parametrize(
    ("text", "expected", "equal"),
    [
        ("True", 1, True),
        ("(1, 2)", [1, 2], False),
        ("(1, 2)", (1, 2), True),
        ("0.1 + 0.2", 0.3, False),
        ("float('nan')", float("nan"), False),
        ("{1: {2, 3}}", {1: {2, 3}}, True),
        ("(x for x in [1])", [1], False),
        ("None", 0, False),
        ("__import__('collections').Counter('aab')", {"a": 2, "b": 1}, True),
    ],
)
def test_values_are_compared_as_python_does(text: str, expected: Any, equal: bool, options: CodeOptions) -> None:
    assert passed(f"def f():\n    return {text}", ["f()"], [expected], options) == (equal,)


EQUAL_TO_ALL = "class Yes:\n    def __eq__(self, other):\n        return True\n\ndef f(n):\n    return Yes()"
FRAMES = """
def f(n):
    import inspect
    found = [frame.frame.f_locals for frame in inspect.stack()]
    return next(value for one in found for value in one.values() if value == 41)
"""
PATCHED = "import builtins\n\nbuiltins.repr = builtins.isinstance = lambda *given: 41\n\ndef f(n):\n    return 0"
LEAVES = "import os\n\ndef f(n):\n    os._exit(0)"
STOPS = "def f(n):\n    raise SystemExit"
DEEP = "def f(n):\n    found = []\n    for _ in range(10000):\n        found = [found]\n    return found"


@pytest.mark.parametrize(
    "code", [EQUAL_TO_ALL, FRAMES, PATCHED, LEAVES, STOPS, DEEP, "def f(", "", "x = 1", "\x00\ud83d"]
)
def test_what_cheats_or_breaks_passes_nothing(code: str) -> None:
    assert passed(code, ["f(1)", "f(2)"], [41, 41]) == (False, False)


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("while True:\n            pass", marks=pytest.mark.slow, id="loop"),
        pytest.param("return 'x' * 10**6", id="flood"),
        pytest.param("return [0] * 10**10", id="memory"),
        pytest.param("import os\n        os._exit(3)", id="exit"),
    ],
)
def test_one_call_that_breaks_costs_one_test(bad: str) -> None:
    code = f"def f(n):\n    if n == 2:\n        {bad}\n    return n"
    assert passed(code, ["f(1)", "f(2)", "f(3)"], [1, 2, 3]) == (True, False, True)


@pytest.mark.slow
def test_code_that_never_ends_is_done_with_before_the_deadline() -> None:
    assert passed("while True:\n    pass", [f"f({n})" for n in range(10)], [0] * 10) == (False,) * 10


def test_an_equal_program_is_run_once() -> None:
    async def twice() -> list[tuple[Value, ...]]:
        code = "import os\n\ndef f():\n    return list(os.urandom(8))"
        return [(await run_calls(code, ["f()"], MODULE)).values for _ in range(2)]

    first, second = asyncio.run(twice())
    assert first == second
    assert first[0].error is None


def test_a_sandbox_that_is_not_there_ends_the_run_and_scores_nothing(play: Play) -> None:
    with pytest.raises(UserError, match="weaker"):
        play(make_env(CODE, task=1, provider="process", required_level="bubblewrap"), ["[answer] x = 1"])


def test_the_level_is_kept_with_the_outcome(play: Play) -> None:
    env = make_env(CODE, task=1, difficulty="nano", provider="process")
    dialogue = play(env, ["[answer] " + right(env)])
    assert dialogue.env.verdict.level == dialogue.outcome.sandbox == "process"
    assert play(make_env(CODE, task=1), ["[finish]"]).outcome.sandbox is None


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"scope": "modul"}, "did you mean 'module'"),
        ({"score": "half"}, "score"),
        ({"difficulty": "hard"}, "difficulty"),
        ({"max_turns": 0}, "max_turns"),
        ({"provider": "namespace"}, "did you mean 'namespaces'"),
        ({"required_level": "bubblewrp"}, "did you mean 'bubblewrap'"),
        ({"data": "x.jsonl", "difficulty": "nano"}, "published tasks know no difficulty"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], what: str) -> None:
    with pytest.raises(UserError, match=what):
        make_env(CODE, task=0, **options)
