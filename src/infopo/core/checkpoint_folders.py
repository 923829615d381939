"""The checkpoints of a run by name: sealed folders `step_000020`, the newest intact one of which counts."""

import logging
import re
from pathlib import Path

from infopo.core.errors import InfopoError, UserError
from infopo.core.sealed_folder import MANIFEST, remove, verify

_NAME = re.compile(r"step_(\d{6,})")
_logger = logging.getLogger(__name__)


class CheckpointError(InfopoError):
    """A state that must not be saved, or that does not fit what it is restored into."""


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step is.

    >>> checkpoint_path(Path("run/checkpoints"), 20).name
    'step_000020'
    """
    return folder / f"step_{step:06d}"


def checkpoint_step(path: Path) -> int:
    """The number in a checkpoint's name.

    >>> checkpoint_step(Path("run/checkpoints/step_000020"))
    20
    """
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise UserError(f"{path} is not a checkpoint: its name must be step_ and six digits")
    return int(match[1])


def latest_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint whose checksums agree; None where none was ever finished.

    A damaged one is skipped with a warning that names the file. Raises `UserError` where all are damaged.
    """
    problems = []
    for path in reversed(_finished(folder)):
        problem = verify(path)
        if problem is None:
            return path
        _logger.warning("skipping the damaged checkpoint %s: %s", path, problem)
        problems.append(f"{path.name}: {problem}")
    if problems:
        raise UserError(
            f"no usable checkpoint in {folder} ({'; '.join(problems)}); put those files back from a copy, "
            f"or delete that folder to start the run from its first step"
        )
    return None


def rotate(folder: Path, keep: int) -> None:
    """Delete all but the newest `keep` checkpoints; one without its manifest is left alone and not counted."""
    sealed = [path for path in _finished(folder) if (path / MANIFEST).is_file()]
    for path in sealed[: max(0, len(sealed) - max(1, keep))]:
        remove(path)


def _finished(folder: Path) -> list[Path]:
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)] if folder.is_dir() else []
    return sorted(found, key=checkpoint_step)
