"""A sealed folder is there whole or not at all."""

from pathlib import Path

import pytest

from infopo.core import StorageError
from infopo.core.sealed_folder import SealedFolder, remove, sweep, verify


def write(path: Path, text: str = "content") -> None:
    with SealedFolder(path) as partial:
        (partial / "deep").mkdir()
        (partial / "deep" / "file").write_text(text)


def test_what_was_written_is_there_and_verified(tmp_path: Path) -> None:
    write(tmp_path / "a" / "sealed")
    assert (tmp_path / "a" / "sealed" / "deep" / "file").read_text() == "content"
    assert verify(tmp_path / "a" / "sealed") is None
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["sealed"]


def test_any_change_is_noticed_and_named(tmp_path: Path) -> None:
    write(tmp_path / "sealed")
    (tmp_path / "sealed" / "deep" / "file").write_text("contend")
    assert verify(tmp_path / "sealed") == "deep/file does not match its checksum"
    (tmp_path / "sealed" / "deep" / "file").write_text("shorter")
    (tmp_path / "sealed" / "deep" / "file").write_text("short")
    assert verify(tmp_path / "sealed") == "deep/file has 5 bytes instead of 7"


def test_an_error_inside_leaves_what_was_there(tmp_path: Path) -> None:
    write(tmp_path / "sealed", "old")
    with pytest.raises(TypeError), SealedFolder(tmp_path / "sealed") as partial:
        (partial / "file").write_text(1)  # type: ignore[arg-type]
    assert verify(tmp_path / "sealed") is None
    assert (tmp_path / "sealed" / "deep" / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["sealed"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device"), "free some space"),
        (Exception("No space left on device (os error 28)"), "free some space"),
        (RuntimeError("Permission denied (os error 13)"), "check the path"),
        (PermissionError(13, "Permission denied"), "check the path"),
    ],
)
def test_a_refusal_of_the_disk_is_one_kind_of_error_whoever_reports_it(
    tmp_path: Path, error: Exception, said: str
) -> None:
    write(tmp_path / "sealed", "old")
    with pytest.raises(StorageError, match=said) as caught, SealedFolder(tmp_path / "sealed"):
        raise error
    assert caught.value.__cause__ is error
    assert verify(tmp_path / "sealed") is None


def test_a_second_writing_replaces_the_first(tmp_path: Path) -> None:
    write(tmp_path / "sealed", "old")
    write(tmp_path / "sealed", "new")
    assert verify(tmp_path / "sealed") is None
    assert (tmp_path / "sealed" / "deep" / "file").read_text() == "new"


def test_left_overs_are_swept_and_the_rest_stays(tmp_path: Path) -> None:
    write(tmp_path / "sealed")
    for name in ("other.partial", "other.removed"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "sealed"]
    remove(tmp_path / "sealed")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    sweep(tmp_path / "not-there")
