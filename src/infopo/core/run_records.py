"""The record files of one run: metrics, timings, trajectories, dumps, summary. One process writes them at a time."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from infopo.core.folder_lock import FolderLock
from infopo.core.records import RecordWriter, atomic_write_text, discard_after, encode_line

SUMMARY = "summary.json"
RECORDS = ("metrics", "timings", "trajectories")


class RunRecords:
    """Appends to the records in `path` under `lock`; `name` stands in every record.

    With `after` given, records of later steps move to `discarded/` first. Raises `StorageError` where the disk refuses.
    """

    def __init__(self, path: Path, lock: FolderLock, *, name: str | None = None, after: int | None = None) -> None:
        self.path = path
        self.name = name or path.resolve().name
        self._lock = lock
        if after is not None:
            for kind in RECORDS:
                discard_after(path / f"{kind}.jsonl", lambda data: data["step"] <= after, path / "discarded")
        self._writers = {kind: RecordWriter(path / f"{kind}.jsonl") for kind in RECORDS}

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
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
