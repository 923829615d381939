"""From the name of a model to a policy: what `nano` stands for."""

from pathlib import Path
from typing import Any

import pytest

from infopo.cli.policy import load, with_nano_difficulty
from infopo.core import UserError


def test_nano_can_be_warm_started_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    def found(env: str, options: dict[str, Any], **settings: Any) -> str:
        asked.append((env, options))
        raise UserError("enough")

    monkeypatch.setattr("infopo.nano.nano_folder", found)
    for model in ("nano", "nano:usergym/all-test"):
        with pytest.raises(UserError, match="enough"):
            load(model, "toy/slots", {"slots": 2})
    assert asked == [("toy/slots", {"slots": 2}), ("usergym/all-test", {"difficulty": "nano"})]


def test_the_nano_difficulty_follows_the_model(tmp_path: Path) -> None:
    def difficulty(model: object, **options: Any) -> Any:
        return with_nano_difficulty(str(model), "usergym/travel", options).get("difficulty")

    assert difficulty("nano") == "nano"
    assert difficulty("nano:usergym/all-test") == "nano"
    assert difficulty("nano", difficulty="standard") == "standard"
    assert difficulty("Qwen/Qwen3-4B") is None
    (tmp_path / "infopo.json").write_text('{"nano": 1}')
    assert difficulty(tmp_path) == "nano"
    checkpoint = tmp_path / "run" / "checkpoints" / "step_000001"
    checkpoint.mkdir(parents=True)
    assert difficulty(checkpoint) is None
    (tmp_path / "run" / "config.yaml").write_text("env_options: {difficulty: nano}\n")
    assert difficulty(checkpoint) == "nano"
