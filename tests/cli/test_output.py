"""What `infopo` does with its output: closed, full, piped into what stops reading, or poor in characters."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infopo.cli.main import main

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src"), "OMP_NUM_THREADS": "1"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "infopo", *arguments]


def test_output_into_a_closed_pipe_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    arguments = command("envs", "usergym/travel")
    result = subprocess.run(arguments, env=ENVIRONMENT, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=100)
    os.close(writer)
    assert (result.returncode, result.stderr) == (0, "")


def test_output_that_cannot_be_written_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            command("envs", "toy/slots"), env=ENVIRONMENT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=100
        )
    said = "infopo: cannot write the output: No space left on device; send it elsewhere\n"
    assert (result.returncode, result.stderr) == (1, said)


def test_a_closed_output_is_no_error() -> None:
    arguments = ["sh", "-c", 'exec "$@" >&-', "sh", *command("envs", "toy/slots")]
    result = subprocess.run(arguments, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, timeout=100)
    assert (result.returncode, result.stderr) == (0, "")


def test_another_error_of_the_system_is_not_taken_for_one_of_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", "somewhere")

    monkeypatch.setattr("infopo.cli.envs.run", fail)
    with pytest.raises(OSError, match="somewhere"):
        main(["envs"])


def test_a_character_that_the_output_lacks_is_shown_as_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii"))
    monkeypatch.setattr("infopo.cli.envs.run", lambda arguments: print("cut …") or 0)
    assert main(["envs"]) == 0
    assert shown.getvalue() == b"cut ?\n"
