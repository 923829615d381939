"""The replay runner: the recorded traces agree, and every kind of disagreement is found, named and counted."""

import json
from pathlib import Path
from typing import Any

import pytest

from infopo.envs import get_spec, list_envs
from infopo.testing.replay import main, replay

TRACES = Path(__file__).parents[3] / "shared" / "golden" / "traces_public.jsonl"
GOOD: dict[str, Any] = {
    "env": "usergym/function",
    "mode": "upstream",
    "task": {"id": "t", "rule": "a * b + c - d", "test_case": [1, 2, 3, 4], "expected_result": 1.0},
    "options": {"max_steps": 3},
    "llm_replies": [],
    "steps": [
        {
            "action": "[action] 1 1 1 1",
            "reward": 0.0,
            "terminated": False,
            "truncated": False,
            "feedback_contains": ["1.0"],
            "llm_calls": 0,
        },
        {
            "action": "[answer] 1",
            "reward": 1.0,
            "terminated": True,
            "truncated": False,
            "feedback_contains": [],
            "llm_calls": 0,
        },
        {"action": "[answer] 1", "raises": True},
    ],
    "note": "one of our own",
}


def changed(**step: Any) -> dict[str, Any]:
    return GOOD | {"steps": [GOOD["steps"][0] | step, *GOOD["steps"][1:]]}


def written(folder: Path, *lines: Any) -> Path:
    path = folder / "traces.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
    return path


def test_a_trace_that_agrees(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(written(tmp_path, GOOD, "", GOOD))]) == 0
    assert capsys.readouterr().out == "usergym/function: 2 traces agree\n"


@pytest.mark.parametrize(
    ("trace", "what"),
    [
        (changed(reward=0.1), "step 1: reward 0.1 wanted, got 0.0"),
        (changed(terminated=True), "step 1: terminated True wanted"),
        (changed(truncated=True), "step 1: truncated True wanted"),
        (changed(llm_calls=1), "step 1: 1 model calls wanted, got 0"),
        (changed(feedback_contains=["24.0"]), "step 1: feedback with '24.0' wanted"),
        (GOOD | {"steps": [{"action": "[finish]", "raises": True}]}, "step 1: the episode is over, yet"),
        (GOOD | {"steps": [*GOOD["steps"][:2], GOOD["steps"][1]]}, "step 3: the environment raised"),
        (GOOD | {"llm_replies": ["never asked for"]}, "step 3: 1 replies of the model"),
        (GOOD | {"env": "usergym/functions"}, "did you mean 'usergym/function'"),
        (GOOD | {"env": "toy/slots"}, "toy/slots has no mode 'upstream'"),
        (GOOD | {"mode": "fixed"}, "no mode 'fixed'"),
        (GOOD | {"options": {"max_step": 3}}, "did you mean 'max_steps'"),
        (GOOD | {"task": {}}, "field 'id' is missing"),
        (GOOD | {"steps": [{"action": 3}]}, "step 1: field 'action'"),
        (GOOD | {"steps": [{"action": "x"}]}, "step 1: field 'reward'"),
        (GOOD | {"steps": ["x"]}, "step 1 is no JSON object"),
        ("[]", "the line is no JSON object"),
        ("{", "not JSON"),
    ],
)
def test_what_disagrees_is_named_with_line_and_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], trace: Any, what: str
) -> None:
    path = written(tmp_path, GOOD, trace, GOOD)
    assert main([str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith(f"{path}:2: ") and what in line for line in lines)
    assert lines[-1] == "usergym/function: 2 traces agree"


def test_a_file_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.jsonl")]) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert main([]) == 2


def test_the_recorded_traces_agree(tmp_path: Path) -> None:
    if not TRACES.is_file():
        pytest.skip("the recorded traces are not beside the checkout (../shared/golden/traces_public.jsonl)")
    lines = [line for line in TRACES.read_text().splitlines() if has_original(json.loads(line)["env"])]
    assert len(lines) >= 11
    _, wrong = replay(written(tmp_path, *lines))
    assert wrong == []


def has_original(env_id: str) -> bool:
    """Whether the environment is here with its published behaviour."""
    return env_id in list_envs() and get_spec(env_id).from_upstream is not None
