"""`infopo score`: every gain, an interruption costs nothing, bad lines are named, the terminal is safe."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infopo.cli.main import main
from infopo.core import read_records
from infopo.evaluation.transcript_tokens import trajectory_of
from infopo.evaluation.transcripts import LONGEST_LINE, read_lines, read_transcript
from infopo.gain import GainSpec, information_gain
from infopo.samplers.load import load_policy
from infopo.testing.tiny import tiny_folder

TOOLS_TEMPLATE = """
{%- for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content }}
{%- for call in message.tool_calls or [] %}
{{- '<tool_call>\n{"name": "' + call.function.name + '", "arguments": ' + (call.function.arguments | tojson) }}
{{- '}\n</tool_call>' }}{%- endfor %}
{{- '<|im_end|>\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random policy whose template writes tool calls."""
    folder = tiny_folder(tmp_path_factory.mktemp("model"))
    for path in (folder / "chat_template.jinja", folder / "tokenizer_config.json"):
        if path.is_file() and path.suffix == ".jinja":
            path.write_text(TOOLS_TEMPLATE)
    return folder


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def agent(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


ASKS_TWICE = [
    user("book a flight"),
    agent("Which seat do you want?"),
    user("the window please"),
    agent("And the seat, please?"),
    user("i said the window"),
    agent("Which meal?"),
    user("I don't know."),
    agent("Which meal?"),
    user("vegan"),
    agent("Booked."),
]
CALLS = [
    user("weather in rome ?"),
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"city": "rome"}'}}],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
    agent("It is sunny."),
    user("thanks"),
]


def written(path: Path, *dialogues: Any) -> Path:
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in dialogues))
    return path


def score(path: Path, model: Path, out: Path, *more: object) -> int:
    return main(["score", str(path), "--model", str(model), "--out", str(out), *map(str, more)])


def test_every_reply_has_its_gain_and_repeated_questions_are_found(model: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "in.jsonl", {"id": "twice", "messages": ASKS_TWICE}, CALLS, "", {"messages": ASKS_TWICE})
    out = tmp_path / "out.jsonl"
    assert score(path, model, out, "--redundant-gain", 100) == 0
    settings, twice, calls, again = read_records(out, tolerate_tail=False)
    assert settings["gain"]["counterfactual"] == "message"
    assert (twice["id"], calls["id"], again["id"], again["line"]) == ("twice", "line 2", "line 4", 4)
    assert [reply["redundant"] for reply in twice["replies"]] == [False, True, False, False]
    assert [reply["repeats"] for reply in twice["replies"]] == [None, 1, None, None]
    assert sorted(reply["rank"] for reply in twice["replies"]) == [1, 2, 3, 4]
    assert [(r["from"], r["message"], r["gain"] is None) for r in calls["replies"]] == [
        ("tool", 2, False),
        ("user", 4, True),
    ]
    # the gains are those of the library on the same tokens
    policy = load_policy(str(model))
    first = next(read_lines(path))
    trajectory, _ = trajectory_of(read_transcript(first, path), policy.renderer, max_tokens=1024, line=1)
    expected = information_gain(policy, [trajectory], spec=GainSpec(score_part="after-thought"))[0]
    assert [reply["gain"] for reply in twice["replies"]] == pytest.approx([g.value for g in expected if g], abs=1e-5)
    summary = json.loads((tmp_path / "out.summary.json").read_text())
    assert (summary["dialogues"], summary["replies"], summary["scored"], summary["redundant"]) == (3, 10, 9, 2)
    assert summary["gain"]["n"] == 9
    assert sum(one["asked"] for one in summary["questions"]) == 9
    assert "not training data" in summary["note"]


def test_a_stopped_run_goes_on_and_ends_alike(model: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "in.jsonl", ASKS_TWICE, CALLS, ASKS_TWICE)
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    assert score(path, model, whole) == 0
    lines = whole.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join(lines[:2]) + lines[2][:40])  # killed while it wrote
    assert score(path, model, out) == 0
    rows, expected = list(read_records(out)), list(read_records(whole))
    assert [row["kind"] for row in rows] == [row["kind"] for row in expected]
    for row, other in zip(rows[1:], expected[1:], strict=True):
        assert [r["gain"] for r in row["replies"]] == pytest.approx([r["gain"] for r in other["replies"]], abs=1e-5)
    assert score(path, model, out) == 0  # nothing is left to do
    assert len(list(read_records(out))) == len(expected)


def test_what_differs_is_not_gone_on_with(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "in.jsonl", ASKS_TWICE, CALLS)
    out = tmp_path / "out.jsonl"
    assert score(path, model, out) == 0
    before = out.read_bytes()
    assert score(path, model, out, "--gain.counterfactual", "drop") == 2
    assert "gain" in capsys.readouterr().err
    written(path, CALLS, CALLS)
    assert score(path, model, out) == 2
    assert "line 1" in capsys.readouterr().err
    assert score(path, model, path) == 2
    assert "the file of dialogues itself" in capsys.readouterr().err
    mine = written(tmp_path / "mine.jsonl", '{"my": "notes"}')
    assert score(path, model, mine) == 2
    assert "something else" in capsys.readouterr().err
    assert mine.read_text() == '{"my": "notes"}\n'
    assert out.read_bytes() == before


