"""Records: what is written reads back, a torn tail costs one line, anything else is refused by name."""

import errno
import json
import os
import string
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infopo.core import (
    RecordError,
    RecordWriter,
    StorageError,
    UserError,
    atomic_write_bytes,
    atomic_write_text,
    decode_line,
    discard_after,
    encode_line,
    read_records,
)

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
DATA = st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=5)


def write(path: Path, records: list[dict]) -> bytes:
    with RecordWriter(path) as writer:
        for record in records:
            writer.append(record)
    return path.read_bytes()


def spoil(line: bytes) -> bytes:
    """One digit changed: still JSON, not the same data."""
    return line.replace(b'"step":', b'"step":9')


@settings(deadline=None)
@given(DATA)
def test_a_line_reads_back_as_written(data: dict) -> None:
    line = encode_line(data)
    assert "\n" not in line
    assert line.isascii()
    assert decode_line(line) == data
    assert json.dumps(decode_line(line)) == json.dumps(data)  # key order and number form too


def test_the_line_has_the_documented_form() -> None:
    data = {"step": 3, "text": "né", "loss": 0.5}
    compact = '{"step":3,"text":"n\\u00e9","loss":0.5}'
    assert encode_line(data) == f'{{"v": 1, "crc": {zlib.crc32(compact.encode())}, "data": {compact}}}'


