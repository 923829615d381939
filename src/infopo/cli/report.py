"""`infopo report`: what runs did, on one page and in tables."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infopo.cli.arguments import parse
from infopo.cli.evaluations import refuse_unwritable
from infopo.core import UserError

USAGE = "infopo report RUN... [--out FOLDER]"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportFlags:
    """Report on training runs and evaluations, side by side: `infopo report RUN... [--out FOLDER]`.

    Writes report.html (it stands alone: open it in a browser), report.md and tables/*.csv. A run that is under way or
    broke off is reported as far as it went.
    """

    out: str | None = None  # the folder to write in; of one run, by default RUN/report


def run(arguments: Sequence[str]) -> int:
    """Read the runs, write the report, say where it is; returns the exit code."""
    arguments = list(arguments)
    runs = []
    while arguments and not arguments[0].startswith("-"):
        runs.append(arguments.pop(0))
    if not runs and not any(argument in ("-h", "--help") for argument in arguments):
        raise UserError(f"report needs a run folder: {USAGE}")
    flags = parse(ReportFlags, arguments, command="report")
    if flags.out is None and len(runs) > 1:
        raise UserError(f"--out must name the folder for a report of several runs: {USAGE}")
    from infopo.evaluation import compare
    from infopo.report import clean_text, write_report

    def compared(first: Mapping[str, Any], second: Mapping[str, Any], measure: Any) -> Mapping[str, Any]:
        return compare(first, second, measure=measure).data()

    out = Path(flags.out) if flags.out is not None else Path(runs[0]) / "report"
    refuse_unwritable(out)
    page = write_report(runs, out, compare=compared)
    print(clean_text(f"wrote {page}, {out / 'report.md'} and {out / 'tables'}"))
    return 0
