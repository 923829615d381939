"""`infopo view`: which dialogues it shows, that it reads no further than it must, and that texts stay harmless."""

from pathlib import Path

import pytest

from infopo.cli.main import main
from infopo.core import RecordWriter, read_records


@pytest.fixture(scope="module")
def run_folder(slots_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation of five episodes; the third broke off, the fourth says something hostile."""
    source = tmp_path_factory.mktemp("view") / "source"
    assert (
        main(["eval", "--model", str(slots_folder), "--env", "toy/slots", "--episodes", "5", "--out", str(source)]) == 0
    )
    folder = source.with_name("run")
    folder.mkdir()
    with RecordWriter(folder / "trajectories.jsonl") as writer:
        for number, record in enumerate(read_records(source / "trajectories.jsonl")):
            if number == 2:
                record |= {
                    "failure": {"kind": "ChatError", "where": "step", "detail": "-"},
                    "score": None,
                    "success": None,
                }
            if number == 3:
                record["messages"][-1]["content"] = "\x1b[2J\x1b]0;owned\x07 <script>"
            record["turns"][0]["gain"] = 0.25
            writer.append(record | {"step": number // 2})
    return folder


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[list[str], str, str]:
    """The titles, all that was printed, and what was said beside it."""
    capsys.readouterr()
    assert main(["view", *arguments]) == 0
    out, err = capsys.readouterr()
    return [line.strip("─ ") for line in out.splitlines() if line.startswith("─")], out, err


def test_dialogues_are_shown_in_order_a_few_at_a_time(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ids = [record["task_id"] for record in read_records(run_folder / "trajectories.jsonl")]
    titles, out, err = shown(capsys, str(run_folder))
    assert titles == [f"{number}: {ids[number - 1]}, episode 0, step {(number - 1) // 2}" for number in (1, 2, 3)]
    assert "there are more: --skip 3" in err
    assert "gain +0.25" in out
    titles, _, err = shown(capsys, str(run_folder), "--skip", "3")
    assert [title.partition(":")[0] for title in titles] == ["4", "5"]
    assert err == ""


def test_dialogues_are_chosen(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = list(read_records(run_folder / "trajectories.jsonl"))
    titles, out, _ = shown(capsys, str(run_folder), "--outcome", "failure")
    assert len(titles) == 1
    assert "broke off: ChatError in step" in out
    titles, _, _ = shown(capsys, str(run_folder), "--step", "2")
    assert [records[4]["task_id"] in title for title in titles] == [True]
    titles, _, _ = shown(capsys, str(run_folder), "--task", records[1]["task_id"])
    assert [records[1]["task_id"] in title for title in titles] == [True]


def test_what_others_wrote_is_shown_and_not_obeyed(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = shown(capsys, str(run_folder), "--skip", "3", "--limit", "1")
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "<script>" in out


def test_no_more_is_read_than_is_shown(run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (run_folder / "trajectories.jsonl").read_text().splitlines()
    (tmp_path / "trajectories.jsonl").write_text("\n".join([*lines[:2], "broken", *lines[2:]]) + "\n")
    assert len(shown(capsys, str(tmp_path), "--limit", "1")[0]) == 1
    assert main(["view", str(tmp_path)]) == 2
    assert "line 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "view needs a run folder"),
        (["RUN", "--limit", "0"], "--limit must be at least 1"),
        (["RUN", "--outcome", "succes"], "outcome"),
        (["RUN", "--task", "no such task"], "no dialogue that these options ask for"),
        (["RUN", "--skip", "9"], "no dialogue that these options ask for"),
        (["absent"], "absent has no trajectories.jsonl"),
    ],
)
def test_mistakes_are_told(
    arguments: list[str], told: str, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["view", *(str(run_folder) if one == "RUN" else one for one in arguments)]) == 2
    assert told in capsys.readouterr().err
