"""Files of corpora and of questions, row by row; `UserError` names the file, the line or row, and what is wrong."""

import csv
import json
from pathlib import Path
from typing import Any

from infopo.core import UserError
from infopo.envs.search.task import Document
from infopo.envs.usergym.upstream import field_of, load_json

Row = tuple[Any, str]  # a value, and where it stands


def read_corpus(path: Path) -> tuple[Document, ...]:
    """The documents of a JSONL file: lines with `title` and `text`, or with `contents`, its first line the title.

    `id` is optional. `UserError` names the file, the line, and the field that is not as it should be.
    """
    return tuple(
        document_of(row, where, default_id=str(number)) for number, (row, where) in enumerate(json_lines(path))
    )


def document_of(row: Any, where: str, *, default_id: str) -> Document:
    """A document of a corpus file or of a retrieval server."""
    if isinstance(row, dict) and "contents" in row:
        title, _, text = field_of(row, "contents", str, where).partition("\n")
        title = title.strip().strip('"')
    else:
        title, text = field_of(row, "title", str, where), field_of(row, "text", str, where)
    return Document(id=str(row.get("id", default_id)), title=title, text=text.strip())


def json_lines(path: Path) -> list[Row]:
    """The values of a JSONL file, each with where it stands; blank lines are skipped."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # a text may hold other line ends
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text") from error
    rows = []
    for number, line in enumerate(lines, start=1):
        where = f"{path}, line {number}"
        if line.strip():
            try:
                rows.append((json.loads(line), where))
            except json.JSONDecodeError as error:
                raise UserError(f"{where}: not JSON ({error.msg}); one object a line is expected") from error
    return rows


def rows_of(path: Path) -> list[Row]:
    """The rows of a .jsonl, .json, .parquet, .csv or .tsv file. A .json file may hold a list under `Data` or `data`."""
    readers = {".jsonl": json_lines, ".json": _json_rows, ".parquet": _parquet_rows, ".csv": _table, ".tsv": _table}
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise UserError(f"{path}: questions are read from {', '.join(readers)} files, not from {suffix or 'others'!r}")
    return readers[suffix](path)


def _json_rows(path: Path) -> list[Row]:
    data = load_json(path)
    if isinstance(data, dict):
        data = data.get("Data", data.get("data"))
    if not isinstance(data, list):
        raise UserError(f"{path}: expected a list of records, or one under Data or data")
    return [(row, f"{path}, record {number}") for number, row in enumerate(data)]


def _parquet_rows(path: Path) -> list[Row]:
    import pyarrow
    import pyarrow.parquet

    try:
        data = pyarrow.parquet.read_table(path).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise UserError(f"{path}: cannot be read as parquet ({str(error).splitlines()[0]})") from error
    return [(row, f"{path}, row {number}") for number, row in enumerate(data)]


def _table(path: Path) -> list[Row]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
            return [(row, f"{path}, line {reader.line_num}") for row in reader]
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: no table of UTF-8 text ({error})") from error
