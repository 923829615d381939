"""A report of run folders: one page that stands alone, the same tables as Markdown and as CSV files.

The page loads nothing, runs no script (its policy forbids any), and shows text of models, users and files as text.
It is at most 8 MB, whatever the runs hold: `DIALOGUES` dialogues, tables and curves of bounded size.
"""

import base64
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from infopo.core import UserError, atomic_write_text
from infopo.report import curves, figures, results, tables
from infopo.report.dialogue import NAMES
from infopo.report.episodes import FIRST_MESSAGES, Dialogue
from infopo.report.plots import WINDOW
from infopo.report.sources import NamedRun, Source, read_sources
from infopo.report.summary import format_rate
from infopo.report.text import markdown_text, one_line, visible_text

DIALOGUES = 40  # on a page, shared by the runs
LEVELS = 3  # of colour, for gains and for losses
FIRST_TABLES = ("runs", "outcomes")  # the others come after the curves
PAGE = "report.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The dialogues of one source."""

    name: str
    dialogues: tuple[Dialogue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rate:
    """A success rate with its interval, to be drawn in the colour of run `number`."""

    name: str
    number: int
    rate: float
    interval: tuple[float, float] | None
    said: str


def write_report(
    paths: Sequence[str | os.PathLike[str]], out: str | os.PathLike[str], *, compare: results.Compare | None = None
) -> Path:
    """Write `report.html`, `report.md` and `tables/*.csv` of these runs into the folder `out`; returns the page.

    `compare` compares two evaluations; without it none are. An earlier report there is replaced. Raises `UserError` for
    what is no run, a run given twice, damaged files, more than `curves.MOST_RUNS` runs, and a folder that holds
    something else; `StorageError` where the disk refuses.
    """
    out = Path(out)
    if not 1 <= len(paths) <= curves.MOST_RUNS:
        raise UserError(f"a report takes 1 to {curves.MOST_RUNS} runs, got {len(paths)}")
    _refuse_taken(out)
    runs = read_sources(paths)
    shown = all_tables(runs, compare)
    page, document = as_page(runs, shown), as_markdown(runs, shown)
    folder = out / "tables"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder}: {error.strerror}; give another --out") from error
    metrics = figures.metrics_table(runs)
    files = {f"{one.name}.csv": tables.as_csv(one) for one in (*shown, *([metrics] if metrics else []))}
    for old in folder.glob("*.csv"):
        if old.name not in files:
            old.unlink()
    for name, text in files.items():
        atomic_write_text(folder / name, text)
    atomic_write_text(out / "report.md", document)
    atomic_write_text(out / PAGE, page)
    return out / PAGE


def all_tables(runs: Sequence[NamedRun], compare: results.Compare | None = None) -> list[tables.Table]:
    """Every table that has something to show, in the order of the page."""
    made = [figures.runs_table(runs), results.outcomes_table(runs), results.attempts_table(runs)]
    made += [results.members_table(runs), results.pairs_table(runs, compare) if compare else None]
    made += [results.behaviour_table(runs), results.turn_gains_table(runs), results.endings_table(runs)]
    made += [results.others_table(runs), figures.curves_table(runs)]
    made += [figures.differences_table(runs), figures.configuration_table(runs)]
    return [found for found in made if found is not None]


def as_markdown(runs: Sequence[NamedRun], shown: Sequence[tables.Table]) -> str:
    """Every table of the page."""
    title = f"# {markdown_text(one_line(_title(runs), 200))}\n"
    note = "The curves and the dialogues are in report.html, every row of every table in tables/.\n"
    return "\n".join([title, note, *map(tables.as_markdown, shown)])


def as_page(runs: Sequence[NamedRun], shown: Sequence[tables.Table]) -> str:
    """The page as HTML."""
    parts, said = _sample(runs)
    scale = _scale(parts)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("infopo.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters |= {
        "line": lambda text, limit=tables.CELL_TEXT: one_line(str(text), limit),
        "role": lambda role: NAMES.get(role, "other"),
        "level": partial(_level, scale=scale),
        "data_uri": lambda svg: "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode(),
    }
    colors = {"light": curves.LIGHT, "dark": curves.DARK}
    css = Markup(environment.get_template("report.css.j2").render(colors))
    style = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return environment.get_template("report.html.j2").render(
        colors,
        title=_title(runs),
        names=[one.name for one in runs],
        tables=shown,
        first_tables=FIRST_TABLES,
        panels=curves.draw_panels(runs),
        dashes=curves.DASHES,
        window=WINDOW,
        rates=_rates(runs),
        dialogues=parts,
        sample_said=said,
        keys=_keys(scale),
        first_messages=FIRST_MESSAGES,
        css=css,
        policy=f"default-src 'none'; style-src 'sha256-{style}'; img-src data:; base-uri 'none'; form-action 'none'",
    )


