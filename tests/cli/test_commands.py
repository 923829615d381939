"""The command line as people use it: real models, real runs, real mistakes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from infopo.cli.evaluations import evaluate_run
from infopo.cli.main import main
from infopo.core import read_records
from infopo.training.config import TrainConfig

ROOT = Path(__file__).parents[2]
SHORT = "--env toy/slots --groups 2 --group-size 2 --rollout.max-new-tokens 6 --learning-rate 1e-3 --save-every 2"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "infopo", *map(str, arguments)]


def infopo(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), env=ENVIRONMENT, capture_output=True, text=True, timeout=200)


def train(model: Path, out: Path, *more: object) -> int:
    return main(["train", "--model", str(model), "--out", str(out), *SHORT.split(), *map(str, more)])


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from infopo.cli.main import main; codes = [main(['--help']), main(['envs']), main(['algos'])]; "
        "print(codes, [name for name in ('torch', 'transformers', 'matplotlib') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert all(f"  {name} " in result.stdout for name in ("demo", "train", "eval", "envs", "algos", "doctor"))
    assert "usergym/travel" in result.stdout
    assert "grpo" in result.stdout
    assert result.stdout.splitlines()[-1] == "[0, 0, 0] []"


@pytest.mark.parametrize("name", ["demo", "train", "eval", "envs", "algos", "doctor"])
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main([name, "--help"])
    except SystemExit as stop:
        code = int(stop.code or 0)
    assert code == 0
    assert f"usage: infopo {name}" in capsys.readouterr().out


MISTAKES = [
    ("trian", "unknown command 'trian'; did you mean 'train'"),
    ("envs usergym/travle", "did you mean 'usergym/travel'"),
    ("train --env usergym/travle", "unknown environment 'usergym/travle'; did you mean 'usergym/travel'"),
    ("train --algo infpo", "unknown algorithm 'infpo'; did you mean 'infopo'"),
    ("train --algo-options.btea 1", "did you mean 'beta'"),
    ("train --env-options.teir 33", "unknown option of usergym/travel 'teir'; did you mean 'tier'"),
    ("train --stps 3", "unknown option --stps; did you mean --steps"),
    ("train --user alice", "unknown user 'alice'"),
    ("train --trackers wandbb", "did you mean 'wandb'"),
    ("train no-such-recipe.yaml", "cannot read no-such-recipe.yaml"),
    ("train --model ./no-such-folder", "no-such-folder"),
    ("train --resume ./no-such-run", "no-such-run is not a run"),
    ("train --resume runs/x --seed 3", "only --steps may change; leave --seed out"),
    ("eval --env toy/slots --model ./no-such-folder", "no-such-folder"),
    ("eval --env toy/slots --episodes 0", "--episodes must lie between 1 and"),
    ("eval --env toy/slots --split tset", "tset"),
    ("eval --env toy/slots --agent raect", "raect"),
    ("eval --env toy/slots --agent reflexion --samples 2", "--samples with reflexion must be 1"),
    ("eval --env toy/slots --user scripted,scripted", "names one twice"),
    ("eval --env toy/slots --user scripted:tense", "did you mean 'terse'"),
    ("eval --env toy/slots --concurrency 0", "--concurrency must be at least 1"),
    ("eval --env toy/slots --budget.tokens -1", "--budget.tokens must not be negative"),
    ("eval --env toy/slots --rollout.temperature -1", "rollout.temperature is out of range"),
    ("eval --resume ./no-such-run", "no-such-run cannot be gone on with"),
    ("eval --resume ./no-such-run --episodes 3", "only --budget.* may change; leave --episodes out"),
    ("train --env toy/slots --model openai:gpt-4o-mini", "it can be evaluated (infopo eval), and nothing else"),
    ("train --rollout.temperature 0", "rollout.temperature is out of range"),
    ("train --env toy/slots --evaluate 100000", "--evaluate must lie between 0 and"),
    ("eval --env toy/slots --model ./no-such-folder --out /dev/null", "/dev/null is not a folder; give another --out"),
    ("train --env toy/slots --model ./no-such-folder --out /dev/null/run", "/dev/null is not a folder; give another"),
    ("demo --algo infpo", "did you mean 'infopo'"),
    ("demo --sed 3", "did you mean --seed"),
    ("doctor now", "takes no arguments"),
    ("train --env-options 3", "unknown option --env-options; did you mean --env-options.NAME?"),
]


@pytest.mark.parametrize(("arguments", "said"), MISTAKES)
def test_a_mistake_is_one_clear_line_and_exit_code_2(
    arguments: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments.split()) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("infopo: ")
    assert said in lines[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("arguments", "said"), MISTAKES[:8:3])
def test_a_mistake_in_a_shell_shows_no_traceback(arguments: str, said: str) -> None:
    result = infopo(*arguments.split())
    assert result.returncode == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_wrong_key_in_a_recipe_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("env: toy/slots\nrollout: {temprature: 0.5}\n")
    assert main(["train", str(recipe)]) == 2
    assert "recipe.yaml 'rollout.temprature'; did you mean 'rollout.temperature'" in capsys.readouterr().err


def test_a_tokenizer_without_chat_template_is_refused(
    make_model_folder: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(make_model_folder(template=None), tmp_path / "run") == 2
    assert "chat template" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def files(run: Path) -> dict[str, bytes]:
    """What must be equal between two runs of one configuration."""
    names = ["metrics.jsonl", "trajectories.jsonl", "config.yaml"]
    newest = sorted((run / "checkpoints").iterdir())[-1]
    weights = {path.name: path.read_bytes() for path in newest.glob("*.safetensors")}
    return {name: (run / name).read_bytes() for name in names} | weights


@pytest.fixture(scope="module")
def finished(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five uninterrupted steps, evaluated before and after."""
    run = tmp_path_factory.mktemp("finished") / "run"
    assert train(model_folder, run, "--steps", 5, "--evaluate", 6) == 0
    return run


