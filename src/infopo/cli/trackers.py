"""Experiment trackers as thin sinks for scalars. Each is an extra, imported only where a run asks for it."""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from infopo.core import UnknownNameError, UserError

PROJECT = "infopo"
NAMES = ("wandb", "trackio", "tensorboard")


class Tracker(Protocol):
    """Takes the scalars of every step."""

    def log(self, step: int, values: Mapping[str, float]) -> None: ...

    def close(self) -> None: ...


def check_trackers(names: Sequence[str]) -> None:
    """Raises `UserError` for an unknown name, and for an extra that is not installed, with the command for it."""
    for name in names:
        if name not in NAMES:
            raise UnknownNameError("tracker", name, list(NAMES))
        if importlib.util.find_spec(name) is None:
            raise UserError(f"tracker {name} is not installed; run: pip install 'infopo[{name}]'")


def open_trackers(names: Sequence[str], *, run: str, folder: Path, step: int, config: dict[str, Any]) -> list[Tracker]:
    """One sink a name, for the run `run` that has done `step` steps; see `check_trackers` for what is refused."""
    check_trackers(names)
    return [_open(name, run, folder, step, config) for name in names]


def _open(name: str, run: str, folder: Path, step: int, config: dict[str, Any]) -> Tracker:
    if name == "tensorboard":
        return _TensorBoard(folder / "tensorboard", step)
    library = importlib.import_module(name)
    if name == "wandb":
        return _Online(library, library.init(project=PROJECT, name=run, dir=str(folder), config=config))
    return _Online(library, library.init(project=PROJECT, name=run, config=config, resume="allow"))


class _Online:
    """wandb, and trackio, which has the same interface."""

    def __init__(self, library: Any, run: Any) -> None:
        self._library = library
        self._run = run

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._library.log(dict(values), step=step)

    def close(self) -> None:
        self._library.finish()


class _TensorBoard:
    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # what an interrupted run logged after its checkpoint is hidden: it is logged again
        self._writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()
