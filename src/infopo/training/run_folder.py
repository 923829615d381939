"""The folder of one training run: its configuration and checkpoints beside its records."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Self

from infopo.core import UserError, atomic_write_text
from infopo.core.checkpoint_folders import checkpoint_step, latest_checkpoint
from infopo.core.folder_lock import FolderLock
from infopo.core.run_records import RunRecords
from infopo.core.typed_data import check_complete
from infopo.training.config import TrainConfig
from infopo.training.config_io import config_from_dict, config_to_yaml, read_yaml

CONFIG = "config.yaml"


class RunFolder(RunRecords):
    """`create` for a new run, `open` to resume one. Raises `StorageError` where the disk refuses.

    `checkpoints` is where checkpoints go; `config` is what `config.yaml` says.
    """

    def __init__(
        self, path: Path, lock: FolderLock, config: TrainConfig, *, name: str | None = None, after: int | None = None
    ) -> None:
        super().__init__(path, lock, name=name, after=after)
        self.config = config
        self.checkpoints = path / "checkpoints"

    @classmethod
    def create(cls, path: str | os.PathLike[str], config: TrainConfig, *, run_name: str | None = None) -> Self:
        """A new run; writes `config.yaml`. Raises `UserError` where the folder already holds something."""
        path = Path(path)
        lock = FolderLock(path)
        if any(not entry.name.startswith(".") for entry in path.iterdir()):
            lock.release()
            what = f"go on with it by --resume {path}, or" if (path / CONFIG).exists() else "so"
            raise UserError(f"{path} is not empty: {what} give another --out")
        atomic_write_text(path / CONFIG, config_to_yaml(config))
        return cls(path, lock, config, name=run_name)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, run_name: str | None = None, steps: int | None = None) -> Self:
        """An existing run, ready to go on after its newest intact checkpoint; `steps` gives it another length.

        Records of later steps move to `discarded/`: they are produced again. Raises `UserError` for a folder that is
        no run, an unreadable configuration, damaged checkpoints, or a run that another process is writing.
        """
        path = Path(path)
        if not (path / CONFIG).is_file():
            raise UserError(f"{path} is not a run that can be resumed: it has no {CONFIG}; start one with --out {path}")
        data = read_yaml(path / CONFIG)
        config = config_from_dict(data, where=str(path / CONFIG))
        check_complete(data, TrainConfig, where=str(path / CONFIG))
        lock = FolderLock(path)
        newest = latest_checkpoint(path / "checkpoints")
        step = 0 if newest is None else checkpoint_step(newest)
        if steps is not None and steps < step:
            lock.release()
            raise UserError(f"{path} has done {step} steps, --steps {steps} would undo some; give at least {step}")
        if steps is not None:
            config = replace(config, steps=steps)
            atomic_write_text(path / CONFIG, config_to_yaml(config))
        return cls(path, lock, config, name=run_name, after=step)
