"""A run folder as data, whatever state the run is in: running, crashed, or finished."""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from infopo.core import UserError, read_records

RECORDS = "trajectories.jsonl"
_FILES = ("config.yaml", "metrics.jsonl", "summary.json", RECORDS)
_STEP = re.compile(r"step_(\d+)(-told)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One evaluation of a run: what it is called, its numbers, and its episodes where they were recorded.

    `step` is that of training after which it was made; `told`: the opening told everything that is hidden; `user`: who
    answered, where an evaluation was played with several.
    """

    name: str
    summary: dict[str, Any]
    records: Path | None = None
    step: int | None = None
    told: bool = False
    user: str | None = None


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

    @property
    def is_evaluation(self) -> bool:
        """Whether the folder is an evaluation, not a training run."""
        return not self.metrics and "steps" not in self.config and "algo" not in self.config

    @property
    def training(self) -> Path | None:
        """The episodes that were trained on."""
        path = self.path / RECORDS
        return None if self.is_evaluation or not path.is_file() else path

    def evaluations(self) -> list[Evaluation]:
        """Every evaluation there is, in the order of steps or of users. Raises `UserError` for a damaged summary."""
        if self.is_evaluation and (by_user := self._by_user()):
            return by_user
        if self.is_evaluation:
            path = self.path / RECORDS
            return [Evaluation(name="evaluation", summary=self.summary, records=path if path.is_file() else None)]
        found = []
        for folder in sorted((self.path / "evaluations").glob("step_*")):
            named = _STEP.fullmatch(folder.name)
            if named and (folder / "summary.json").is_file():
                name = f"after step {int(named[1])}{', told everything' if named[2] else ''}"
                records = folder / RECORDS
                found.append(
                    Evaluation(
                        name=name,
                        summary=_mapping(folder / "summary.json"),
                        records=records if records.is_file() else None,
                        step=int(named[1]),
                        told=bool(named[2]),
                    )
                )
        kept = [(name, self.summary.get(name)) for name in ("before", "after", "told", "told_after")]
        return found or [
            Evaluation(name=name.replace("_", ", "), summary=part, told=name.startswith("told"))
            for name, part in kept
            if isinstance(part, dict)
        ]

    def _by_user(self) -> list[Evaluation]:
        """One for each user of an evaluation with several, the finished ones first."""
        folders = {}
        for folder in sorted((self.path / "users").glob("*")):
            if (folder / "config.yaml").is_file():
                folders[str(_mapping(folder / "config.yaml").get("user") or "scripted")] = folder
        summaries = {name: _mapping(folder / "summary.json") for name, folder in folders.items()}
        found = self.summary.get("users")
        if isinstance(found, dict):
            summaries = {str(name): part for name, part in found.items() if isinstance(part, dict)} | summaries
        files = {name: folder / RECORDS for name, folder in folders.items() if (folder / RECORDS).is_file()}
        return [
            Evaluation(name=f"user {name}", summary=summary, records=files.get(name), user=name)
            for name, summary in summaries.items()
        ]


def read_run(path: str | os.PathLike[str]) -> Run:
    """Read a run folder. A torn last line is left out; a file that is not there yet is empty.

    Raises `UserError` for a folder that is no run, and for files that are damaged, naming them.
    """
    path = Path(path)
    if not any((path / name).is_file() for name in _FILES):
        raise UserError(f"{path} is not a run folder: it has no {', '.join(_FILES[:-1])} or {_FILES[-1]}")
    metrics = path / "metrics.jsonl"
    return Run(
        path=path,
        config=_mapping(path / "config.yaml"),
        metrics=tuple(read_records(metrics)) if metrics.is_file() else (),
        summary=_mapping(path / "summary.json"),
    )


def name_runs(runs: Sequence[Run]) -> list[str]:
    """A name for each run: that of its folder, with as many folders above it as tell equal ones apart.

    Raises `UserError` for a folder that is given twice.
    """
    places = [run.path.resolve() for run in runs]
    for place in places:
        if places.count(place) > 1:
            raise UserError(f"{place} is given twice: name each run once")
    names = []
    for place in places:
        parts = 1
        while sum(other.parts[-parts:] == place.parts[-parts:] for other in places) > 1:
            parts += 1
        names.append(str(Path(*place.parts[-parts:])))
    return names


def _mapping(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"{path} is damaged: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise UserError(f"{path} is damaged: it holds no mapping")
    return data
