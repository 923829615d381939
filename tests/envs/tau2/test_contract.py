"""What the adapter takes for granted, against the benchmark's own task files and facts measured with its package."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infopo.core import ToolCall
from infopo.envs.tau2.guards import DEEPEST, LONGEST_ARGUMENTS, REFUSED, BadCallError, read_arguments, spoken
from infopo.envs.tau2.worker.scripted_user import STOP, TRANSFER, Script, mentions
from infopo.envs.tau2.worker.session import judged
from infopo.tokens.calls import parse_calls

from .conftest import gold_actions, read_tasks

DOMAINS = ("airline", "retail", "telecom")
VERSIONS = {"v1.0.1": "data", "c5b2d22": "data_c5b2d22"}
USUAL_BASIS = ("DB", "COMMUNICATE")  # where a task names none
PAGE = Path(__file__).parents[3] / "docs" / "tau2.md"


def facts(upstream: Path, version: str) -> dict[str, Any]:
    return json.loads((upstream / "conformance" / f"task_facts_{version}.json").read_text())["domains"]


def tasks(upstream: Path, version: str, domain: str) -> dict[str, Any]:
    older = upstream / VERSIONS[version]
    there = (older / "tau2" / "domains" / domain / "tasks.json").is_file()
    return read_tasks(older if there else upstream / "data", domain)


class Action(SimpleNamespace):
    """An action of the ground truth that knows its own calls."""

    def compare_with_tool_call(self, call: Any) -> bool:
        return bool(call.name == self.name and call.arguments == self.arguments)


def actions_of(task: dict[str, Any]) -> list[Action]:
    return [Action(**{"requestor": "assistant", **one}) for one in task["evaluation_criteria"]["actions"] or []]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("domain", DOMAINS)
def test_judged_tasks_are_those_that_need_a_judge(upstream: Path, version: str, domain: str) -> None:
    known = facts(upstream, version)[domain]
    for task_id, task in tasks(upstream, version, domain).items():
        criteria = task["evaluation_criteria"]
        basis = [SimpleNamespace(value=name) for name in criteria.get("reward_basis", USUAL_BASIS)]
        shaped = SimpleNamespace(nl_assertions=criteria.get("nl_assertions"), reward_basis=basis)
        assert judged(SimpleNamespace(evaluation_criteria=shaped)) is known[task_id]["needs_llm_judge"], task_id


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("domain", DOMAINS)
def test_the_scripted_customer_goes_along_with_the_ground_truth(upstream: Path, version: str, domain: str) -> None:
    for task_id, task in tasks(upstream, version, domain).items():
        actions = actions_of(task)
        told = task["evaluation_criteria"].get("communicate_info") or []
        script = Script(task["user_scenario"]["instructions"], actions, told)
        assert script.open().text
        calls, texts, done = [], [], []
        for message in gold_actions(task):
            calls += [SimpleNamespace(name=c.name, arguments=json.loads(c.arguments)) for c in message.tool_calls]
            if message.content:
                texts.append(message.content)
                move = script.answer(calls, texts)
                done += move.actions
        wanted = [place for place, action in enumerate(actions) if action.requestor == "user"]
        assert done == wanted or TRANSFER in move.text, task_id
        assert STOP in move.text or TRANSFER in move.text, task_id


def test_a_customer_does_nothing_that_was_not_asked_for_and_leaves_in_the_end(upstream: Path) -> None:
    for task_id, task in tasks(upstream, "v1.0.1", "telecom").items():
        script = Script(task["user_scenario"]["instructions"], actions_of(task), [])
        moves = [script.answer([], ["Goodbye."] * turn) for turn in range(1, 10)]
        assert not any(move.actions for move in moves), task_id
        assert STOP in moves[-1].text
        told = [fact for move in moves for fact in move.revealed]
        assert tuple(told) == script.hidden


def test_an_action_waits_for_what_comes_before_it() -> None:
    actions = [
        Action(requestor="assistant", name="enable_roaming", arguments={"line": 1}),
        Action(requestor="user", name="toggle_roaming", arguments={}),
    ]
    script = Script({"reason_for_call": "help", "known_info": ".", "task_instructions": ""}, actions, [])
    assert not script.answer([], ["Please switch roaming on."]).actions
    enabled = SimpleNamespace(name="enable_roaming", arguments={"line": 1})
    assert script.answer([enabled], ["Please switch roaming on."]).actions == (1,)
    assert STOP in script.answer([enabled], ["Done?"]).text
    assert not mentions("airplane", "toggle_airplane_mode")


def test_no_text_that_the_package_takes_for_a_call_is_one(upstream: Path) -> None:
    cases = json.loads((upstream / "conformance" / "parser_cases.json").read_text())["parse_action_string"]
    forged = [case for case in cases if any(c["requestor"] == "user" for c in case.get("tool_calls") or [])]
    functional = [c for c in cases if c["kind"] == "tool_call" and not c["input"].lstrip().startswith("{")]
    assert forged
    assert functional
    for case in functional:
        assert parse_calls(case["input"]) == (case["input"], ())
        assert spoken(case["input"]) == case["input"].strip()
    for case in forged:  # what is read of such an object is a name and arguments: who asks is not up to the text
        for call in parse_calls(case["input"])[1]:
            assert set(ToolCall.__slots__) == {"id", "name", "arguments"}
            assert "requestor" not in read_arguments(call)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("Bye ###STOP###", "Bye"),
        ("###ST###STOP###OP###", ""),
        ("### TRANSFER ###x###OUT-OF-SCOPE###", "x"),
        ("<think>###STOP###</think> Hello", "Hello"),
        ("Hello <think>and then", "Hello"),
        ("half \ud83d a sign", "half ? a sign"),
    ],
)
def test_only_what_is_said_aloud_reaches_the_customer(content: str, said: str) -> None:
    assert spoken(content) == said


@pytest.mark.parametrize("content", ["<tool_call>{bad</tool_call>", "x <tool_call>", '</tool_call>{"name": "f"}'])
def test_a_call_that_cannot_be_read_is_not_said(content: str) -> None:
    with pytest.raises(BadCallError):
        spoken(content)


BAD_ARGUMENTS = ["[1]", "null", '"a"', "{", '{"a": NaN}', "[" * 9999, '{"a": "\\ud83d"}', "1" * 9999]


@pytest.mark.parametrize("depth", [DEEPEST, DEEPEST + 1, 400, 900])
def test_deep_arguments_are_refused_before_they_break_the_episode(depth: int) -> None:
    inner = depth - 1  # lists in the object
    call = ToolCall(id="a", name="f", arguments='{"a": ' + "[" * inner + "]" * inner + "}")
    if depth <= DEEPEST:
        assert read_arguments(call).keys() == {"a"}
        return
    with pytest.raises(BadCallError, match="deep"):
        read_arguments(call)


def test_long_arguments_are_refused() -> None:
    with pytest.raises(BadCallError, match="longer"):
        read_arguments(ToolCall(id="a", name="f", arguments='{"a": "' + "x" * LONGEST_ARGUMENTS + '"}'))


@pytest.mark.parametrize("arguments", BAD_ARGUMENTS, ids=lambda text: text[:12])
def test_arguments_that_are_no_object_are_refused(arguments: str) -> None:
    with pytest.raises(BadCallError):
        read_arguments(ToolCall(id="a", name="f", arguments=arguments))


@pytest.mark.parametrize(
    ("expression", "bounded"),
    [("2 * (3 + 4)", True), ("9**9**9", False), ("9 ** 9", False), ("1+" * 101 + "1", False), (7, False)],
)
def test_calculate_is_bounded(expression: Any, bounded: bool) -> None:
    call = ToolCall(id="a", name="calculate", arguments=json.dumps({"expression": expression}))
    assert read_arguments(call) == {"expression": expression if bounded else REFUSED}


def test_the_page_shows_the_floors_that_were_measured(upstream: Path) -> None:
    row = r"\| (\w+) \| ([\w.]+) \| (do nothing|transfer, then stop) \| (\d+)/(\d+) \| (\d+)/(\d+) \|"
    rows = re.findall(row, PAGE.read_text())
    found = {(domain, version, name): tuple(map(int, counts)) for domain, version, name, *counts in rows}
    wanted = {}
    for version in VERSIONS:
        for domain, known in facts(upstream, version).items():
            if domain not in DOMAINS:
                continue
            for name, field in (("do nothing", "do_nothing"), ("transfer, then stop", "transfer_then_done")):
                counts: list[int] = []
                for split in ("train", "test"):
                    played = [one for one in known.values() if one["split"] == split and not one["needs_llm_judge"]]
                    counts += [sum(one[field]["reward"] == 1.0 for one in played), len(played)]
                wanted[domain, version.removeprefix("v"), name] = tuple(counts)
    assert found == wanted
