"""Tables of a report. One table is shown on the page and in Markdown, and is a CSV file whose numbers are whole."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from infopo.report.summary import MISSING
from infopo.report.text import csv_text, markdown_text, one_line

Cell = str | int | float | None  # None: not measured
Kind = Literal["text", "number", "percent"]

LISTED_ROWS = 100  # on the page and in Markdown; the CSV file has them all
CELL_TEXT = 160  # characters of a text in a cell, there too


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A heading, and how its cells are written."""

    name: str
    kind: Kind = "number"

    def written(self, cell: Cell) -> str:
        """A cell for a person.

        >>> Column(name="success", kind="percent").written(0.5), Column(name="n").written(None)
        ('50.0 %', '-')
        """
        if cell is None:
            return MISSING
        if isinstance(cell, str):
            return one_line(cell, CELL_TEXT)
        if self.kind == "percent":
            return f"{100 * cell:.1f} %"
        if isinstance(cell, int) or (cell.is_integer() and abs(cell) < 1e6):
            return f"{int(cell):d}"
        if abs(cell) >= 100:
            return f"{cell:.1f}" if abs(cell) < 1e6 else f"{cell:.3g}"
        return f"{cell:.3f}" if abs(cell) >= 0.001 else f"{cell:.3g}"


RUN = Column(name="run", kind="text")
WHERE = Column(name="episodes of", kind="text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`name` is that of its CSV file; `note` stands below it."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    @property
    def listed(self) -> list[list[str]]:
        """The rows that a person sees, written out."""
        return [
            [column.written(cell) for column, cell in zip(self.columns, row, strict=True)]
            for row in self.rows[:LISTED_ROWS]
        ]

    @property
    def remark(self) -> str:
        """The note, and what is not listed."""
        more = len(self.rows) - LISTED_ROWS
        return f"{self.note} {more} more rows are in {self.name}.csv.".strip() if more > 0 else self.note


def table(
    name: str, title: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, note: str = ""
) -> Table | None:
    """A table without the columns that nobody measured; None where no row is left."""
    kept = [k for k in range(len(columns)) if any(row[k] is not None for row in rows)]
    if not rows or not kept:
        return None
    return Table(
        name=name,
        title=title,
        columns=tuple(columns[k] for k in kept),
        rows=tuple(tuple(row[k] for k in kept) for row in rows),
        note=note,
    )


def as_markdown(found: Table) -> str:
    """Heading, table and note."""
    rules = ["---" if column.kind == "text" else "---:" for column in found.columns]
    names = [markdown_text(one_line(column.name, CELL_TEXT)) for column in found.columns]
    rows = [names, rules, *([markdown_text(cell) for cell in row] for row in found.listed)]
    lines = [f"## {found.title}", "", *(f"| {' | '.join(row)} |" for row in rows), ""]
    return "\n".join(lines + ([markdown_text(found.remark), ""] if found.remark else []))


def as_csv(found: Table) -> str:
    """Every row; numbers unrounded, what was not measured empty, texts whole and never a formula."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([csv_text(column.name) for column in found.columns])
    for row in found.rows:
        writer.writerow([csv_text(cell) if isinstance(cell, str) else cell for cell in row])
    return stream.getvalue()


def number(value: Any) -> int | float | None:
    """A finite number as it is, anything else as not measured: files may hold what nobody expected.

    >>> number(0.5), number("0.5"), number(True), number(float("nan"))
    (0.5, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
        return None
    return value if math.isfinite(value) else None
