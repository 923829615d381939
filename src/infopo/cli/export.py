"""`infopo export`: a run in the formats of others."""

import dataclasses
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Literal

from infopo.cli.arguments import parse, take_subject
from infopo.cli.gain_report import note, records_of
from infopo.core import UserError, atomic_write_text, read_records

USAGE = "infopo export RUN --to inspect|model-card --out FILE"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportFlags:
    """A run for other tools: `infopo export RUN --to inspect --out log.json`.

    `inspect`: the episodes as an evaluation log of inspect-ai. `model-card`: what a trained run is, as a README.md.
    """

    to: Literal["inspect", "model-card"] = "inspect"
    step: int | None = None  # inspect: episodes of one training step alone
    limit: int | None = None  # inspect: the first of those episodes
    out: str = ""  # FILE.json or FILE.md


def run(arguments: Sequence[str]) -> int:
    """Read, write; returns the exit code."""
    folder, flags = _read_flags(list(arguments))
    from infopo.report import read_run
    from infopo.report.model_card import model_card

    found = read_run(folder)
    if flags.to == "model-card":
        if "algo" not in found.config:
            raise UserError(
                f"{folder} was not trained: its config.yaml names no algo; give the folder of a training run"
            )
        atomic_write_text(flags.out, model_card(found))
    else:
        from infopo.integrations.inspect import to_inspect_log

        records = records_of(folder)
        chosen = (data for data in read_records(records) if flags.step in (None, data["step"]))
        created = datetime.fromtimestamp(records.stat().st_mtime, UTC).isoformat(timespec="seconds")
        name = folder.resolve().name
        log = to_inspect_log(islice(chosen, flags.limit), run=name, config=found.config, created=created)
        if not log["samples"]:
            raise UserError(f"{records} holds no episode" + ("" if flags.step is None else f" of step {flags.step}"))
        atomic_write_text(flags.out, json.dumps(log, indent=1, allow_nan=False) + "\n")
    note(f"written to {flags.out}")
    return 0


def _read_flags(arguments: list[str]) -> tuple[Path, ExportFlags]:
    folder = take_subject(arguments, f"export needs a run folder: {USAGE}") or Path()
    flags = parse(ExportFlags, arguments, command="export")
    suffix = ".json" if flags.to == "inspect" else ".md"
    if not flags.out.endswith(suffix):
        raise UserError(f"--to {flags.to} needs --out FILE{suffix}, got {flags.out!r}: {USAGE}")
    if not Path(flags.out).parent.is_dir():
        raise UserError(f"--out {flags.out} cannot be written: give a file in a folder that exists")
    if flags.limit is not None and flags.limit < 1:
        raise UserError(f"--limit must be at least 1, got {flags.limit}")
    return folder, flags
