"""`infopo gain-report`: what the replies of a recorded run were worth."""

import dataclasses
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from infopo.cli.arguments import parse, take_options, take_subject
from infopo.cli.evaluations import refuse_unnameable
from infopo.cli.policy import NANO, load, with_nano_difficulty
from infopo.cli.progress import Quarters
from infopo.core import UserError, atomic_write_text
from infopo.core.typed_data import from_data, to_data
from infopo.evaluation.gain_report import PLACEHOLDERS, gain_report, read_episodes
from infopo.gain.spec import GainSpec
from infopo.training.config_io import read_yaml

RECORDS = "trajectories.jsonl"
SUFFIXES = (".md", ".json")
USAGE = "infopo gain-report RUN --model PATH"


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Said:
    """What the configuration of a run may say; `clip` is an option of its method."""

    gain: GainSpec = dataclasses.field(default_factory=GainSpec)
    dtype: Literal["float32", "bfloat16"] = "float32"
    temperature: float = 1.0
    clip: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class GainReportFlags:
    """Score the recorded replies of a run again: `infopo gain-report RUN --model PATH`.

    RUN is a folder with trajectories.jsonl: a training run, an evaluation, or one inside a run. Gain, temperature and
    dtype are those of the run where nothing else is said. Options of the environment that `nano` knows:
    `--env-options.NAME VALUE`.
    """

    model: str = ""  # nano, a transformers folder, a run (its newest checkpoint), or a hub name
    env: str | None = None  # for nano: the environment it was warm-started for; by default the run's
    env_options: dict[str, Any] = dataclasses.field(default_factory=dict)
    step: int | None = None  # episodes of one training step alone
    steps: str | None = None  # A:B, episodes of steps A to B; either may be left out
    limit: int | None = None  # episodes; the first of those steps
    placeholders: tuple[str, ...] = PLACEHOLDERS  # for the spread; none: no spread, and several times as fast
    gain: GainSpec = dataclasses.field(default_factory=GainSpec)  # by default the run's
    backend: Literal["auto", "separate", "tree"] = "auto"
    dtype: Literal["float32", "bfloat16"] = "float32"
    temperature: float = 1.0  # of scoring
    clip: float | None = None  # count gains larger than this in size; by default the clip of the run's method
    out: str | None = None  # FILE.md or FILE.json


def records_of(folder: Path) -> Path:
    """The file with a run's episodes; `UserError` where there is none, which names the folders of several users."""
    path = folder / RECORDS
    if not path.is_file():
        parts = sorted(str(part.parent) for part in folder.glob(f"users/*/{RECORDS}"))
        why = f"it holds one a user, give one of {', '.join(parts)}" if parts else "it is no run, or nothing was played"
        raise UserError(f"{folder} has no {RECORDS}: {why}")
    return path


def run(arguments: Sequence[str]) -> int:
    """Read, score, print; returns the exit code."""
    folder, config, flags = _read_flags(list(arguments))
    first, last = _steps(flags)
    env, options = _environment(flags, config)
    episodes = read_episodes(folder / RECORDS, first=first, last=last, limit=flags.limit)
    opening = next(episodes)  # a run without any is told before a model is loaded
    loaded = load(flags.model, env, options, temperature=flags.temperature, dtype=flags.dtype, say=note)
    with _progress(folder / RECORDS, flags.limit) as on_progress:
        report = gain_report(
            loaded.policy,
            chain([opening], episodes),
            spec=flags.gain,
            placeholders=flags.placeholders,
            backend=flags.backend,
            clip=flags.clip,
            on_progress=on_progress,
        )
    from infopo.cli import gain_tables

    context = {
        "run": str(folder),
        "steps": flags.steps or ("all" if flags.step is None else str(flags.step)),
        "model": flags.model,
        "dtype": flags.dtype,
        "temperature": flags.temperature,
        "backend": flags.backend,
        "gain": to_data(flags.gain),
    }
    if flags.out is not None:
        write = gain_tables.as_json if flags.out.endswith(".json") else gain_tables.as_markdown
        atomic_write_text(flags.out, write(report, context))
        note(f"written to {flags.out}")
    gain_tables.show(report, context)
    return 0


def note(text: str) -> None:
    """One line beside the report, which alone stands in the standard output."""
    print(text, file=sys.stderr, flush=True)


