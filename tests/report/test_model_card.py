"""The model card says what was measured, and how to load what is there."""

import json
from pathlib import Path
from typing import Any

import yaml

from infopo.cli.main import main

PART = {"success": 0.25, "score": 0.5, "ci95": [0.19, 0.31], "questions": 1.0, "n": 200, "failed": 0}


def card(folder: Path, summary: dict[str, Any], **changes: Any) -> str:
    folder.mkdir()
    config = {"env": "usergym/travel", "algo": "infopo", "model": "Qwen/Qwen3-4B", "steps": 30, "lora": {"rank": 0}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config | changes))
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "checkpoints").mkdir()
    out = folder / "README.md"
    assert main(["export", str(folder), "--to", "model-card", "--out", str(out)]) == 0
    return out.read_text()


def test_numbers_come_with_their_intervals(tmp_path: Path) -> None:
    after = PART | {"success": 0.9, "ci95": [0.85, 0.93], "questions": None}
    text = card(tmp_path / "run", {"before": PART, "after": after})
    _, head, body = text.split("---\n", 2)
    assert yaml.safe_load(head)["base_model"] == "Qwen/Qwen3-4B"
    assert "| success (95 % interval) | 25.0 % (19.0 to 31.0) | 90.0 % (85.0 to 93.0) |" in body
    assert "| questions asked | 1.00 | - |" in body
    assert "| steps | 30 |" in body
    assert "AutoModelForCausalLM.from_pretrained('CHECKPOINT')" in body


def test_what_was_not_measured_is_not_claimed(tmp_path: Path) -> None:
    text = card(tmp_path / "run", {"seconds": 3.0}, lora={"rank": 16}, model="nano", algo_options={"a|b": "x\n| y"})
    assert "Not measured" in text
    assert "PeftModel" in text
    assert "base_model" not in text
    rows = [line for line in text.splitlines() if line.startswith("| algo_options")]
    assert rows == ["| algo_options | a\\|b x \\| y |"]
