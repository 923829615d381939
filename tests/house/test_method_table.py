"""The comparison of methods runs, keeps what it has finished, and goes on after an interruption."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def command(*arguments: str) -> list[str]:
    return [sys.executable, "benchmarks/method_table.py", *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}


def run(*arguments: str) -> str:
    result = subprocess.run(
        command(*arguments), cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=600, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_finished_cells_are_kept(tmp_path: Path) -> None:
    flags = ["--suite", "fusion", "--out", str(tmp_path), "--quick"]
    first = run(*flags, "--cells", "grpo")
    (path,) = (tmp_path / "cells").glob("*.json")
    before = path.stat().st_mtime_ns
    assert "1 of 1 cells" in first
    second = run(*flags, "--keep", str(tmp_path / "kept.jsonl"))
    assert "5 of 5 cells" in second
    assert "| infopo-return less |" in second
    assert path.stat().st_mtime_ns == before, "a finished cell was run again"
    assert "running slots 5 grpo" not in second
    assert not list((tmp_path / "runs").iterdir()), "what a finished cell needed is gone"

    kept = [json.loads(line) for line in (tmp_path / "kept.jsonl").read_text().splitlines()]
    assert [one["label"] for one in kept][:3] == ["warm start", "grpo", "infopo-return"]
    for cell in (tmp_path / "cells").iterdir():
        cell.unlink()
    assert "5 of 5 cells" in run(*flags, "--print"), "the kept lines alone hold the cells"
    assert "code 0123: 0 of 5 cells" in run(*flags, "--print", "--code", "0123"), "other code has none of them"


def stopped_at_step(flags: list[str], step: int) -> list[str]:
    """The lines of a run that gets Ctrl-C when it has shown a step."""
    process = subprocess.Popen(command(*flags), cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        # A line whose writing the signal interrupts may come twice; a second signal would stop at once.
        if line.startswith(f"step {step:2d}/") and line not in lines:
            process.send_signal(signal.SIGINT)
        lines.append(line)
    assert process.wait(timeout=300) == 130
    return lines


def test_an_interrupted_cell_goes_on(tmp_path: Path) -> None:
    flags = ["--suite", "fusion", "--out", str(tmp_path), "--cells", "slots 5 grpo seed 0"]
    stopped_at_step(flags, 2)
    assert not (tmp_path / "cells").exists()
    lines = stopped_at_step(flags, 5)
    assert any(line.startswith("resuming after step") for line in lines)
    assert not any(line.startswith("step  2/") for line in lines)


def test_in_failed_groups_the_outcome_alone_is_silent(tmp_path: Path) -> None:
    output = run("--suite", "honourable-failure", "--out", str(tmp_path), "--quick")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in output.splitlines() if line[:1] == "|"]
    gaps = {row[0]: row[1] for row in rows[2:]}
    assert gaps["grpo"] == gaps["dapo"] == "+0.0000 [+0.0000, +0.0000]"
    low = float(gaps["infopo-return"].partition("[")[2].partition(",")[0])
    assert low > 0
