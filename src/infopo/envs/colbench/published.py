"""Published tasks from where the user has them: they may be used for non-commercial ends only, and are not shipped.

`data` is a folder with `train.jsonl` and `test.jsonl` as published (or `train.parquet` and `test.parquet`, with the
same fields inside the rows of a trainer), or one such file; of one file, one task in five is kept for the test split.
"""

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infopo.core import UserError, derive_seed
from infopo.envs.colbench.options import ENV_ID
from infopo.envs.registry import Split
from infopo.envs.usergym.upstream import field_of

TEST_SHARE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTask:
    """`request` is what the user says first; `calls` are the tests, `reference` decides what they should give."""

    where: str  # file and line, for errors
    request: str
    reference: str
    calls: tuple[str, ...]


@functools.lru_cache(maxsize=8)
def published_tasks(data: str, split: Split) -> tuple[PublishedTask, ...]:
    """The tasks of a split, in the order of the file. `UserError` names the file, line and field that is wrong."""
    path = Path(data)
    if not path.is_dir():
        tasks = tuple(_read_file(path))
        return tuple(task for task in tasks if (derive_seed(task.request) % TEST_SHARE == 0) == (split == "test"))
    for ending in ("jsonl", "parquet"):
        if (path / f"{split}.{ending}").is_file():
            return tuple(_read_file(path / f"{split}.{ending}"))
    raise UserError(f"option data of {ENV_ID}: {path} holds neither {split}.jsonl nor {split}.parquet")


def _read_file(path: Path) -> Iterator[PublishedTask]:
    if path.suffix == ".parquet":
        yield from _read_rows(path)
        return
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield read_task(_json(line, f"{path}, line {number}"), f"{path}, line {number}")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text") from error


def _json(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON ({error})") from error


def read_task(record: Any, where: str) -> PublishedTask:
    """One record; `UserError` names where, the field, and what is wrong with it."""
    texts = {name: field_of(record, name, str, where) for name in ("problem_description", "ground_truth")}
    for name, text in texts.items():
        if not text.strip():
            raise UserError(f"{where}: field {name!r} is empty")
    tests = field_of(record, "test_cases", dict, where)
    # parquet files give every row the names of all rows, and null for those that it does not have
    calls = {name: call for name, call in tests.items() if call is not None}
    if not calls:
        raise UserError(f"{where}: field 'test_cases' holds no test")
    for name in calls:
        field_of(calls, name, str, f"{where}, test_cases")
    return PublishedTask(
        where=where,
        request=texts["problem_description"],
        reference=texts["ground_truth"],
        calls=tuple(calls.values()),
    )


def _read_rows(path: Path) -> Iterator[PublishedTask]:
    import pyarrow
    import pyarrow.parquet

    try:
        rows = pyarrow.parquet.read_table(path).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise UserError(f"{path}: cannot be read as parquet ({str(error).splitlines()[0]})") from error
    for number, row in enumerate(rows):
        where = f"{path}, row {number}"
        reward = field_of(row, "reward_model", dict, where)
        inner: Any = field_of(row, "extra_info", dict, where)
        for name in ("tools_kwargs", "interact_with_env", "create_kwargs", "task"):
            inner = field_of(inner, name, dict, where)
        yield read_task(reward | {"test_cases": inner.get("test_cases")}, where)