def test_a_finished_run_has_all_its_files(finished: Path) -> None:
    assert [row["step"] for row in read_records(finished / "metrics.jsonl")] == [1, 2, 3, 4, 5]
    assert [path.name for path in sorted((finished / "checkpoints").iterdir())] == ["step_000004", "step_000005"]
    summary = json.loads((finished / "summary.json").read_text())
    assert {"success", "score", "questions", "n", "ci95"} <= set(summary["before"]) & set(summary["after"])
    assert (summary["env"], summary["algo"], summary["steps"], summary["seed"]) == ("toy/slots", "infopo", 5, 0)
    assert summary["after"]["n"] == 6
    config = yaml.safe_load((finished / "config.yaml").read_text())
    assert (config["learning_rate"], config["steps"]) == (1e-3, 5)


def test_a_resumed_run_equals_an_uninterrupted_one(finished: Path, model_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert train(model_folder, run, "--steps", 3) == 0
    assert main(["train", "--resume", str(run), "--steps", "5"]) == 0
    assert files(run) == files(finished)


def test_a_run_stopped_in_the_evaluation_before_training_makes_it_up(
    finished: Path,
    model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stop(*arguments: object, **keywords: object) -> None:
        raise KeyboardInterrupt

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("infopo.evaluation.evaluate", stop)
        assert train(model_folder, run, "--steps", 5, "--evaluate", 6) == 130
    assert f"infopo train --resume {run}" in capsys.readouterr().err
    assert main(["train", "--resume", str(run)]) == 0
    assert files(run) == files(finished)
    summaries = [json.loads((path / "summary.json").read_text()) for path in (run, finished)]
    assert [summary["before"] for summary in summaries] == [summaries[1]["before"]] * 2
    assert [summary["after"] for summary in summaries] == [summaries[1]["after"]] * 2
    assert [one.name for one in (run / "evaluations").iterdir() if one.is_file()] == []


def test_where_every_episode_breaks_the_reason_is_said(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*arguments: object) -> None:
        raise ConnectionError("nobody answers")

    monkeypatch.setattr("infopo.envs.toy.slots.SlotsEnv.start", broken)
    run, evaluation = tmp_path / "run", tmp_path / "evaluation"
    assert train(model_folder, run, "--steps", 2) == 1
    assert "step 1: all 4 episodes broke off, 4 by ConnectionError (start): nobody answers" in capsys.readouterr().err
    assert len(list(read_records(run / "trajectories.jsonl"))) == 4
    assert main(f"eval --model {model_folder} --env toy/slots --episodes 3 --out {evaluation}".split()) == 1
    said = capsys.readouterr()
    assert "broke off  3 episodes, not counted above; 3 by ConnectionError (start): nobody answers" in said.out
    assert "evaluation: all 3 episodes broke off" in said.err
    assert json.loads((evaluation / "summary.json").read_text())["failed"] == 3


def test_a_damaged_checkpoint_costs_its_steps_only(
    finished: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert train(model_folder, run, "--steps", 5) == 0
    weights = run / "checkpoints" / "step_000005" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    told = json.loads((run / "summary.json").read_text()) | {"told": "what a demo adds"}
    (run / "summary.json").write_text(json.dumps(told))
    assert main(["train", "--resume", str(run)]) == 0
    assert files(run) == files(finished)
    assert json.loads((run / "summary.json").read_text()) == told
    (run / "checkpoints" / "step_000004" / "state.json").unlink()
    (run / "checkpoints" / "step_000005" / "manifest.json").unlink()
    capsys.readouterr()
    assert main(["train", "--resume", str(run)]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "step_000005: manifest.json" in line
    assert "step_000004: state.json" in line


def test_a_taken_folder_is_refused_before_anything_is_loaded(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(finished)
    assert train(Path("no-such-model"), finished) == 2
    assert "--resume" in capsys.readouterr().err
    assert files(finished) == before


def test_a_checkpoint_is_a_model_to_evaluate(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = finished / "checkpoints" / "step_000005"
    arguments = f"eval --model {model} --env toy/slots --episodes 6 --rollout.max-new-tokens 6 --out {tmp_path / 'e'}"
    assert main(arguments.split()) == 0
    assert "success" in capsys.readouterr().out
    summary = json.loads((tmp_path / "e" / "summary.json").read_text())
    assert json.loads((finished / "summary.json").read_text())["after"].items() <= summary.items()


def test_a_damaged_checkpoint_is_not_evaluated(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = shutil.copytree(finished / "checkpoints" / "step_000005", tmp_path / "step_000005")
    data = bytearray((model / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (model / "model.safetensors").write_bytes(data)
    assert main(f"eval --model {model} --env toy/slots --episodes 1".split()) == 2
    assert "model.safetensors does not match its checksum" in capsys.readouterr().err


def test_adapters_are_trained_resumed_and_evaluated(make_model_folder: Callable[..., Path], tmp_path: Path) -> None:
    model, run = make_model_folder("llama"), tmp_path / "run"
    assert train(model, run, "--steps", 2, "--lora.rank", 2, "--loss.kl-coefficient", 0.01) == 0
    assert main(["train", "--resume", str(run), "--steps", "3"]) == 0
    whole = tmp_path / "whole" / "run"
    assert train(model, whole, "--steps", 3, "--lora.rank", 2, "--loss.kl-coefficient", 0.01) == 0
    assert files(run) == files(whole)
    checkpoint = run / "checkpoints" / "step_000003"
    assert (checkpoint / "adapter_model.safetensors").is_file()
    assert not (checkpoint / "model.safetensors").exists()
    arguments = f"eval --model {checkpoint} --env toy/slots --episodes 3 --rollout.max-new-tokens 6"
    assert main(arguments.split()) == 0


def test_adapters_of_a_checkpoint_go_on_being_trained(
    make_model_folder: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.torch import load_file

    first, second = tmp_path / "first", tmp_path / "second"
    assert train(make_model_folder("llama"), first, "--steps", 1, "--lora.rank", 2) == 0
    flags = ("--steps", 1, "--lora.rank", 2, "--loss.kl-coefficient", 0.1)
    assert train(first, second, *flags) == 0
    one, two = (load_file(run / "checkpoints/step_000001/adapter_model.safetensors") for run in (first, second))
    assert one.keys() == two.keys(), "no adapters on top of adapters"
    assert any(not one[name].equal(two[name]) for name in one)
    (line,) = read_records(second / "metrics.jsonl")
    assert line["loss/kl_to_reference"] == pytest.approx(0.0, abs=1e-6), "the reference is the policy it began with"
    assert train(first, tmp_path / "third", "--steps", 1, "--lora.rank", 3) == 2
    assert "adapters of rank 2, not 3" in capsys.readouterr().err


def wait_for(run: Path, step: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        path = run / "metrics.jsonl"
        if path.is_file() and sum(1 for _ in read_records(path)) >= step:
            return
        time.sleep(0.02)
    raise AssertionError(f"step {step} was not reached: {process.communicate()}")


def start(model: Path, run: Path, steps: int) -> subprocess.Popen[str]:
    arguments = command("train", "--model", model, "--out", run, *SHORT.split(), "--steps", steps)
    return subprocess.Popen(arguments, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_says_how_to_go_on_and_loses_nothing(
    model_folder: Path, tmp_path: Path, stop: signal.Signals
) -> None:
    run, steps = tmp_path / "run", 2000
    process = start(model_folder, run, steps)
    wait_for(run, 3, process)
    process.send_signal(stop)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 128 + stop
    assert "Traceback" not in err
    assert f"resume with: infopo train --resume {run}" in out.splitlines()[-1]
    done = [row["step"] for row in read_records(run / "metrics.jsonl")]
    assert done == list(range(1, len(done) + 1))
    assert sorted((run / "checkpoints").iterdir())[-1].name == f"step_{len(done):06d}"
    assert main(["train", "--resume", str(run), "--steps", str(len(done) + 1)]) == 0
    uninterrupted = tmp_path / "whole" / "run"
    assert train(model_folder, uninterrupted, "--steps", len(done) + 1) == 0
    assert files(run) == files(uninterrupted)


def test_a_killed_run_resumes_as_if_nothing_had_happened(model_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = start(model_folder, run, 2000)
    wait_for(run, 3, process)
    process.kill()
    process.communicate()
    reached = sum(1 for _ in read_records(run / "metrics.jsonl"))
    assert main(["train", "--resume", str(run), "--steps", str(reached + 1)]) == 0
    uninterrupted = tmp_path / "whole" / "run"
    assert train(model_folder, uninterrupted, "--steps", reached + 1) == 0
    assert files(run) == files(uninterrupted)


def test_two_processes_cannot_write_one_run(model_folder: Path, tmp_path: Path) -> None:
    process = start(model_folder, tmp_path / "run", 2000)
    try:
        wait_for(tmp_path / "run", 1, process)
        second = infopo("train", "--resume", tmp_path / "run")
    finally:
        process.kill()
        process.communicate()
    assert second.returncode == 2
    assert "another process" in second.stderr.splitlines()[-1]


def test_a_full_disk_is_one_line_and_the_run_goes_on_later(model_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    code = (
        "import resource, sys; from infopo.cli.main import main; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY)); sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["train", "--model", str(model_folder), "--out", str(run), *SHORT.split(), "--steps", "3"]
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=ENVIRONMENT, capture_output=True, text=True, timeout=200
    )
    assert result.returncode == 2
    assert "free some space" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert main(["train", "--resume", str(run)]) == 0
    uninterrupted = tmp_path / "whole" / "run"
    assert train(model_folder, uninterrupted, "--steps", 3) == 0
    assert files(run) == files(uninterrupted)


def test_one_environment_is_described_with_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["envs", "usergym/travel"]) == 0
    text = capsys.readouterr().out
    assert "tier" in text
    assert "for training" in text


def test_doctor_reports_what_is_there(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFOPO_CACHE", str(tmp_path / "cache"))
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert all(
        word in text for word in ("python", "torch", "threads", "memory", "disk", "sandbox", "extras", "attention")
    )
    assert str(tmp_path / "cache") in text
    (tmp_path / "file").touch()
    monkeypatch.setenv("INFOPO_CACHE", str(tmp_path / "file" / "cache"))
    assert main(["doctor"]) == 1
    assert "set INFOPO_CACHE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("stop", "said"),
    [(KeyboardInterrupt(), "infopo: stopped by Ctrl-C\n"), (KeyboardInterrupt("resume so"), "infopo: resume so\n")],
)
def test_what_ctrl_c_stopped_is_said(
    stop: KeyboardInterrupt, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(arguments: object) -> int:
        raise stop

    monkeypatch.setattr("infopo.cli.envs.run", stopped)
    assert main(["envs"]) == 130
    assert capsys.readouterr().err == said


def test_a_stopped_evaluation_of_a_run_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("infopo.evaluation.evaluate", stopped)
    with pytest.raises(KeyboardInterrupt, match=f"resume with: infopo train --resume {tmp_path}"):
        evaluate_run(TrainConfig(), None, tmp_path, 0, 1)


def test_a_key_of_a_recipe_that_is_no_text_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recipe.yaml").write_text("steps: 3\n1: 2\n")
    assert main(["train", str(tmp_path / "recipe.yaml")]) == 2
    assert "recipe.yaml: the name 1 is not text: put quotes around it" in capsys.readouterr().err
