"""`infopo report` as people call it."""

from pathlib import Path

import pytest

from infopo.cli.main import main
from infopo.core import RecordWriter


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "a\x1b[2Jb"
    folder.mkdir()
    (folder / "config.yaml").write_text("env: toy/slots\nalgo: infopo\nsteps: 1\n")
    with RecordWriter(folder / "metrics.jsonl") as writer:
        writer.append({"step": 1, "run": "a", "train/success": 0.5})
    return folder


def test_a_report_lies_in_its_run_and_says_where(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run)]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said, "a terminal is not spoken to"
    assert "report.html" in said
    assert sorted(path.name for path in (run / "report").iterdir()) == ["report.html", "report.md", "tables"]
    assert "a␛[2Jb" in (run / "report" / "report.html").read_text()
    assert main(["report", str(run)]) == 0, "it may be written anew"


MISTAKES = [
    ("report", "report needs a run folder"),
    ("report nowhere", "nowhere is not a run folder"),
    ("report RUN RUN", "--out must name the folder"),
    ("report RUN RUN --out out", "is given twice"),
    ("report RUN --out /dev/null", "/dev/null is not a folder"),
    ("report RUN --uot x", "did you mean --out"),
]


@pytest.mark.parametrize(("arguments", "said"), MISTAKES)
def test_a_mistake_is_one_line(
    arguments: str,
    said: str,
    run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(run) if word == "RUN" else word for word in arguments.split()]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert list(tmp_path.iterdir()) == [run]
    assert not (run / "report").exists()
