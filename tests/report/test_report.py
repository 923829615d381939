"""Reports work on runs in any state, show what was recorded, and never what is private or unsafe."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from infopo.core import RecordWriter, UserError
from infopo.report import clean_text, comparison_table, draw_run, format_rate, read_run, render_dialogue

PNG = b"\x89PNG\r\n\x1a\n"


def shown(renderable: Any, width: int = 100) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, force_terminal=False).print(renderable)
    return stream.getvalue()


def metrics(step: int) -> dict[str, Any]:
    return {
        "step": step,
        "run": "r",
        "train/success": min(1.0, step / 10),
        "turns/mean": 4.0,
        "questions/mean": 1.5,
        "hidden/mean": 2.0,
        "group/equal_ratio": 0.25,
        "info/turn_gain_at_1": 0.5,
        "info/turn_gain_at_3": -0.1,
    }


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text("env: toy/slots\nalgo: infopo\nmodel: $HOME/a_b$\nseed: 0\n")
    return tmp_path


@pytest.mark.parametrize("steps", [0, 1, 2, 30])
def test_a_picture_of_a_run_of_any_length(run: Path, steps: int) -> None:
    with RecordWriter(run / "metrics.jsonl") as writer:
        for step in range(1, steps + 1):
            writer.append(metrics(step))
    picture = draw_run(run, run / "plot.png")
    assert picture.read_bytes().startswith(PNG)
    assert len(read_run(run).metrics) == steps


def test_a_picture_of_a_crashed_run(run: Path) -> None:
    with RecordWriter(run / "metrics.jsonl") as writer:
        writer.append(metrics(1))
        writer.append({"step": 2, "run": "r", "train/success": None})
    with open(run / "metrics.jsonl", "ab") as file:
        file.write(b'{"v": 1, "cr')
    assert draw_run(run, run / "plot.png").read_bytes().startswith(PNG)
    assert read_run(run).series("train/success") == ([1], [0.1])


def test_a_picture_with_evaluations(run: Path) -> None:
    part = {"success": 1.0, "ci95": [0.98, 1.0], "n": 200}
    (run / "summary.json").write_text(json.dumps({"before": part | {"ci95": None}, "after": part}))
    plain = draw_run(run, run / "with.png").read_bytes()
    (run / "summary.json").unlink()
    assert draw_run(run, run / "without.png").read_bytes() != plain


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a run folder"):
        read_run(tmp_path)
    (tmp_path / "summary.json").write_text("{")
    with pytest.raises(UserError, match=r"summary\.json is damaged"):
        read_run(tmp_path)


def test_damage_in_the_middle_is_named(run: Path) -> None:
    (run / "metrics.jsonl").write_text('nonsense\n{"v": 1, "crc": 286895505, "data": {"step":1}}\n')
    with pytest.raises(UserError, match=r"metrics\.jsonl, line 1"):
        draw_run(run, run / "plot.png")


def record(*, failure: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "messages": [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": "[bold]a flight[/bold] for $5"},
            {"role": "assistant", "content": "[action] which seat ?"},
            {"role": "user", "content": "aisle\x1b[2J\x1b]0;owned\x07 please"},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": "1", "function": {"name": "interact", "arguments": '{"a": 1}'}}],
            },
            {"role": "tool", "content": "saved"},
        ],
        "turns": [{"action_message": 2, "gain": 1.25}, {"action_message": 4, "gain": None}],
        "success": None if failure else True,
        "score": None if failure else 1.0,
        "failure": failure,
        "private": {"hidden": ["SECRET-FACT"], "reference_answer": "SECRET-ANSWER"},
    }


def test_a_dialogue_shows_messages_as_they_are_and_gains_beside_replies() -> None:
    lines = shown(render_dialogue(record(), title="before")).splitlines()
    assert "before" in lines[0]
    assert any("[bold]a flight[/bold] for $5" in line for line in lines)
    assert any("agent [action] which seat ?" in line for line in lines)
    reply = next(line for line in lines if "aisle" in line)
    assert "aisle please" in reply
    assert reply.rstrip().endswith("gain +1.25")
    assert sum("gain" in line for line in lines) == 1
    assert any('interact({"a": 1})' in line for line in lines)
    assert "success, score 1.00, 2 turns" in lines[-1]


def test_gains_measured_later_replace_the_recorded_ones() -> None:
    text = shown(render_dialogue(record(), gains=[None, -0.5]))
    assert "+1.25" not in text
    assert "saved" in next(line for line in text.splitlines() if "gain -0.50" in line)
    with pytest.raises(ValueError, match="1 gains for 2 turns"):
        render_dialogue(record(), gains=[0.1])


def test_a_dialogue_that_broke_off_says_where() -> None:
    text = shown(render_dialogue(record(failure={"kind": "timeout", "where": "step", "detail": "x"})))
    assert "broke off: timeout in step" in text


def test_nothing_private_is_shown() -> None:
    assert "SECRET" not in shown(render_dialogue(record()))


@given(st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("\x1b\x9b\x90[];0m\x07\x9c\r\n\t\u202e")))
def test_cleaned_text_cannot_speak_to_a_terminal(text: str) -> None:
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned
    assert not any(
        (ord(letter) < 32 and letter not in "\n\t") or 0x7F <= ord(letter) < 0xA0 or letter == "\u202e"
        for letter in cleaned
    )


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert clean_text(text) == text


def test_missing_figures_are_dashes_and_zeros_are_zeros() -> None:
    after = {"success": 0.835, "ci95": [0.7772, 0.8802], "questions": 0.0, "n": 200, "failed": 2}
    text = shown(comparison_table({"before": None, "after": after}))
    cells = [[cell.strip() for cell in line.split("│")] for line in text.splitlines() if "│" in line]
    rows = {line[1]: line[2:4] for line in cells}
    assert rows["success (95 % interval)"] == ["-", "83.5 % (77.7 to 88.0)"]
    assert rows["questions asked"] == ["-", "0.00"]
    assert rows["episodes that broke"] == ["-", "2"]
    assert "turns" not in rows
    assert format_rate({"success": 0.5}) == "50.0 %"


def test_reports_need_no_torch() -> None:
    code = "import infopo.report, sys; print([n for n in ('torch', 'transformers') if n in sys.modules])"
    source = str(Path(__file__).parents[2] / "src")
    result = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": source}, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
