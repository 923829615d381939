"""One writer a folder: a lock that the system lets go of when its process dies."""

import os
from pathlib import Path

from infopo.core.errors import UserError


class FolderLock:
    """Holds `path/.lock`, making the folder where it is not there, until `release`.

    Raises `UserError` where the folder cannot be made or written, or another process holds the lock.
    """

    def __init__(self, path: Path) -> None:
        self._handle: int | None = None
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot make the run folder {path}: {error.strerror}; give another --out") from error
        try:
            import fcntl
        except ImportError:  # Windows: two writers of one run are not noticed there
            return
        try:
            handle = os.open(path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise UserError(f"cannot write in {path}: {error.strerror}; check its permissions") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise UserError(f"another process is writing the run {path}; wait for it, or stop it first") from error
        self._handle = handle

    def release(self) -> None:
        """Let another process have the folder; a second call does nothing."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
