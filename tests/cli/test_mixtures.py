"""Mixtures and published records on the command line."""

import json
import shutil
from pathlib import Path

import pytest

from infopo.cli.main import main
from infopo.core import read_records

MIXTURE = "toy/slots:2,usergym/function:1"
SMALL = "--groups 3 --group-size 2 --rollout.max-new-tokens 8 --rollout.max-turns 2 --learning-rate 1e-3 --steps 2"


def test_a_mixture_is_trained_and_evaluated_member_by_member(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    options = "--env-options.difficulty nano --env-options.toy/slots.slots 1 --env-options.toy/slots.values 2"
    command = f"train --model {model_folder} --env {MIXTURE} {options} {SMALL} --evaluate 3"
    assert main(command.split()) == 0
    run = tmp_path / "runs" / "toy-slots-2-usergym-function-1-infopo-0"
    for line in read_records(run / "metrics.jsonl"):
        assert (line["env/toy/slots/episodes"], line["env/usergym/function/episodes"]) == (4, 2)
    after = json.loads((run / "summary.json").read_text())["after"]
    assert {name: part["n"] for name, part in after["environments"].items()} == {"toy/slots": 2, "usergym/function": 1}
    capsys.readouterr()
    assert main(f"eval --model {run} --env {MIXTURE} {options} --episodes 3 --rollout.max-new-tokens 8".split()) == 0
    shown = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert [name for name in shown if "/" in name] == ["toy/slots", "usergym/function"]


def test_published_records_are_trained_on_and_evaluated(model_folder: Path, tmp_path: Path) -> None:
    records = [
        {"id": f"f-{number}", "rule": "a + b * c - d", "test_case": [1, 2, 3, 4], "expected_result": 3.0}
        for number in range(30)
    ]
    (tmp_path / "functions.json").write_text(json.dumps(records))
    model = shutil.copytree(model_folder, tmp_path / "model")
    config = json.loads((model / "config.json").read_text())  # the openings are longer than the tiny model takes
    (model / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 2048}))
    played = f"--model {model} --env usergym/function --env-options.data {tmp_path}/functions.json"
    assert main(f"train {played} {SMALL} --steps 1 --out {tmp_path}/run".split()) == 0
    trained = {one["task_id"] for one in read_records(tmp_path / "run" / "trajectories.jsonl")}
    assert main(f"eval {played} --rollout.max-new-tokens 8 --rollout.max-turns 2 --out {tmp_path}/e".split()) == 0
    tested = {one["task_id"] for one in read_records(tmp_path / "e" / "trajectories.jsonl")}
    assert trained | tested <= {record["id"] for record in records}
    assert tested
    assert not trained & tested


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (f"train --env {MIXTURE} --env-options.slotz 3", "option of every member of"),
        (f"train --env {MIXTURE} --user alice", "unknown user 'alice'"),
        (f"eval --env {MIXTURE} --env-options.usergym/function.slots 3", "unknown option of usergym/function 'slots'"),
        ("eval --env toy/slots:0,usergym/function", "must be a whole number from 1"),
        (f"eval --env {MIXTURE} --episodes 1000000", "--episodes must lie between 1 and"),
        ("eval --env usergym/turtle --env-options.data x.json", "x.json: cannot be read"),
    ],
)
def test_a_mistake_is_one_clear_line(
    arguments: str, said: str, model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments.split(), "--model", str(model_folder)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_mixtures_are_listed_described_and_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["envs"]) == 0
    assert "usergym/all-train" in capsys.readouterr().out
    assert main(["envs", MIXTURE]) == 0
    assert "toy/slots" in capsys.readouterr().out
    assert main(["check", "env", MIXTURE, "--env-options.difficulty", "nano"]) == 0
    out = capsys.readouterr().out
    assert "toy/slots keeps to the protocol" in out
    assert "usergym/function keeps to the protocol" in out