BROKEN: dict[str, Any] = {
    "not JSON": '{"messages": [',
    "no dialogue": '{"text": "hello"}',
    "message 1 has no role": [{"content": "hello"}],
    "message 1 has the role 'robot'": [{"role": "robot", "content": "x"}],
    "no assistant message": [user("hello")],
    "a part of type 'image_url'": [{"role": "user", "content": [{"type": "image_url"}]}, agent("x")],
    "only an assistant calls tools": [user("x") | {"tool_calls": CALLS[1]["tool_calls"]}, agent("x")],
    "message 1 says nothing": [agent(""), user("hello"), agent("x")],
    "nested too deep": "[" * 200_000,
    "longer than": '"' + "x" * LONGEST_LINE + '"',
}


def test_lines_may_be_added_where_the_last_one_had_no_end(model: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    path.write_text(json.dumps({"messages": ASKS_TWICE}))
    assert score(path, model, out) == 0
    with path.open("a") as file:
        file.write("\n" + json.dumps({"messages": CALLS}))
    assert score(path, model, out) == 0
    assert [row.get("line") for row in read_records(out)] == [None, 1, 2]


def test_a_function_call_is_a_tool_call(model: Path, tmp_path: Path) -> None:
    """The form before tool calls: one call, without an id, answered by a message of role `function`."""
    calls = [one for message in CALLS for one in message.get("tool_calls", ())]
    (function,) = [call["function"] for call in calls]
    before = [
        {"role": "assistant", "content": None, "function_call": function}
        if "tool_calls" in message
        else {"role": "function", "name": function["name"], "content": message["content"]}
        if message["role"] == "tool"
        else message
        for message in CALLS
    ]
    rows = []
    for name, dialogue in (("calls", CALLS), ("functions", before)):
        out = tmp_path / f"{name}.jsonl"
        assert score(written(tmp_path / f"{name}-in.jsonl", dialogue), model, out) == 0
        rows.append([row["replies"] for row in read_records(out) if row["kind"] == "dialogue"])
    assert [[one["question"] for one in part] for (part,) in rows] == [[one["question"] for one in rows[0][0]]] * 2


def test_a_broken_line_is_named_and_finished_work_is_kept(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    written(path, ASKS_TWICE, BROKEN["not JSON"], CALLS)
    assert score(path, model, out) == 2
    error = capsys.readouterr().err
    assert f"{path}, line 2: not JSON" in error
    assert "mend the line" in error
    assert [row.get("line") for row in read_records(out)] == [None, 1]
    written(path, ASKS_TWICE, CALLS, CALLS)  # mended
    assert score(path, model, out) == 0
    assert [row.get("line") for row in read_records(out)] == [None, 1, 2, 3]


def test_every_kind_of_broken_line_can_be_passed_over(model: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "in.jsonl", *BROKEN.values(), ASKS_TWICE)
    out = tmp_path / "out.jsonl"
    assert score(path, model, out, "--skip-broken") == 0
    rows = list(read_records(out))[1:]
    for row, told in zip(rows, BROKEN, strict=False):
        assert told in row["why"]
        assert f"line {row['line']}" in row["why"]
    assert rows[-1]["kind"] == "dialogue"
    assert json.loads((tmp_path / "out.summary.json").read_text())["broken"] == len(BROKEN)


def test_a_hostile_transcript_does_not_reach_the_terminal(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J<script>alert(1)</script>[bold]<|im_end|>\u202e\ud800"
    hostile = [user(evil), agent(evil + " which ?"), user(evil + "x" * 500_000), agent("ok"), user("a"), agent("b")]
    path = written(
        tmp_path / "in.jsonl", {"id": evil, "messages": hostile}, [user("a"), agent(evil), user(evil), agent("c")]
    )
    assert score(path, model, tmp_path / "out.jsonl", "--max-tokens", 300) == 0
    assert json.loads((tmp_path / "out.summary.json").read_text())["cut"] == 1
    said = capsys.readouterr()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", said.out + said.err)
    assert "<script>" in said.out
    written(path, {"id": evil, "messages": [user("a"), agent("b"), {"role": evil, "content": ""}]})
    assert score(path, model, tmp_path / "other.jsonl") == 2
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", capsys.readouterr().err)


def test_mistakes_are_told_in_one_line(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "in.jsonl", ASKS_TWICE)
    out = tmp_path / "out.jsonl"
    cases: dict[str, list[object]] = {
        "needs a file of dialogues": ["--model", model],
        "is not a file": [tmp_path / "none.jsonl", "--model", model, "--out", out],
        "needs --model and --out": [path, "--out", out],
        "must end in .jsonl": [path, "--model", model, "--out", tmp_path / "x.txt"],
        "in a folder that exists": [path, "--model", model, "--out", tmp_path / "none" / "x.jsonl"],
        "needs --env": [path, "--model", "nano", "--out", out],
        "so weights": [path, "--model", "openai:gpt-4o-mini", "--out", out],
        "does not exist": [path, "--model", tmp_path / "none", "--out", out],
        "did you mean --max-tokens": [path, "--model", model, "--out", out, "--max-token", 3],
    }
    for told, arguments in cases.items():
        assert main(["score", *map(str, arguments)]) == 2, told
        error = capsys.readouterr().err
        assert told in error
        assert error.count("\n") == 1
    assert not out.exists()
