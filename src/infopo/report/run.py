"""A run folder as data, whatever state the run is in: running, crashed, or finished."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from infopo.core import UserError, read_records


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a run folder holds, trajectories apart (they may be large: `core.read_records` streams them)."""

    path: Path
    config: dict[str, Any] = field(default_factory=dict)
    metrics: tuple[dict[str, Any], ...] = ()
    summary: dict[str, Any] = field(default_factory=dict)

    def series(self, name: str) -> tuple[list[int], list[float]]:
        """Steps and values of a metric, where it was measured."""
        points = [(row["step"], row[name]) for row in self.metrics if isinstance(row.get(name), int | float)]
        return [int(step) for step, _ in points], [float(value) for _, value in points]


def read_run(path: str | os.PathLike[str]) -> Run:
    """Read a run folder. A torn last line is left out; a file that is not there yet is empty.

    Raises `UserError` for a folder that is no run, and for files that are damaged, naming them.
    """
    path = Path(path)
    if not any((path / name).is_file() for name in ("config.yaml", "metrics.jsonl", "summary.json")):
        raise UserError(f"{path} is not a run folder: it has no config.yaml, metrics.jsonl or summary.json")
    metrics = path / "metrics.jsonl"
    return Run(
        path=path,
        config=_mapping(path / "config.yaml"),
        metrics=tuple(read_records(metrics)) if metrics.is_file() else (),
        summary=_mapping(path / "summary.json"),
    )


def _mapping(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path} is damaged: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise UserError(f"{path} is damaged: it holds no mapping")
    return data