def _finalize(value: Any) -> Any:
    """Applied to everything that the page shows: no character hides."""
    return visible_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _refuse_taken(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is not a folder; give another --out")
    if out.is_dir() and any(out.iterdir()) and not (out / PAGE).is_file():
        raise UserError(f"{out} holds something that is no report; give another --out")


def _title(runs: Sequence[NamedRun]) -> str:
    names = ", ".join(one.name for one in runs)
    return f"Report of {names}" if len(runs) == 1 else f"Report of {len(runs)} runs: {names}"


def _sample(runs: Sequence[NamedRun]) -> tuple[list[_Part], str]:
    """`DIALOGUES` in all: the most telling of every source, then the second of each, and so on."""
    sources = [(one, source) for one in runs for source in one.sources if source.episodes and source.episodes.n]
    taken = [0] * len(sources)
    while sum(taken) < DIALOGUES:
        open_sources = [k for k, (_, source) in enumerate(sources) if taken[k] < len(_dialogues(source))]
        if not open_sources:
            break
        for k in open_sources[: DIALOGUES - sum(taken)]:
            taken[k] += 1
    parts = [
        _Part(name=f"{one.name}, {source.name}", dialogues=_dialogues(source)[:count])
        for (one, source), count in zip(sources, taken, strict=True)
        if count
    ]
    total = sum(source.episodes.n for _, source in sources if source.episodes)
    if not total:
        return [], "No episodes were recorded."
    said = (
        f"{sum(taken)} of {total} recorded episodes: from the first and the last steps, those with the highest and"
        " lowest scores, those with the largest and smallest gains, those that broke off or were stopped at a limit."
        " Long messages and long dialogues are cut where it says so; the records themselves are whole."
    )
    return parts, said


def _dialogues(source: Source) -> tuple[Dialogue, ...]:
    return source.episodes.dialogues if source.episodes else ()


def _scale(parts: Sequence[_Part]) -> float:
    """The size of a gain that has the strongest colour: nine in ten of those that are shown are smaller."""
    sizes = sorted(abs(gain) for part in parts for one in part.dialogues for gain in one.gains)
    return max(sizes[len(sizes) * 9 // 10], 1e-6) if sizes else 1.0


def _level(gain: float | None, *, scale: float) -> str:
    """The class of a gain: how strong, which sign; a gain that was not measured has its own."""
    if gain is None:
        return "missing"
    strength = min(LEVELS, int(abs(gain) / scale * (LEVELS + 0.5) + 0.5))
    return f"level-{strength if gain > 0 else -strength}"


def _keys(scale: float) -> list[dict[str, str]]:
    ends = [(level - 0.5) / (LEVELS + 0.5) * scale for level in range(1, LEVELS + 1)]
    below = [{"level": f"level--{k}", "said": f"below {-ends[k - 1]:.2f}"} for k in range(LEVELS, 0, -1)]
    above = [{"level": f"level-{k}", "said": f"above {ends[k - 1]:+.2f}"} for k in range(1, LEVELS + 1)]
    return [*below, {"level": "level-0", "said": "between"}, *above]


def _rates(runs: Sequence[NamedRun]) -> list[_Rate]:
    rates: list[_Rate] = []
    for k, one in enumerate(runs):
        for source, summary in one.evaluations:
            rate, ends = tables.number(summary.get("success")), results.interval(summary)
            if rate is None or not 0 <= rate <= 1 or len(rates) >= tables.LISTED_ROWS:
                continue
            rates.append(
                _Rate(
                    name=f"{one.name}, {source.name}",
                    number=k % len(curves.LIGHT),
                    rate=float(rate),
                    interval=ends,
                    said=format_rate({"success": rate, "ci95": ends}),
                )
            )
    return rates
