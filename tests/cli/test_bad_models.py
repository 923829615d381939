"""Model folders, adapters and names for output that cannot be used: one clear line, exit code 2."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infopo.cli.main import main

from .test_commands import ENVIRONMENT, train


def test_a_name_that_the_file_system_cannot_write_is_one_clear_line() -> None:
    ascii_only = ENVIRONMENT | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    calls = [[*f"{name} --env toy/slots --model ./none --out".split(), "r\u00fcn"] for name in ("train", "eval")]
    code = "from infopo.cli.main import main; print([main(call) for call in CALLS])"
    result = subprocess.run(
        [sys.executable, "-c", code.replace("CALLS", ascii(calls))], env=ascii_only, capture_output=True, text=True
    )
    assert result.stdout == "[2, 2]\n", result.stderr
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert all("file names are ascii here" in line and "PYTHONUTF8=1" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [("config.json", "[]", "must hold a JSON object"), ("tokenizer.json", None, "has no tokenizer")],
)
def test_a_bad_model_folder_is_one_clear_line_and_exit_code_2(
    make_model_folder: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: str | None,
    said: str,
) -> None:
    folder = Path(shutil.copytree(make_model_folder(), tmp_path / "model"))
    (folder / name).unlink() if text is None else (folder / name).write_text(text)
    capsys.readouterr()
    assert main(f"eval --env toy/slots --episodes 1 --model {folder}".split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert str(folder) in line


def test_adapters_that_cannot_be_used_are_one_clear_line_and_exit_code_2(
    make_model_folder: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.torch import load_file, save_file

    run = tmp_path / "run"
    assert train(make_model_folder("llama"), run, "--steps", 1, "--lora.rank", 2) == 0
    trained = run / "checkpoints/step_000001"
    capsys.readouterr()
    spoilt = tmp_path / "spoilt"  # a folder without a seal, as other tools write one
    spoilt.mkdir()
    shutil.copy(trained / "adapter_config.json", spoilt)
    weights = {name: weight.clone() for name, weight in load_file(trained / "adapter_model.safetensors").items()}
    for said in ("no adapter_model.safetensors", "values that are not finite", "do not go on their base model"):
        assert train(spoilt, tmp_path / "third", "--steps", 1) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line
        next(iter(weights.values()))[0, 0] = float("nan")
        save_file(weights, spoilt / "adapter_model.safetensors")
        weights = {name: weight[:, :1].contiguous() for name, weight in weights.items()}
