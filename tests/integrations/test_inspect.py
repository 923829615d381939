"""A run as an inspect-ai log: by the fields that its schema demands, and by its own reader where that is installed."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from infopo.cli.main import main
from infopo.core import (
    Failure,
    Message,
    Outcome,
    RecordWriter,
    Span,
    StopReason,
    ToolCall,
    Trajectory,
    Turn,
    trajectory_to_record,
)

TEXT, NUMBER = {"type": "string"}, {"type": "number"}
MESSAGE = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {
        "role": {"enum": ["system", "user", "assistant", "tool"]},
        "content": TEXT,
        "tool_calls": {
            "items": {
                "required": ["id", "function", "arguments"],
                "properties": {"id": TEXT, "function": TEXT, "arguments": {"type": "object"}},
            }
        },
    },
}
SAMPLE = {
    "type": "object",
    "required": ["id", "epoch", "input", "target"],
    "properties": {
        "id": TEXT,
        "epoch": {"type": "integer", "minimum": 1},
        "input": {"type": "array", "items": MESSAGE, "minItems": 1},
        "target": TEXT,
        "messages": {"type": "array", "items": MESSAGE},
        "scores": {"additionalProperties": {"required": ["value"]}},
        "error": {"required": ["message", "traceback", "traceback_ansi"]},
    },
}
LOG = {
    "type": "object",
    "required": ["version", "status", "eval", "results", "samples"],
    "properties": {
        "version": {"const": 2},
        "status": {"enum": ["started", "success", "cancelled", "error"]},
        "eval": {
            "required": ["created", "task", "dataset", "model", "config"],
            "properties": {"created": TEXT, "task": TEXT, "dataset": {"type": "object"}, "model": TEXT},
        },
        "results": {
            "required": ["total_samples", "completed_samples", "scores"],
            "properties": {
                "scores": {
                    "items": {
                        "required": ["name", "scorer", "metrics"],
                        "properties": {"metrics": {"additionalProperties": {"properties": {"value": NUMBER}}}},
                    }
                }
            },
        },
        "samples": {"type": "array", "items": SAMPLE, "minItems": 1},
    },
}


def episode(index: int, *, failure: Failure | None = None) -> dict[str, Any]:
    """Two turns, the first one a tool call with arguments that are no JSON object."""
    call = ToolCall(id="c1", name="find", arguments="rome" if index else '{"city": "rome"}')
    messages = (
        Message(role="user", content="weather ?"),
        Message(role="assistant", content="", tool_calls=(call,)),
        Message(role="tool", content="<script>\x1b[31m", tool_call_id="c1"),
        Message(role="assistant", content="sunny"),
    )
    span = Span(start=0, end=1)
    trajectory = Trajectory(
        env="toy/slots",
        task_id="t3",
        group_id="test/3",
        episode=index,
        seed=5,
        policy_version=0,
        messages=messages,
        token_ids=(1, 2),
        sampled=(True, True),
        logprobs=(None, None),
        turns=(
            Turn(action=span, action_message=1, feedback_kind="tool", observation=(span,), observation_block=span),
            Turn(action=span, action_message=3),
        ),
        outcome=None if failure else Outcome(score=0.5, success=False),
        stop_reason=StopReason.FAILED if failure else StopReason.DONE,
        failure=failure,
        hidden=("secret-fact",),
        reference_answer="secret-answer",
    )
    return trajectory_to_record(trajectory, run="r", step=0, gains=[0.25, None], advantages=None)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log of two good episodes and a broken one, as the command writes it."""
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text("env: toy/slots\nmodel: nano\n")
    with RecordWriter(run / "trajectories.jsonl") as writer:
        for record in (
            episode(0),
            episode(1),
            episode(2, failure=Failure(kind="timeout", where="step", detail="late")),
        ):
            writer.append(record)
    out = tmp_path / "log.json"
    assert main(["export", str(run), "--to", "inspect", "--out", str(out)]) == 0
    return out


def test_the_log_has_the_fields_of_the_schema_and_nothing_private(log: Path) -> None:
    data = json.loads(log.read_text())
    jsonschema.validate(data, LOG)
    assert "secret" not in log.read_text()
    first, second, broken = data["samples"]
    assert [sample["epoch"] for sample in data["samples"]] == [1, 2, 3]
    assert first["messages"][2]["metadata"] == {"information_gain": 0.25}
    assert first["messages"][1]["tool_calls"][0]["arguments"] == {"city": "rome"}
    assert second["messages"][1]["tool_calls"][0]["arguments"] == {"raw": "rome"}
    assert "scores" not in broken
    assert "late" in broken["error"]["message"]
    assert (data["results"]["total_samples"], data["results"]["completed_samples"]) == (3, 2)
    means = {score["name"]: score["metrics"]["mean"]["value"] for score in data["results"]["scores"]}
    assert means == {"success": 0.0, "score": 0.5}


def test_inspects_own_reader_takes_it(log: Path) -> None:
    reader = pytest.importorskip("inspect_ai.log", reason="inspect-ai is not installed")
    found = reader.read_eval_log(str(log))
    assert found.status == "success"
    assert [sample.epoch for sample in found.samples] == [1, 2, 3]
    assert found.samples[0].scores["score"].value == 0.5
    assert found.samples[0].messages[2].metadata == {"information_gain": 0.25}


def test_mistakes_are_told_in_one_line(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = log.parent / "run"
    cases = {
        "needs a run folder": ["--out", "x.json"],
        "FILE.json": [str(run), "--out", "x.txt"],
        "names no algo": [str(run), "--to", "model-card", "--out", str(log.parent / "card.md")],
        "not a run folder": [str(log.parent / "none"), "--out", str(log)],
        "no episode of step 7": [str(run), "--out", str(log), "--step", "7"],
    }
    for told, arguments in cases.items():
        assert main(["export", *arguments]) == 2
        error = capsys.readouterr().err
        assert told in error
        assert error.count("\n") == 1


def test_an_evaluation_of_several_users_names_their_folders(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, several = log.parent / "run", log.parent / "several"
    for user in ("scripted", "scripted-terse"):
        (several / "users" / user).mkdir(parents=True)
        for path in run.iterdir():
            if path.is_file():
                (several / "users" / user / path.name).write_bytes(path.read_bytes())
    (several / "summary.json").write_text("{}")
    out = str(log.parent / "log.json")
    assert main(["export", str(several), "--out", out]) == 2
    told = capsys.readouterr().err
    assert "one a user" in told
    named = told.strip().rpartition(", ")[2]
    assert named == str(several / "users" / "scripted-terse")
    assert main(["export", named, "--out", out]) == 0
