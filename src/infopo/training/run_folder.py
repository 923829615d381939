"""The folder of one run: configuration, records, checkpoints, summary. One process writes it at a time."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from infopo.core import RecordWriter, UserError, atomic_write_text, discard_after, encode_line
from infopo.training.checkpoint import checkpoint_step, latest_checkpoint
from infopo.training.config import TrainConfig
from infopo.training.config_io import config_from_dict, config_to_yaml, read_yaml

CONFIG, SUMMARY = "config.yaml", "summary.json"
RECORDS = ("metrics", "timings", "trajectories")


class RunFolder:
    """`create` for a new run, `open` to resume one. Raises `StorageError` where the disk refuses.

    `name` stands in every record; `checkpoints` is where checkpoints go; `config` is what `config.yaml` says.
    """

    def __init__(self, path: Path, config: TrainConfig, name: str, lock: int | None) -> None:
        self.path = path
        self.config = config
        self.name = name
        self.checkpoints = path / "checkpoints"
        self._lock = lock
        self._writers = {kind: RecordWriter(path / f"{kind}.jsonl") for kind in RECORDS}

    @classmethod
    def create(cls, path: str | os.PathLike[str], config: TrainConfig, *, run_name: str | None = None) -> Self:
        """A new run; writes `config.yaml`. Raises `UserError` where the folder already holds something."""
        path = Path(path)
        _make(path)
        lock = _lock(path)
        if any(not entry.name.startswith(".") for entry in path.iterdir()):
            _unlock(lock)
            what = f"go on with it by --resume {path}, or" if (path / CONFIG).exists() else "so"
            raise UserError(f"{path} is not empty: {what} give another --out")
        atomic_write_text(path / CONFIG, config_to_yaml(config))
        return cls(path, config, run_name or path.resolve().name, lock)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, run_name: str | None = None, steps: int | None = None) -> Self:
        """An existing run, ready to go on after its newest intact checkpoint; `steps` gives it another length.

        Records of later steps move to `discarded/`: they are produced again. Raises `UserError` for a folder that is
        no run, an unreadable configuration, damaged checkpoints, or a run that another process is writing.
        """
        path = Path(path)
        if not (path / CONFIG).is_file():
            raise UserError(f"{path} is not a run that can be resumed: it has no {CONFIG}; start one with --out {path}")
        config = config_from_dict(read_yaml(path / CONFIG), where=str(path / CONFIG))
        lock = _lock(path)
        newest = latest_checkpoint(path / "checkpoints")
        step = 0 if newest is None else checkpoint_step(newest)
        if steps is not None and steps < step:
            _unlock(lock)
            raise UserError(f"{path} has done {step} steps, --steps {steps} would undo some; give at least {step}")
        if steps is not None:
            config = replace(config, steps=steps)
            atomic_write_text(path / CONFIG, config_to_yaml(config))
        for kind in RECORDS:
            discard_after(path / f"{kind}.jsonl", lambda data: data["step"] <= step, path / "discarded")
        return cls(path, config, run_name or path.resolve().name, lock)

    def log_metrics(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """One line of `metrics.jsonl`: what the step measured, nothing that depends on the clock."""
        self._writers["metrics"].append({"run": self.name, "step": step, **metrics})

    def log_timings(self, step: int, timings: Mapping[str, float]) -> None:
        """One line of `timings.jsonl`: seconds."""
        self._writers["timings"].append({"run": self.name, "step": step, **timings})

    def log_trajectories(self, step: int, records: Sequence[dict[str, Any]]) -> None:
        """Lines of `trajectories.jsonl`, made by `core.trajectory_to_record` for this step."""
        for record in records:
            if record["step"] != step:
                raise ValueError(f"a record of step {record['step']} was logged with step {step}")
            self._writers["trajectories"].append(record)

    def dump_batch(self, step: int, records: Sequence[dict[str, Any]]) -> None:
        """Set the episodes of a step that could not be trained on aside in `dumps/`, for a person to look at."""
        (self.path / "dumps").mkdir(exist_ok=True)
        text = "".join(encode_line(record) + "\n" for record in records)
        atomic_write_text(self.path / "dumps" / f"step_{step:06d}.jsonl", text)

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Replace `summary.json`."""
        atomic_write_text(self.path / SUMMARY, json.dumps(summary, indent=1, allow_nan=False) + "\n")

    def sync(self) -> None:
        """Return once every record logged so far is on the disk."""
        for writer in self._writers.values():
            writer.sync()

    def close(self) -> None:
        """Close the records and let another process have the run."""
        for writer in self._writers.values():
            writer.close()
        _unlock(self._lock)
        self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _make(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the run folder {path}: {error.strerror}; give another --out") from error


def _lock(path: Path) -> int | None:
    """Hold `path/.lock` until it is closed; the system lets go of it when the process dies."""
    try:
        import fcntl
    except ImportError:  # Windows: two writers of one run are not noticed there
        return None
    try:
        handle = os.open(path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UserError(f"cannot write in {path}: {error.strerror}; check its permissions") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise UserError(f"another process is writing the run {path}; wait for it, or stop it first") from error
    return handle


def _unlock(handle: int | None) -> None:
    if handle is not None:
        os.close(handle)
