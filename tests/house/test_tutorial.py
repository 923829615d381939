"""The tutorial's blocks run, in order, in an empty folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infopo.users.chat_settings import read_settings

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "bring-your-own.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(kind, text) for kind, text in BLOCK.findall(PAGE.read_text()) if kind]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}


def run(folder: Path, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"


def test_every_block_of_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = {"sh": 0, "python": 0, "yaml": 0}
    for kind, text in BLOCKS:
        ran[kind] += 1  # a block of another kind would not be checked
        if kind == "sh":
            for line in text.splitlines():
                name, *arguments = line.split()
                assert name == "infopo"
                run(tmp_path, ["-m", "infopo", *arguments])
        elif kind == "python":
            path = tmp_path / f"block_{ran[kind]}.py"
            path.write_text(text)
            # imported from the folder, as the files of the reader are
            run(tmp_path, ["-c", f"import sys; sys.path.insert(0, ''); import {path.stem}"])
        else:
            (tmp_path / "user.yaml").write_text(text)
            assert read_settings("user.yaml").key_variable == "MY_KEY"
    assert min(ran.values()) > 0
