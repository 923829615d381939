"""Append-only run records: one checked JSON line each, whole files replaced atomically.

A line is `{"v": 1, "crc": N, "data": {...}}`; `crc` is `zlib.crc32` of the compact JSON of `data` (ASCII escapes,
no spaces, keys in the order written). A crash can tear the last line only; damage anywhere else is an error.
"""

import errno
import json
import os
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NoReturn, Self

from infopo.core.errors import UserError

VERSION = 1
_BLOCK = 65536


class RecordError(UserError):
    """A record that cannot be written or read back; the text says why, and where it is known."""


class StorageError(UserError):
    """A file could not be written (disk full, quota, read-only); names the file and what to do."""


def encode_line(data: dict[str, Any]) -> str:
    """One record as a line, without the newline.

    Raises `RecordError` for anything that would not read back as written: NaN or infinity, a key that is not text,
    a value that is not JSON.

    >>> encode_line({"step": 1})
    '{"v": 1, "crc": 286895505, "data": {"step":1}}'
    """
    _check_keys(data, "data")
    try:
        text = _compact(data)
    except ValueError as error:  # allow_nan=False, or a circular structure
        bad = _first_non_finite(data, "data")
        reason = f"{bad} is not finite; leave a missing number out or write None" if bad else str(error)
        raise RecordError(f"cannot write a record: {reason}") from error
    except TypeError as error:
        raise RecordError(f"cannot write a record: {error}; convert it to plain numbers, text and lists") from error
    return f'{{"v": {VERSION}, "crc": {zlib.crc32(text.encode())}, "data": {text}}}'


def decode_line(line: str) -> dict[str, Any]:
    """The data of one line; raises `RecordError` on broken JSON, another version or a wrong checksum.

    >>> decode_line(encode_line({"step": 1}))
    {'step': 1}
    """
    try:
        record = json.loads(line, parse_constant=_refuse_constant)
        if not isinstance(record, dict) or set(record) != {"v", "crc", "data"}:
            raise RecordError('not a record: expected an object with exactly "v", "crc" and "data"')
        if type(record["v"]) is not int or record["v"] != VERSION:
            raise RecordError(f"record version {record['v']!r}; this infopo reads version {VERSION}")
        data = record["data"]
        if not isinstance(data, dict):
            raise RecordError("not a record: data must be an object")
        crc = zlib.crc32(_compact(data).encode())
    except (ValueError, RecursionError) as error:
        raise RecordError(f"not a record: {error}") from error
    if type(record["crc"]) is not int or record["crc"] != crc:
        raise RecordError(f"checksum {record['crc']!r} does not match the data ({crc}); the line is damaged")
    return data


def read_records(path: str | os.PathLike[str], *, tolerate_tail: bool = True) -> Iterator[dict[str, Any]]:
    """Every record of a file, in order. A torn last line (a crash, or a run still writing) is left out.

    Raises `RecordError` with path and line number for a damaged line that is not the last one, for a damaged last
    line too where `tolerate_tail` is False, and for a file that is not there (all while iterating).
    """
    path = Path(path)
    for _, data in _read_raw(path, tolerate_tail=tolerate_tail):
        if data is not None:
            yield data


class RecordWriter:
    """Appends records to a file. One writer a file; every line is written whole or not at all.

    Opening creates the folder and the file, and repairs a torn tail: the torn bytes move to
    `discarded/<name>.torn.<n>` beside the file. `append` hands the line to the operating system (it survives the
    death of this process); `sync` makes it survive the death of the machine. Raises `StorageError` where the disk
    refuses; the file then ends with the last whole line.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        with _storage(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = open(self.path, "ab+", buffering=0)  # noqa: SIM115 (closed by close)
            try:
                _repair_tail(self.path, self._file)
                _sync_folder(self.path.parent)
            except OSError:
                self._file.close()
                raise

    def append(self, data: dict[str, Any]) -> None:
        """Write one record; see `encode_line` for what is refused."""
        if self._file.closed:
            raise ValueError(f"{self.path} was closed; open a new RecordWriter to append")
        line = memoryview(encode_line(data).encode() + b"\n")
        written = 0
        with _storage(self.path):
            start = self._file.seek(0, os.SEEK_END)
            try:
                while written < len(line):
                    written += self._file.write(line[written:])
            finally:  # a full disk or Ctrl-C may leave half a line
                if written < len(line):
                    self._take_back(start)

    def _take_back(self, size: int) -> None:
        try:
            self._file.truncate(size)
        except OSError:  # half a line stays; a later append must not bury it in the middle of the file
            self._file.close()
            raise

    def sync(self) -> None:
        """Return once everything appended so far is on the disk."""
        with _storage(self.path):
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Sync and close; closing twice does nothing."""
        if not self._file.closed:
            try:
                self.sync()
            finally:
                self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def discard_after(
    path: str | os.PathLike[str], keep: Callable[[dict[str, Any]], bool], discarded_dir: str | os.PathLike[str]
) -> int:
    """Keep the records that `keep` accepts; move the others to `discarded_dir/<name>.<n>`. Returns how many moved.

    For a resume: records after the checkpoint's step are set aside and produced again. Kept lines stay byte for
    byte. A torn tail moves too, uncounted. The moved lines are on the disk before the file is replaced, so a crash
    in between loses nothing. A file that is not there has nothing to move. Raises `RecordError` on other damage.
    """
    path, folder = Path(path), Path(discarded_dir)
    if not path.exists():
        return 0
    kept_path, moved_path = _temporary(path), _temporary(folder / path.name)
    moved, torn = 0, False
    with _storage(path):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with open(kept_path, "wb") as kept_file, open(moved_path, "wb") as moved_file:
                for raw, data in _read_raw(path, tolerate_tail=True):
                    if data is not None and keep(data):
                        kept_file.write(raw if raw.endswith(b"\n") else raw + b"\n")
                        continue
                    moved_file.write(raw)
                    moved += data is not None
                    torn = torn or data is None
                for file in (kept_file, moved_file):
                    file.flush()
                    os.fsync(file.fileno())
            if moved or torn:
                os.replace(moved_path, _free_name(folder, path.name))
                _sync_folder(folder)
                os.replace(kept_path, path)
                _sync_folder(path.parent)
        finally:
            kept_path.unlink(missing_ok=True)
            moved_path.unlink(missing_ok=True)
    return moved


