"""`infopo view`: the dialogues of a run in the terminal, with the gain beside each reply."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from infopo.cli.arguments import parse, take_subject
from infopo.cli.gain_report import note, records_of
from infopo.cli.progress import PlainConsole
from infopo.core import UserError, read_records

USAGE = "infopo view RUN [--outcome failure]"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ViewFlags:
    """The dialogues of a run, an evaluation or a game, with gains where they were measured: `infopo view RUN`.

    The file is read line by line, as far as needed.
    """

    task: str = ""  # only tasks whose id holds this text
    step: int | None = None  # only episodes of this training step
    outcome: Literal["any", "success", "no-success", "failure"] = "any"  # failure: infrastructure broke
    skip: int = 0  # matching dialogues to leave out first
    limit: int = 3  # dialogues to show


def run(arguments: Sequence[str]) -> int:
    """Show what matches; returns the exit code."""
    folder, flags = _read_flags(list(arguments))
    from infopo.report import render_dialogue

    console = PlainConsole()
    found = list(islice(_matching(records_of(folder), flags), flags.skip, flags.skip + flags.limit + 1))
    for number, record in enumerate(found[: flags.limit], flags.skip + 1):
        title = f"{number}: {record['task_id']}, episode {record['episode']}, step {record['step']}"
        console.print(render_dialogue(record, title=title))
    if not found:
        raise UserError(f"{folder} holds no dialogue{'' if flags == ViewFlags() else ' that these options ask for'}")
    if len(found) > flags.limit:
        note(f"there are more: --skip {flags.skip + flags.limit}")
    return 0


def _matching(records: Path, flags: ViewFlags) -> Iterator[dict[str, Any]]:
    for record in read_records(records):
        of_step = flags.step in (None, record["step"])
        if of_step and flags.task in record["task_id"] and flags.outcome in ("any", _outcome(record)):
            yield record


def _outcome(record: Mapping[str, Any]) -> str:
    if record["failure"] is not None:
        return "failure"
    return "success" if record["success"] else "no-success"


def _read_flags(arguments: list[str]) -> tuple[Path, ViewFlags]:
    folder = take_subject(arguments, f"view needs a run folder: {USAGE}") or Path()
    flags = parse(ViewFlags, arguments, command="view")
    if flags.limit < 1 or flags.skip < 0:
        raise UserError(f"--limit must be at least 1 and --skip at least 0, got {flags.limit} and {flags.skip}")
    return folder, flags