def _read_flags(arguments: list[str]) -> tuple[Path, dict[str, Any], GainReportFlags]:
    """The run's folder, what its configuration says, and the flags, filled in from it."""
    named = take_subject(arguments, f"gain-report needs a run folder: {USAGE}")
    folder, config = named or Path(), {}
    if named is not None:
        records_of(folder)
        config = read_yaml(folder / "config.yaml") if (folder / "config.yaml").is_file() else {}
    rest, options = take_options(arguments, ("env_options",))
    defaults = _defaults(config, f"{folder}/config.yaml")
    flags = parse(GainReportFlags, rest, command="gain-report", default=defaults, free=("--env-options.NAME",))
    flags = dataclasses.replace(flags, env_options=options.get("env_options", {}))
    _check(flags)
    return folder, config, flags


def _defaults(config: Mapping[str, Any], where: str) -> GainReportFlags:
    """What a run says of its gains. A training run says all of it, an evaluation less."""
    rollout, options = (_mapping(config, name, where) for name in ("rollout", "algo_options"))
    data = {name: config[name] for name in ("gain", "dtype") if name in config}
    data |= {"temperature": rollout["temperature"]} if rollout.get("temperature") else {}  # 0: the likeliest token
    data |= {"clip": options["clip"]} if "clip" in options else {}
    said = from_data(data, _Said, where=where)
    return GainReportFlags(gain=said.gain, dtype=said.dtype, temperature=said.temperature, clip=said.clip)


def _mapping(config: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    part = config.get(name) or {}
    if not isinstance(part, dict):
        raise UserError(f"{where}: {name} must be a mapping of names to values, got {part!r}")
    return part


def _check(flags: GainReportFlags) -> None:
    """Mistakes that can be told before anything is loaded."""
    if not flags.model:
        raise UserError(f"gain-report needs a model: {USAGE}; a run folder stands for its newest checkpoint")
    if flags.limit is not None and flags.limit < 1:
        raise UserError(f"--limit must be at least 1, got {flags.limit}")
    if any(not text.strip() for text in flags.placeholders):
        raise UserError("--placeholders must not be empty texts: each is a real message")
    for name in ("temperature", "clip"):
        value = getattr(flags, name)
        if value is not None and not 0 < value < math.inf:
            raise UserError(f"--{name} must be a positive number, got {value}")
    if flags.out is None:
        return
    if Path(flags.out).suffix not in SUFFIXES:
        raise UserError(f"--out must end in {' or '.join(SUFFIXES)}, got {flags.out}")
    refuse_unnameable(Path(flags.out))
    if not Path(flags.out).parent.is_dir() or Path(flags.out).is_dir():
        raise UserError(f"--out {flags.out} cannot be written: give a file in a folder that exists")


def _steps(flags: GainReportFlags) -> tuple[int, int | None]:
    """First and last step that were asked for."""
    if flags.step is not None and flags.steps is not None:
        raise UserError("give --step or --steps, not both")
    if flags.step is not None:
        return flags.step, flags.step
    if flags.steps is None:
        return 0, None
    found = re.fullmatch(r"(\d*):(\d*)", flags.steps)
    if not found:
        raise UserError(f"--steps must be A:B, such as 10:20, 10: or :20, got {flags.steps!r}")
    first, last = (int(part) if part else None for part in found.groups())
    if last is not None and (first or 0) > last:
        raise UserError(f"--steps {flags.steps}: the first step comes after the last")
    return first or 0, last


def _environment(flags: GainReportFlags, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """What the built-in model was made for; nothing for another one."""
    if flags.model != NANO:
        return "", {}
    env = flags.env or config.get("env")
    if env is None:
        raise UserError("--model nano needs --env: the run does not say its environment")
    options = _mapping(config, "env_options", "the run's config.yaml") if env == config.get("env") else {}
    return str(env), with_nano_difficulty(NANO, str(env), {**options, **flags.env_options})


@contextmanager
def _progress(records: Path, limit: int | None) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, a line a quarter elsewhere."""
    with open(records, "rb") as file:
        lines = sum(1 for _ in file)

    def share(line: int, episodes: int) -> float:
        return min(1.0, max(line / lines, episodes / limit if limit else 0.0))

    if not sys.stderr.isatty():
        quarters = Quarters(note, "gain report")
        yield lambda line, episodes: quarters("episodes scored", share(line, episodes))
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(bar_width=20), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr)) as bar:
        task = bar.add_task("first episodes under way", total=1.0)
        yield lambda line, episodes: bar.update(
            task, completed=share(line, episodes), description=f"{episodes} episodes scored"
        )
