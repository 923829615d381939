"""A nano policy with the shortest of warm starts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infopo.nano import WarmStart, nano_folder

SHORT = WarmStart(drill_steps=2, steps=2, drill_tokens=300, batch=4)
Build = Callable[..., Path]


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Build:
    """`build("toy/slots", {}, cache="a")`: `nano_folder` with a cache of its own."""

    def run(
        env_id: str = "toy/slots", options: dict[str, Any] | None = None, *, cache: str = "cache", **more: Any
    ) -> Path:
        monkeypatch.setenv("INFOPO_CACHE", str(tmp_path / cache))
        return nano_folder(env_id, options or {}, **{"warm_start": SHORT, **more})

    return run


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once for all tests that only look at it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INFOPO_CACHE", str(tmp_path_factory.mktemp("nano-cache")))
        return nano_folder("usergym/travel", {}, warm_start=SHORT)


@pytest.fixture(scope="session")
def tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)