@settings(deadline=None)
@given(DATA, st.data())
def test_no_single_changed_character_passes_as_other_data(data: dict, draw: st.DataObject) -> None:
    line = encode_line(data)
    index = draw.draw(st.integers(0, len(line) - 1))
    changed = line[:index] + draw.draw(st.sampled_from(string.printable)) + line[index + 1 :]
    with suppress(RecordError):
        assert decode_line(changed) == data  # harmless: white space between tokens, an escape in other case


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "not a record"),
        ("[1]", "expected an object"),
        ('{"v": 1, "data": {}}', "expected an object"),
        ('{"v": 2, "crc": 1, "data": {}}', "version 2"),
        ('{"v": true, "crc": 1, "data": {}}', "version True"),
        ('{"v": 1, "crc": 1, "data": [1]}', "data must be an object"),
        ('{"v": 1, "crc": 1, "data": {"x": NaN}}', "NaN is not JSON"),
        ('{"v": 1, "crc": 1, "data": {"x": 1e999}}', "not a record"),
        ('{"v": 1, "crc": 1, "data": {}}', "checksum 1 does not match"),
    ],
)
def test_a_bad_line_is_refused_with_the_reason(line: str, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        decode_line(line)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"turns": [{"gain": float("nan")}]}, r"data\.turns\[0\]\.gain = nan is not finite"),
        ({"loss": float("-inf")}, r"data\.loss = -inf is not finite"),
        ({"a": {1: 2}}, r"key 1 of data\.a is not text"),
        ({"a": {1, 2}}, "convert it"),
    ],
)
def test_what_would_not_read_back_is_not_written(data: dict, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        encode_line(data)
    assert issubclass(RecordError, UserError)


@settings(deadline=None, max_examples=60)
@given(cut=st.integers(0, 10_000))
def test_a_file_cut_anywhere_loses_at_most_the_line_that_was_cut(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "metrics.jsonl"
    records = [{"step": step, "text": "é\n" * step} for step in range(5)]
    content = write(path, records)
    cut %= len(content) + 1
    path.write_bytes(content[:cut])
    whole = content[:cut].count(b"\n")
    read = list(read_records(path))
    assert read in (records[:whole], records[: whole + 1])  # a line that lacks only its newline is whole

    with RecordWriter(path) as writer:
        writer.append({"step": 99})
    assert list(read_records(path, tolerate_tail=False)) == [*read, {"step": 99}]
    torn = sorted((path.parent / "discarded").glob("*")) if (path.parent / "discarded").exists() else []
    rest = content[:cut][sum(len(encode_line(record)) + 1 for record in read) :]
    assert [file.read_bytes() for file in torn] == ([rest] if rest else [])


def test_a_torn_tail_is_an_error_where_the_caller_says_so(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    content = write(path, [{"step": 0}, {"step": 1}])
    path.write_bytes(content[:-5])
    with pytest.raises(RecordError, match="line 2"):
        list(read_records(path, tolerate_tail=False))


def test_damage_before_the_last_line_is_named_by_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    lines = write(path, [{"step": step} for step in range(3)]).splitlines(keepends=True)
    path.write_bytes(lines[0] + spoil(lines[1]) + lines[2])
    reader = read_records(path)
    assert next(reader) == {"step": 0}
    with pytest.raises(RecordError, match=r"metrics\.jsonl, line 2: checksum"):
        next(reader)


@pytest.mark.parametrize("tail", [b"\x00" * 700, b"\xff\xfe\n", b"\n", b'{"v": 1, "crc": 5, "data": {}}\n'])
def test_a_damaged_last_line_moves_aside_on_open(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(write(path, [{"step": 0}]) + tail)
    assert list(read_records(path)) == [{"step": 0}]
    RecordWriter(path).close()
    assert list(read_records(path, tolerate_tail=False)) == [{"step": 0}]
    assert (tmp_path / "discarded" / "metrics.jsonl.torn.1").read_bytes() == tail


def test_two_repairs_keep_two_files_and_long_lines_are_handled(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    long = {"text": "x" * 300_000}
    content = write(path, [long, long])
    for number in (1, 2):
        path.write_bytes(content[:-10])
        RecordWriter(path).close()
        assert path.read_bytes() == content[: len(content) // 2]
        assert (tmp_path / "discarded" / f"long.jsonl.torn.{number}").read_bytes() == content[len(content) // 2 : -10]


def test_the_writer_creates_folders_appends_and_refuses_after_close(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "x" / "metrics.jsonl"
    write(path, [{"step": 0}])
    writer = RecordWriter(path)
    writer.append({"step": 1})
    assert list(read_records(path)) == [{"step": 0}, {"step": 1}]  # visible before sync
    writer.sync()
    writer.close()
    writer.close()
    with pytest.raises(ValueError, match="was closed"):
        writer.append({"step": 2})
    assert not (path.parent / "discarded").exists()


def test_a_refused_record_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with RecordWriter(path) as writer:
        writer.append({"step": 0})
        with pytest.raises(RecordError):
            writer.append({"step": 1, "loss": float("inf")})
        writer.append({"step": 2})
    assert [record["step"] for record in read_records(path, tolerate_tail=False)] == [0, 2]


class HalfFull:
    """A raw file whose disk runs full after `room` bytes."""

    def __init__(self, file, room: int) -> None:
        self.file, self.room = file, room

    def __getattr__(self, name: str):
        return getattr(self.file, name)

    def write(self, data) -> int:
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        part = data[: min(len(data), self.room, 7)]  # short writes on the way
        self.room -= len(part)
        return self.file.write(part)


@pytest.mark.parametrize("room", [0, 1, 20])
def test_a_full_disk_keeps_whole_lines_and_says_what_to_do(tmp_path: Path, room: int) -> None:
    path = tmp_path / "metrics.jsonl"
    writer = RecordWriter(path)
    writer.append({"step": 0})
    real = writer._file
    writer._file = HalfFull(real, room)
    with pytest.raises(StorageError, match=r"metrics\.jsonl.*full.*resume") as caught:
        writer.append({"step": 1})
    assert isinstance(caught.value, UserError)
    writer._file = real  # the person freed some space
    writer.append({"step": 2})
    writer.close()
    assert list(read_records(path, tolerate_tail=False)) == [{"step": 0}, {"step": 2}]


def test_short_writes_still_make_a_whole_line(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "metrics.jsonl")
    writer._file = HalfFull(writer._file, 10_000)
    writer.append({"text": "x" * 500})
    writer.close()
    assert list(read_records(writer.path, tolerate_tail=False)) == [{"text": "x" * 500}]


def test_a_missing_file_and_an_unwritable_path_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"absent\.jsonl"):
        list(read_records(tmp_path / "absent.jsonl"))
    with pytest.raises(StorageError, match="cannot write"):
        RecordWriter(tmp_path)
    with pytest.raises(StorageError, match="cannot write"):
        atomic_write_text(tmp_path / "no" / "folder.txt", "x")


def test_discard_after_splits_by_the_predicate_and_keeps_bytes(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    lines = write(path, [{"step": step} for step in (0, 1, 2, 1, 3)]).splitlines(keepends=True)
    path.write_bytes(path.read_bytes() + b'{"v": 1, "to')
    folder = tmp_path / "discarded"
    assert discard_after(path, lambda record: record["step"] <= 1, folder) == 2
    assert path.read_bytes() == lines[0] + lines[1] + lines[3]
    assert (folder / "metrics.jsonl.1").read_bytes() == lines[2] + lines[4] + b'{"v": 1, "to'
    assert list(read_records(folder / "metrics.jsonl.1")) == [{"step": 2}, {"step": 3}]

    assert discard_after(path, lambda record: record["step"] < 1, folder) == 2
    assert (folder / "metrics.jsonl.2").read_bytes() == lines[1] + lines[3]
    assert discard_after(path, lambda record: True, folder) == 0
    assert path.read_bytes() == lines[0]
    assert sorted(os.listdir(folder)) == ["metrics.jsonl.1", "metrics.jsonl.2"]
    assert sorted(os.listdir(tmp_path)) == ["discarded", "metrics.jsonl"]  # no temporary files left


def test_discard_after_completes_a_newline_and_accepts_no_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert discard_after(path, lambda record: True, tmp_path / "discarded") == 0
    path.write_bytes(write(path, [{"step": 0}, {"step": 1}, {"step": 2}])[:-1])
    assert discard_after(path, lambda record: record["step"] != 0, tmp_path / "discarded") == 1
    assert list(read_records(path, tolerate_tail=False)) == [{"step": 1}, {"step": 2}]


def test_discard_after_leaves_a_damaged_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    lines = write(path, [{"step": step} for step in range(3)]).splitlines(keepends=True)
    damaged = lines[0] + spoil(lines[1]) + lines[2]
    path.write_bytes(damaged)
    with pytest.raises(RecordError, match="line 2"):
        discard_after(path, lambda record: False, tmp_path / "discarded")
    assert path.read_bytes() == damaged
    assert os.listdir(tmp_path / "discarded") == []


def test_atomic_write_replaces_and_a_failure_keeps_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "summary.json"
    atomic_write_text(path, "old é\n")
    atomic_write_bytes(path, b"new")
    assert path.read_bytes() == b"new"

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"summary\.json.*full"):
        atomic_write_text(path, "newer")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["summary.json"]
