"""Folders that appear whole or not at all: written aside, sealed with checksums, put on the disk, then renamed.

`NAME.partial` is filled, gets a `manifest.json` with size and SHA-256 of every file as its last file, and becomes
`NAME` by one rename. A kill at any moment leaves a sealed `NAME` or left-overs that nobody reads and `sweep` deletes.
"""

import errno
import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any

from infopo.core.records import StorageError

MANIFEST = "manifest.json"
VERSION = 1
_PARTIAL, _REMOVED = ".partial", ".removed"
_BLOCK = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class SealedFolder:
    """`with SealedFolder(path) as partial:` write files into `partial`; leaving the block seals it as `path`.

    What was at `path` is replaced, by two renames: a kill between them leaves nothing there (a new name has no such
    moment). On any error the half is removed and `path` stays as it was. Raises
    `StorageError` where the disk refuses, in whatever exception a library wraps the refusal (the tokenizer library
    raises bare `Exception`, which is why this is an `__exit__` and not an `except`).
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.partial = self.path.with_name(self.path.name + _PARTIAL)

    def __enter__(self) -> Path:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(self.partial, ignore_errors=True)
            self.partial.mkdir()
        except OSError as error:
            self._raise(error, error.errno)
        return self.partial

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        number = _errno(error)
        if error is None:
            try:
                self._seal()
                return
            except OSError as refusal:
                error, number = refusal, refusal.errno
        shutil.rmtree(self.partial, ignore_errors=True)  # gives the space back
        if number is not None:
            self._raise(error, number)

    def _seal(self) -> None:
        manifest = {"version": VERSION, "files": _checksums(self.partial)}
        (self.partial / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
        for path in (*self.partial.rglob("*"), self.partial):
            _sync(path)
        if self.path.exists():
            remove(self.path)
        self.partial.rename(self.path)
        _sync(self.path.parent)

    def _raise(self, error: BaseException, number: int | None) -> None:
        what = "the disk (or quota) is full: free some space" if number in _FULL else f"{error}: check the path"
        raise StorageError(
            f"cannot write {self.path}: {what}, then start again (resume a run); what was written before is intact"
        ) from error


def verify(path: Path) -> str | None:
    """What is wrong with a sealed folder, naming the file; None where every checksum agrees."""
    try:
        manifest = json.loads((path / MANIFEST).read_text())
        files = {str(name): (int(entry["size"]), str(entry["sha256"])) for name, entry in manifest["files"].items()}
        version = manifest["version"]
    except OSError as error:
        return f"{MANIFEST} cannot be read ({error.strerror})"
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{MANIFEST} is damaged"
    if version != VERSION:
        return f"{MANIFEST} has version {version!r}; this infopo reads {VERSION}"
    for name, (size, digest) in files.items():
        try:
            found = (path / name).stat().st_size
            if found != size:
                return f"{name} has {found} bytes instead of {size}"
            if _digest(path / name) != digest:
                return f"{name} does not match its checksum"
        except OSError as error:
            return f"{name} cannot be read ({error.strerror})"
    return None


def remove(path: Path) -> None:
    """Delete a sealed folder so that a kill leaves no half of it under its own name."""
    removed = path.with_name(path.name + _REMOVED)
    shutil.rmtree(removed, ignore_errors=True)
    path.rename(removed)
    shutil.rmtree(removed, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Delete what a kill left in `folder`: halves, written or deleted."""
    for path in list(folder.iterdir()) if folder.is_dir() else []:
        if path.suffix in (_PARTIAL, _REMOVED):
            shutil.rmtree(path, ignore_errors=True)


def _errno(error: BaseException | None) -> int | None:
    if isinstance(error, OSError):
        return error.errno if error.errno is not None else errno.EIO
    code = re.search(r"\(os error (\d+)\)", str(error))  # how libraries written in Rust report one
    return int(code[1]) if code else None


def _checksums(folder: Path) -> dict[str, dict[str, Any]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): {"size": path.stat().st_size, "sha256": _digest(path)} for path in files
    }


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    if path.is_dir() and not hasattr(os, "O_DIRECTORY"):  # Windows has no handle on a folder
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
