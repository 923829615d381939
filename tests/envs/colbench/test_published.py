"""Published tasks, in files of our own making: how they load, what a broken one says, how one is played."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infopo.core import UserError, derive_seed
from infopo.envs import make_env, num_tasks
from infopo.envs.colbench import BrokenTaskError
from infopo.envs.colbench.published import TEST_SHARE, published_tasks
from infopo.testing.chat_server import ChatServer

Play = Callable[..., Any]
CODE = "colbench/code"
REFERENCE = "def area(width, height):\n    return width * height\n"
RECORD = {
    "problem_description": "I need area(width, height) for my garden.",
    "ground_truth": REFERENCE,
    "test_cases": {"test1": "area(2, 3)", "test2": "area(0, 5)", "test3": "area(1, 1)"},
}


def write(path: Path, *records: Any) -> Path:
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in records) + "\n")
    return path


def numbered(count: int) -> list[dict[str, Any]]:
    return [RECORD | {"problem_description": f"Number {number}."} for number in range(count)]


def test_a_folder_keeps_the_published_splits_and_their_order(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", *numbered(5))
    write(tmp_path / "test.jsonl", *numbered(2)[::-1])
    assert num_tasks(CODE, "train", data=str(tmp_path)) == 5
    assert [task.request for task in published_tasks(str(tmp_path), "test")] == ["Number 1.", "Number 0."]


def test_of_one_file_a_fifth_is_held_out(tmp_path: Path) -> None:
    path = str(write(tmp_path / "tasks.jsonl", *numbered(200), ""))
    train, test = ({task.request for task in published_tasks(path, split)} for split in ("train", "test"))
    assert not train & test
    assert len(train | test) == 200
    assert test == {f"Number {k}." for k in range(200) if derive_seed(f"Number {k}.") % TEST_SHARE == 0}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in RECORD.items() if key != name}


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        ("{", "line 2: not JSON"),
        ("[" * 100000, "line 2: not JSON"),
        ([], "line 2: expected a record"),
        (without("ground_truth"), "line 2: field 'ground_truth' is missing"),
        (RECORD | {"problem_description": 3}, "line 2: field 'problem_description' must be of type str"),
        (RECORD | {"ground_truth": " "}, "line 2: field 'ground_truth' is empty"),
        (RECORD | {"test_cases": ["area(1, 1)"]}, "line 2: field 'test_cases' must be of type dict"),
        (RECORD | {"test_cases": {"test1": None}}, "line 2: field 'test_cases' holds no test"),
        (RECORD | {"test_cases": {"test1": 7}}, "line 2, test_cases: field 'test1' must be of type str"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, broken: Any, what: str) -> None:
    path = write(tmp_path / "tasks.jsonl", RECORD, broken)
    with pytest.raises(UserError, match=f"tasks.jsonl, {what}"):
        num_tasks(CODE, data=str(path))


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.jsonl: cannot be read"):
        num_tasks(CODE, data=str(tmp_path / "none.jsonl"))
    with pytest.raises(UserError, match=r"neither train\.jsonl nor train\.parquet"):
        num_tasks(CODE, data=str(tmp_path))
    (tmp_path / "raw.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"raw\.jsonl: not UTF-8"):
        num_tasks(CODE, data=str(tmp_path / "raw.jsonl"))
    (tmp_path / "raw.parquet").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"raw\.parquet: cannot be read as parquet"):
        num_tasks(CODE, data=str(tmp_path / "raw.parquet"))


def test_rows_of_a_trainer_load_without_the_tests_that_they_do_not_have(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    def row(tests: dict[str, str]) -> dict[str, Any]:
        task = {"create_kwargs": {"task": {"test_cases": tests}}}
        reward = {"problem_description": "A garden.", "ground_truth": REFERENCE, "style": "rule"}
        return {"reward_model": reward, "extra_info": {"index": 0, "tools_kwargs": {"interact_with_env": task}}}

    path = tmp_path / "train.parquet"
    rows = [row({"one": "area(1, 2)"}), row({"one": "area(1, 2)", "two": "area(3, 4)"})]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows[::-1]), path)
    assert [task.calls for task in published_tasks(str(tmp_path), "train")] == [
        ("area(1, 2)", "area(3, 4)"),
        ("area(1, 2)",),
    ]
    pyarrow.parquet.write_table(
        pyarrow.Table.from_pylist([{"reward_model": {"style": "rule"}}]), path.with_stem("test")
    )
    with pytest.raises(UserError, match=r"test\.parquet, row 0: field 'extra_info' is missing"):
        published_tasks(str(tmp_path), "test")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`settings(server)`: the name of a user behind a chat server."""
    monkeypatch.setenv("COLBENCH_KEY", "a-key-of-the-test")

    def make(server: ChatServer) -> str:
        path = tmp_path / "chat.yaml"
        path.write_text(json.dumps({"model": "fake", "base_url": server.url, "key_variable": "COLBENCH_KEY"}))
        return f"llm:{path}"

    return make


def test_a_published_task_is_played_with_a_model(play: Play, tmp_path: Path, settings: Any) -> None:
    data = tmp_path / "data"
    data.mkdir()
    write(data / "test.jsonl", RECORD)
    with ChatServer(lambda body: json.dumps({"reply": "Width times height."})) as server:
        user = settings(server)
        for scope in ("module", "official"):
            env = make_env(CODE, task=0, split="test", data=str(data), scope=scope, user=user)
            answer = "I WANT TO ANSWER: def area(width, height):\n    return abs(width) * height"
            dialogue = play(env, ["What is an area?", answer])
            assert dialogue.replies == ["Width times height."]
            assert (dialogue.outcome.score, dialogue.outcome.success) == (1.0, True)
        assert RECORD["problem_description"] == dialogue.opening.messages[-1].content
        assert not any("return" in text for text in [*dialogue.replies, dialogue.opening.messages[0].content])
    with pytest.raises(UserError, match="--user llm:NAME"):
        make_env(CODE, task=0, split="test", data=str(data))


BAD = {
    "half": "def area(width, height):\n    return None if height == 5 else width * height\n",
    "none": "def area(width, height):\n    return None\n",
    "broken": "def area(width, height:\n",
}


@pytest.mark.parametrize(
    ("name", "scope", "passed"),
    [
        ("half", "module", (True, True)),  # the test without a value is left out
        ("half", "official", (True, False, True)),  # nobody passes it
        ("none", "official", (False, False, False)),
        ("none", "module", None),
        ("broken", "module", None),
    ],
)
def test_a_reference_without_values(
    play: Play, tmp_path: Path, settings: Any, name: str, scope: str, passed: tuple[bool, ...] | None
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    write(data / "train.jsonl", RECORD | {"ground_truth": BAD[name]})
    with ChatServer() as server:
        env = make_env(CODE, task=0, data=str(data), scope=scope, user=settings(server))
        if passed is None:
            with pytest.raises(BrokenTaskError, match=r"train\.jsonl, line 1: the reference gives no value"):
                play(env, ["I WANT TO ANSWER:" + REFERENCE])
        else:
            assert play(env, ["I WANT TO ANSWER:" + REFERENCE]).env.verdict.passed == passed