def atomic_write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Replace a file whole: after a crash it holds the old content or the new one. Raises `StorageError`."""
    path = Path(path)
    temporary = _temporary(path)
    with _storage(path):
        try:
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def atomic_write_text(path: str | os.PathLike[str], content: str) -> None:
    """`atomic_write_bytes` of UTF-8 text; newlines stay as they are."""
    atomic_write_bytes(path, content.encode())


def _compact(data: dict[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"), allow_nan=False)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check_keys(value: Any, where: str) -> None:
    # json would turn {1: ..., "1": ...} into two equal keys, and the checksum would never match again
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise RecordError(f"cannot write a record: key {key!r} of {where} is not text")
            if isinstance(item, dict | list | tuple):
                _check_keys(item, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            if isinstance(item, dict | list | tuple):
                _check_keys(item, f"{where}[{index}]")


def _first_non_finite(value: Any, where: str) -> str | None:
    if isinstance(value, float) and not float("-inf") < value < float("inf"):
        return f"{where} = {value}"
    items: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        items = [(f"{where}.{key}", item) for key, item in value.items()]
    elif isinstance(value, list | tuple):
        items = [(f"{where}[{index}]", item) for index, item in enumerate(value)]
    return next((found for name, item in items if (found := _first_non_finite(item, name))), None)


def _decode_raw(raw: bytes) -> dict[str, Any]:
    try:
        return decode_line(raw.decode())
    except UnicodeDecodeError as error:
        raise RecordError(f"not a record: {error}") from error


def _read_raw(path: Path, *, tolerate_tail: bool) -> Iterator[tuple[bytes, dict[str, Any] | None]]:
    """Pairs (line as stored, its data); the data of a torn last line is None."""
    try:
        file = open(path, "rb")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror}") from error
    with file:
        number = 0
        while raw := file.readline():  # bytes: splits at \n alone
            number += 1
            try:
                data: dict[str, Any] | None = _decode_raw(raw)
            except RecordError as error:
                is_last = not file.read(1)
                if not (tolerate_tail and is_last):
                    raise RecordError(f"{path}, line {number}: {error}") from error
                data = None
            yield raw, data


def _repair_tail(path: Path, file: BinaryIO) -> None:
    """Set a torn last line aside; complete one that lacks only its newline."""
    size = file.seek(0, os.SEEK_END)
    start, block, tail = size, _BLOCK, b""
    while start > 0 and b"\n" not in tail[:-1]:
        start, block = max(0, start - block), 2 * block
        file.seek(start)
        tail = _read_exactly(file, size - start)
    last = tail[tail.rfind(b"\n", 0, -1) + 1 :]
    if not last:
        return
    try:
        _decode_raw(last)
    except RecordError:
        folder = path.parent / "discarded"
        folder.mkdir(exist_ok=True)
        atomic_write_bytes(_free_name(folder, f"{path.name}.torn"), last)
        file.truncate(size - len(last))
    else:
        if not last.endswith(b"\n"):
            file.write(b"\n")
    os.fsync(file.fileno())


def _read_exactly(file: BinaryIO, count: int) -> bytes:
    parts = []
    while count > 0 and (part := file.read(count)):  # an unbuffered read may return less than asked
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _free_name(folder: Path, name: str) -> Path:
    number = 1
    while (folder / f"{name}.{number}").exists():
        number += 1
    return folder / f"{name}.{number}"


def _temporary(path: Path) -> Path:
    # beside the target, because a rename is atomic only within one file system
    return path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")


def _sync_folder(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # Windows has no handle on a folder; its rename is durable enough
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _storage(path: Path) -> Iterator[None]:
    """Turn a refusal of the disk into a `StorageError` that says what to do."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "the disk (or quota) is full: free some space" if full else f"{error.strerror or error}: check the path"
        raise StorageError(
            f"cannot write {path}: {what}, then start again (resume a run); what was written before is intact"
        ) from error
