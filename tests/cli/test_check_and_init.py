"""`infopo check env` and `infopo init env`: what is written works, as it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infopo.cli.main import main

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}


def in_folder(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)


def test_what_init_writes_passes_its_test_and_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mine"
    assert main(["init", "env", "guess_it", str(folder)]) == 0
    assert "infopo check env guess_it:SPEC" in capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == ["guess_it.py", "guess_it_user.py", "test_guess_it.py"]
    assert len((folder / "guess_it.py").read_text().splitlines()) < 80
    assert not any("NAME" in path.read_text() for path in folder.iterdir())
    tested = in_folder(folder, "pytest", "-q", "-p", "no:cacheprovider", "test_guess_it.py")
    assert (tested.returncode, "3 passed" in tested.stdout) == (0, True), tested.stdout
    checked = in_folder(folder, "infopo", "check", "env", "guess_it:SPEC", "--env-options.turns", "3")
    assert checked.returncode == 2
    assert "did you mean 'max_turns'" in checked.stderr
    checked = in_folder(folder, "infopo", "check", "env", "guess_it:SPEC", "--env-options.max-turns", "3")
    assert checked.returncode == 0, checked.stdout
    assert "guess_it:SPEC keeps to the protocol" in checked.stdout
    broken = folder / "guess_it.py"
    broken.write_text(broken.read_text().replace("float(self._answer == self._number)", "7.0"))
    checked = in_folder(folder, "infopo", "check", "env", "guess_it:SPEC")
    assert checked.returncode == 1
    assert "score 7.0 is not in [0, 1]" in checked.stdout
    assert "Traceback" not in checked.stderr


def test_init_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "test_mine.py").write_text("mine")
    assert main(["init", "env", "mine", str(tmp_path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["test_mine.py"]


def test_check_of_a_built_in_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "env", "toy/slots", "--env-options.slots", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "toy/slots keeps to the protocol"
    assert all(line.startswith("ok ") for line in lines[:-1])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("check toy/slots", "takes `env` and one ID"),
        ("check env", "takes `env` and one ID"),
        ("check env toy/slot", "did you mean 'toy/slots'"),
        ("check env toy/slots --env-options.slot 3", "did you mean 'slots'"),
        ("check env nothing_here:SPEC", "no module nothing_here"),
        ("init env", "takes `env NAME [FOLDER]`"),
        ("init my_env", "takes `env NAME [FOLDER]`"),
        ("init env 2fast", "cannot name a module"),
        ("init env class", "cannot name a module"),
        ("init env a/b", "cannot name a module"),
        ("init env json", "there is a module json already"),
        ("init env infopo", "there is a module infopo already"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(arguments: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments.split()) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", ["check", "init"])
def test_the_commands_explain_themselves(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert f"usage: infopo {name} env" in capsys.readouterr().out
