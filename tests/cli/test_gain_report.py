"""`infopo gain-report` on real run folders: what a person reads, what a program reads, every mistake in one line."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from infopo.cli.main import main
from infopo.core import RecordWriter, read_records
from infopo.envs import make_expert
from infopo.evaluation import evaluate_sampler, record_evaluation
from infopo.gain import information_gain
from infopo.rollout import RolloutConfig
from infopo.samplers.load import load_policy
from infopo.samplers.scripted import ScriptedSampler
from infopo.testing.tiny import tiny_folder

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
TITLES = [
    "What was scored",
    "All replies",
    "By turn",
    "By kind of feedback",
    "What the reply told",
    "Placeholders",
    "Rounding",
    "Largest gains",
    "Smallest gains",
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def result(model: Path) -> Any:
    """Four episodes of an expert that asks for everything."""
    act = make_expert("toy/slots", "full").act
    sampler = ScriptedSampler(load_policy(str(model)).renderer, lambda slot, messages: act(messages))
    return evaluate_sampler(sampler, env="toy/slots", episodes=4, config=RolloutConfig(max_new_tokens=256))


@pytest.fixture
def run(result: Any, tmp_path: Path) -> Path:
    """The folder of an evaluation."""
    return record_evaluation(tmp_path / "run", result, {"env": "toy/slots", "rollout": {"temperature": 0.0}})


def rewritten(run: Path, change: Callable[[int, dict[str, Any]], None]) -> Path:
    """The same run with other records."""
    rows = list(read_records(run / "trajectories.jsonl"))
    (run / "trajectories.jsonl").unlink()
    with RecordWriter(run / "trajectories.jsonl") as writer:
        for number, row in enumerate(rows):
            change(number, row)
            writer.append(row)
    return run


def report(run: Path, model: Path, *more: object) -> int:
    return main(["gain-report", str(run), "--model", str(model), *map(str, more)])


def as_data(run: Path, model: Path, *more: object) -> dict[str, Any]:
    out = run.parent / "report.json"
    assert report(run, model, "--out", out, "--placeholders", *more) == 0
    data: dict[str, Any] = json.loads(out.read_text())
    return data


def test_a_person_reads_plain_text_and_keeps_it_as_markdown(run: Path, model: Path) -> None:
    arguments = ["gain-report", run, "--model", model, "--out", run / "report.md"]
    command = [sys.executable, "-m", "infopo", *map(str, arguments)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if line in TITLES] == TITLES
    assert "\x1b" not in done.stdout
    assert "4 episodes (0 broke off and are left out), 12 turns, 8 replies scored" in done.stdout
    assert re.search(r"^No information found\. +[+-]\d\.\d{3}", done.stdout, re.MULTILINE)
    assert re.search(r"\[action\] which \w+ \?", done.stdout)
    assert done.stderr.splitlines()[-2:] == ["gain report: episodes scored 100 %", f"written to {run / 'report.md'}"]
    page = (run / "report.md").read_text()
    assert re.findall(r"^## (.*)", page, re.MULTILINE) == TITLES
    assert re.search(r"^\| turn \| replies \| mean \| std \|", page, re.MULTILINE)
    assert re.search(r"^\| 1 \| 4 \| [+-]\d", page, re.MULTILINE)


def test_the_file_is_written_where_nobody_reads_the_report(
    run: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        assert report(run, model, "--out", run / "report.md", "--limit", 1, "--placeholders") == 0
    assert "## All replies" in (run / "report.md").read_text()


def test_a_program_reads_the_numbers(run: Path, model: Path, result: Any) -> None:
    data = as_data(run, model, "--backend", "separate")
    gains = [g.value for row in information_gain(load_policy(str(model)), result.trajectories) for g in row if g]
    assert data["overall"]["n"] == len(gains) == 8
    assert data["overall"]["mean"] == pytest.approx(sum(gains) / len(gains), abs=1e-6)
    assert (data["run"], data["steps"], data["temperature"], data["dtype"]) == (str(run), "all", 1.0, "float32")
    assert data["placeholders"] is None
    assert data["top"][0]["gain"] == pytest.approx(max(gains), abs=1e-6)
    assert data["noise"]["largest"] < 1e-4


def test_gain_temperature_and_clip_are_those_of_the_run(run: Path, model: Path) -> None:
    plain = as_data(run, model)
    settings = {
        "env": "toy/slots",
        "rollout": {"temperature": 0.5},
        "gain": {"reduction": "sum"},
        "algo_options": {"clip": 0.25},
    }
    (run / "config.yaml").write_text(yaml.safe_dump(settings))
    own = as_data(run, model)
    assert (own["gain"]["reduction"], own["temperature"], own["clip"]) == ("sum", 0.5, 0.25)
    assert own["clipped"] > 0
    other = as_data(run, model, "--gain.reduction", "mean", "--temperature", 1, "--clip", 1e6)
    assert (other["clip"], other["clipped"]) == (1e6, 0.0)
    assert other["overall"] == plain["overall"] != own["overall"]


def test_some_steps_of_a_run(run: Path, model: Path) -> None:
    rewritten(run, lambda number, row: row.update(step=number + 1))
    late = as_data(run, model, "--steps", "2:", "--limit", 2)
    assert (late["steps"], late["episodes"]) == ("2:", 2)
    assert {reply["step"] for reply in late["top"]} == {2, 3}
    assert as_data(run, model, "--step", 4)["episodes"] == 1


def test_what_replies_say_cannot_touch_the_terminal_or_the_page(
    run: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "\x1b[31mred\x1b]0;title\x07 | ![x](http://a.b) <b>\n" + "long " * 200

    def change(number: int, row: dict[str, Any]) -> None:
        row["messages"][row["turns"][0]["action_message"] + 1]["content"] = hostile

    rewritten(run, change)
    out = run / "report.md"
    assert report(run, model, "--gain.counterfactual", "drop", "--out", out) == 0
    text = capsys.readouterr().out
    assert "No spread: counterfactual 'drop' says no placeholder." in text
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "title" not in text
    assert "red | ![x]" in text
    assert "…" in text
    assert r"red \| \!\[x\](http://a.b) \<b\> long" in out.read_text()


def test_a_run_without_scorable_replies_says_so(run: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewritten(run, lambda number, row: row.update(turns=row["turns"][-1:]))
    assert as_data(run, model)["overall"] is None
    assert "No reply could be scored" in capsys.readouterr().out


def test_a_model_with_another_tokenizer_is_one_line(
    run: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(run, model_folder) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("infopo: task toy/slots")
    assert "score with the tokenizer" in line


def test_a_damaged_record_is_one_line_with_its_place(
    run: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run / "trajectories.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], lines[1][:50] + "\n", *lines[2:]]))
    assert report(run, model) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{path}, line 2: not a record" in line


MISTAKES = [
    ("", "gain-report needs a run folder: infopo gain-report RUN --model PATH"),
    ("--model x", "gain-report needs a run folder"),
    ("nowhere --model x", "nowhere has no trajectories.jsonl: it is no run, or nothing was played"),
    ("RUN", "gain-report needs a model"),
    ("RUN --model ./no-such-folder", "no-such-folder"),
    ("RUN --modle x", "unknown option --modle; did you mean --model"),
    ("RUN --model x --gain.counterfactual swop", "swop"),
    ("RUN --model x --step 1 --steps 1:2", "give --step or --steps, not both"),
    ("RUN --model x --steps 3", "--steps must be A:B"),
    ("RUN --model x --steps 3:2", "the first step comes after the last"),
    ("RUN --model x --step 9", "has no episode of steps 9 to 9; it holds steps 0 to 0"),
    ("RUN --model x --limit 0", "--limit must be at least 1"),
    ("RUN --model x --clip 0", "--clip must be a positive number"),
    ("RUN --model x --temperature nan", "--temperature must be a positive number"),
    ("RUN --model x --placeholders=", "--placeholders must not be empty texts"),
    ("RUN --model x --backend kv", "kv"),
    ("RUN --model x --out report.txt", "--out must end in .md or .json"),
    ("RUN --model x --out nowhere/report.md", "give a file in a folder that exists"),
    ("RUN --model nano --env toy/slts", "did you mean 'toy/slots'"),
]


@pytest.mark.parametrize(("arguments", "said"), MISTAKES)
def test_a_mistake_is_one_clear_line_and_exit_code_2(
    run: Path, arguments: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run)
    assert main(["gain-report", *arguments.replace("RUN", str(run)).split()]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("infopo: ")
    assert said in line


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("gain: {placeholder: no}", "config.yaml 'gain.placeholder'; did you mean 'gain.placeholders'"),
        ("rollout: 3", "rollout must be a mapping"),
        ("dtype: float16", "float16"),
        ("env: null", "--model nano needs --env"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_named(
    run: Path, settings: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "config.yaml").write_text(settings)
    assert main(["gain-report", str(run), "--model", "nano"]) == 2
    assert said in capsys.readouterr().err


def test_the_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["gain-report", "--help"])
    assert not stop.value.code
    assert "usage: infopo gain-report" in capsys.readouterr().out
    assert main(["--help"]) == 0
    assert "  gain-report " in capsys.readouterr().out
