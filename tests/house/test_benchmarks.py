"""The benchmark of the information gain runs, and its schemes cost in the order that they must."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TITLES = (
    "Back-ends by turns",
    "Growth with the length of an episode",
    "Rounding, in nats a token",
    "InfoPO step over GRPO step",
    "Peak memory of a pass",
)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.gain", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def table(output: str, title: str) -> list[dict[str, str]]:
    """The rows of the table under a heading, by column."""
    (part,) = [part for part in output.split("### ")[1:] if part.startswith(title)]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line[:1] == "|"]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


@pytest.mark.slow
def test_the_gain_benchmark_prints_every_table() -> None:
    result = run("--quick")
    assert result.returncode == 0, result.stderr
    assert all(table(result.stdout, title) for title in TITLES)
    rows = table(result.stdout, "Back-ends by turns")
    for turns in {row["turns"] for row in rows}:
        tokens = {row["scheme"]: int(row["tokens forwarded"]) for row in rows if row["turns"] == turns}
        assert tokens["kv"] < tokens["tree"] < tokens["separate"] < tokens["released"]
    for row in table(result.stdout, "Rounding"):
        assert "against" not in row["what"] or float(row["largest"]) < 1e-5, row


@pytest.mark.slow
def test_the_path_of_the_accelerator_runs_in_its_coarser_type() -> None:
    result = run("--quick", "--shapes", "tiny", "--dtype", "bfloat16", "--tables", "turns,growth,rounding")
    assert result.returncode == 0, result.stderr
    noise = table(result.stdout, "Rounding")
    assert 0 < float(noise[1]["largest"]) < 0.1


@pytest.mark.slow
def test_what_cannot_be_measured_is_refused_in_a_line() -> None:
    result = run("--quick", "--shapes", "9000B")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("error: no shape is called '9000B'")


@pytest.mark.slow
def test_behaviour_is_measured_once_and_printed(tmp_path: Path) -> None:
    def measure(*more: str) -> subprocess.CompletedProcess[str]:
        line = ["benchmarks/behaviour.py", "--out", str(tmp_path), "--quick", "--envs", "usergym/intention", *more]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            [sys.executable, *line],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    first = measure()
    assert first.returncode == 0, first.stderr
    for row in ("| infopo |", "| scripted:terse |", "| reflexion |", "| grpo | questions |"):
        assert row in first.stdout, row
    tables = first.stdout.partition("## usergym/intention")[2]
    assert measure("--print").stdout.partition("## usergym/intention")[2] == tables
