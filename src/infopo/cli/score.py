"""`infopo score`: what every reply of existing conversations was worth."""

import dataclasses
import json
import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from infopo.cli.arguments import parse, take_options, take_subject
from infopo.cli.gain_report import note
from infopo.cli.policy import NANO, Loaded, load, with_nano_difficulty
from infopo.cli.progress import Quarters
from infopo.core import RecordError, RecordWriter, UserError, atomic_write_text, read_records
from infopo.core.typed_data import to_data
from infopo.evaluation.transcripts import Line, read_lines
from infopo.gain.spec import GainSpec

USAGE = "infopo score DIALOGUES.jsonl --model PATH --out FILE.jsonl"
AUDIT = "tokenised anew by the model that scores: an audit, not training data"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoreFlags:
    """The gain of every reply in recorded conversations: `infopo score DIALOGUES.jsonl --model PATH --out FILE.jsonl`.

    A line is `{"messages": [...]}` in the OpenAI chat format, with `id` and `tools` if it likes. FILE gets one record a
    dialogue; beside it, FILE.summary.json. The same command again goes on where it stopped.
    """

    model: str = ""  # nano, a transformers folder, a run (its newest checkpoint), or a hub name
    env: str | None = None  # for nano: the environment it was warm-started for
    env_options: dict[str, Any] = dataclasses.field(default_factory=dict)
    gain: GainSpec = dataclasses.field(default_factory=lambda: GainSpec(score_part="after-thought"))
    backend: Literal["auto", "separate", "tree"] = "auto"
    dtype: Literal["float32", "bfloat16"] = "float32"
    temperature: float = 1.0  # of scoring
    redundant_gain: float = 0.1  # a question asked again whose reply gained at most this much is redundant
    max_tokens: int = 8192  # of one dialogue; later turns are not scored
    skip_broken: bool = False  # go on after a line that cannot be scored, and count it
    out: str = ""  # FILE.jsonl


def run(arguments: Sequence[str]) -> int:
    """Score what is not scored yet, then summarise the whole file; returns the exit code."""
    path, flags = _read_flags(list(arguments))
    out = Path(flags.out)
    started = _header(out)
    options = with_nano_difficulty(NANO, flags.env, flags.env_options) if flags.env else {}
    loaded = load(flags.model, flags.env or "", options, temperature=flags.temperature, dtype=flags.dtype, say=note)
    from infopo.evaluation.score import ScoreSettings, score_lines
    from infopo.evaluation.score_summary import ScoreTally

    settings = _settings(flags, loaded)
    tally = ScoreTally()
    lines = _watched(path)
    how = ScoreSettings(
        spec=flags.gain, backend=flags.backend, redundant_gain=flags.redundant_gain, max_tokens=flags.max_tokens
    )
    if started is not None:
        _refuse_other(started, settings, out)
    try:
        with RecordWriter(out) as writer:
            if started is None:
                writer.append(settings)
            for record in _done(out, lines, path):
                tally.add(record)
            for record in score_lines(loaded.policy, lines, path, settings=how, skip_broken=flags.skip_broken):
                writer.append(record)
                tally.add(record)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped; {out} keeps what is done, and the same command goes on") from None
    summary = {"file": str(path), "note": AUDIT, "settings": settings, **tally.summary()}
    atomic_write_text(_summary_path(out), json.dumps(summary, indent=1, allow_nan=False) + "\n")
    from infopo.cli.score_tables import show

    show(summary)
    note(f"records in {out}, summary in {_summary_path(out)}")
    return 0


def _read_flags(arguments: list[str]) -> tuple[Path, ScoreFlags]:
    """The file of dialogues and the flags; mistakes that can be told before anything is loaded are refused."""
    path = take_subject(arguments, f"score needs a file of dialogues: {USAGE}") or Path()
    rest, options = take_options(arguments, ("env_options",))
    flags = parse(ScoreFlags, rest, command="score", free=("--env-options.NAME",))
    flags = dataclasses.replace(flags, env_options=options.get("env_options", {}))
    if not path.is_file():
        raise UserError(f"{path} is not a file: give one with a dialogue a line; {USAGE}")
    if not flags.model or not flags.out:
        raise UserError(f"score needs --model and --out: {USAGE}")
    if flags.model.startswith(("openai:", "llm:")):
        raise UserError(
            f"--model {flags.model}: a gain needs the probability of given words, so weights; give a folder"
        )
    if flags.model == NANO and flags.env is None:
        raise UserError("--model nano needs --env: the environment that it was warm-started for")
    if not 0 < flags.temperature < math.inf:
        raise UserError(f"--temperature must be a positive number, got {flags.temperature}")
    if math.isnan(flags.redundant_gain) or flags.max_tokens < 1:
        raise UserError("--redundant-gain must be a number and --max-tokens at least 1")
    _check_out(Path(flags.out), path)
    return path, flags


def _check_out(out: Path, path: Path) -> None:
    if out.suffix != ".jsonl":
        raise UserError(f"--out must end in .jsonl, got {out}")
    if not out.parent.is_dir() or out.is_dir():
        raise UserError(f"--out {out} cannot be written: give a file in a folder that exists")
    if out.exists() and out.samefile(path):
        raise UserError(f"--out {out} is the file of dialogues itself; give another name")


def _header(out: Path) -> dict[str, Any] | None:
    """The settings of a file that was started; None where there is none. Any other file is refused, untouched."""
    if not out.exists():
        return None
    try:
        first = next(read_records(out), None)
    except RecordError:
        first = None
    if first is None or first.get("kind") != "settings":
        raise UserError(f"{out} holds something else than scores; give another --out, or take it away")
    return first


def _settings(flags: ScoreFlags, loaded: Loaded) -> dict[str, Any]:
    """The first record: what every gain in the file depends on."""
    from infopo.evaluation.score import weights_checksum

    return {
        "kind": "settings",
        "model": flags.model,
        "weights": weights_checksum(loaded.policy),
        "template": loaded.policy.renderer.fingerprint,
        "dtype": flags.dtype,
        "temperature": flags.temperature,
        "gain": to_data(flags.gain),
        "redundant_gain": flags.redundant_gain,
        "max_tokens": flags.max_tokens,
    }


def _refuse_other(started: dict[str, Any], settings: dict[str, Any], out: Path) -> None:
    now = json.loads(json.dumps(settings))
    for name in (name for name in now if name != "model"):
        if started.get(name) != now[name]:
            raise UserError(
                f"{out} was started with {name} {started.get(name)!r}, this command has {now[name]!r}; give another"
                " --out"
            )


def _done(out: Path, lines: Iterator[Line], path: Path) -> Iterator[dict[str, Any]]:
    """The records that are there. Their lines are taken from `lines`, and must be those that were scored."""
    for record in islice(read_records(out), 1, None):
        line = next((line for line in lines if not line.blank), None)
        if line is None or (line.number, line.crc) != (record["line"], record["crc"]):
            raise UserError(
                f"{path}, line {record['line']}: not what {out} was made from; give the file as it was (lines may be"
                " added at its end), or another --out"
            )
        yield record


def _watched(path: Path) -> Iterator[Line]:
    """The lines, and now and then a word about how far they are."""
    quarters, size = Quarters(note, "score"), path.stat().st_size
    for line in read_lines(path):
        quarters(f"of {path.name} read", min(1.0, line.end / size))
        yield line


def _summary_path(out: Path) -> Path:
    return out.with_suffix(".summary.json")
