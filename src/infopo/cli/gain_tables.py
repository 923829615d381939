"""A gain report as tables: for a terminal or a plain stream, as Markdown, as JSON. Text of replies is cleaned here."""

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from infopo.cli.progress import PlainConsole
from infopo.evaluation.gain_report import GainReport, Noise, PlaceholderSpread, Reply
from infopo.evaluation.gain_statistics import Distribution
from infopo.report.dialogue import clean_text
from infopo.report.text import markdown_text

SHOWN_TEXT = 160  # characters of a text in a table
PLAIN_WIDTH = 120  # columns where there is no terminal
MISSING = "-"
FACTS = {
    "revealed": "revealed a hidden fact",
    "not revealed": "revealed none",
    "repeated": "repeated question",
}
_FIGURES = ("replies", "mean", "std", "negative", "min", "max")

Context = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading, lines of text, and a table; `texts` are the columns on the left, the others are numbers."""

    title: str
    notes: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    texts: Sequence[str] = ()


def show(report: GainReport, context: Context) -> None:
    """Print the report."""
    print_sections(sections(report, context))


def print_sections(found: Sequence[Section]) -> None:
    """Tables as wide as the terminal, plain text elsewhere. Texts must have been cleaned."""
    terminal = sys.stdout.isatty()
    console = PlainConsole(file=sys.stdout, width=None if terminal else PLAIN_WIDTH, highlight=False)
    for section in found:
        console.print(Text(section.title, style="bold"))
        for line in section.notes:
            console.print(Text(line))
        if section.rows:
            table = Table(box=None, pad_edge=False, header_style="dim")
            for name in section.columns:
                left = name in section.texts
                table.add_column(name, justify="left" if left else "right", overflow="fold", no_wrap=not left)
            for row in section.rows:
                table.add_row(*(Text(cell) for cell in row))
            console.print(table)
        console.print()


def as_markdown(report: GainReport, context: Context) -> str:
    """The same as Markdown; what replies say is no markup."""
    lines = ["# Gain report", ""]
    for section in sections(report, context):
        lines += [f"## {section.title}", ""]
        for note in section.notes:
            lines += [markdown_text(note), ""]
        if section.rows:
            rules = ["---" if name in section.texts else "---:" for name in section.columns]
            for row in (section.columns, rules, *section.rows):
                cells = row if row is rules else [markdown_text(cell) for cell in row]
                lines.append(f"| {' | '.join(cells)} |")
            lines.append("")
    return "\n".join(lines)


def as_json(report: GainReport, context: Context) -> str:
    """All numbers, unrounded, and longer texts."""
    data = dataclasses.asdict(report)
    for reply in (*data["top"], *data["bottom"]):
        reply |= {name: clean_text(reply[name]) for name in ("task_id", "action", "reply", "next_action")}
    return json.dumps({**context, **data}, indent=1, allow_nan=False) + "\n"


def sections(report: GainReport, context: Context) -> list[Section]:
    """What is shown, in order."""
    found = [_scored(report, context)]
    if report.overall is None:
        return found
    found.append(_whole(report, report.overall))
    found.append(_groups("By turn", report.by_turn, "turn"))
    found.append(_groups("By kind of feedback", report.by_feedback, "answered by"))
    facts = {FACTS[name]: part for name, part in report.by_facts.items()}
    none = [] if facts else ["The environment recorded no facts: what a reply revealed is not known."]
    found.append(dataclasses.replace(_groups("What the reply told", facts, "the reply"), notes=none))
    found.append(_placeholders(report.placeholders, context))
    if report.noise is not None:
        found.append(_noise(report.noise))
    found.append(_replies("Largest gains", report.top))
    found.append(_replies("Smallest gains", report.bottom))
    return found


def _scored(report: GainReport, context: Context) -> Section:
    gain = context["gain"]
    what = [f"{name} {gain[name]}" for name in ("counterfactual", "estimator", "reduction", "horizon", "score_part")]
    replies = report.overall.n if report.overall else 0
    lines = [
        f"run {context['run']}, steps {context['steps']}; model {context['model']}, {context['dtype']}, temperature"
        f" {context['temperature']:g}, back-end {context['backend']}",
        f"gain: {', '.join(what)}; nats{' a token' if gain['reduction'] == 'mean' else ''}",
        f"{report.episodes} episodes ({report.failed} broke off and are left out), {report.turns} turns,"
        f" {replies} replies scored ({report.partial} by an action that was cut at its limit)",
    ]
    if not replies:
        lines.append(
            "No reply could be scored: a gain needs a turn that was answered, an action after it, and something to put"
            " in the answer's place."
        )
    return Section(title="What was scored", notes=lines)


def _whole(report: GainReport, part: Distribution) -> Section:
    lines = [f"Larger in size than three standard deviations: {_share(report.beyond_three_sigma)}."]
    if report.clip is None:
        lines.append("The method of the run clips no gain.")
    else:
        lines.append(f"Larger in size than the clip of {report.clip:g}: {_share(report.clipped)}.")
    quantiles = [_gain(value) for value in report.quantiles.values()]
    return Section(
        title="All replies",
        notes=lines,
        columns=(*_FIGURES, *report.quantiles),
        rows=[[*_figures(part), *quantiles]],
    )


def _groups(title: str, parts: Mapping[str, Distribution], name: str) -> Section:
    rows = [[key, *_figures(part)] for key, part in parts.items()]
    return Section(title=title, columns=(name, *_FIGURES), rows=rows, texts=(name,))


def _placeholders(spread: PlaceholderSpread | None, context: Context) -> Section:
    title = "Placeholders"
    if spread is None:
        return Section(title=title, notes=[f"No spread: {_why(context)}."])
    lines = []
    if spread.within_reply_std is not None:
        lowest = "cannot be told" if spread.lowest_correlation is None else f"is {spread.lowest_correlation:.2f}"
        lines.append(
            f"The gain of one reply deviates by {spread.within_reply_std:.3f} among the placeholders (mean over"
            f" replies); the lowest correlation of two placeholders {lowest}."
        )
    kept = f"of the top {spread.top}"
    rows = [
        [
            one.text,
            _gain(one.mean),
            MISSING if one.std is None else f"{one.std:.3f}",
            MISSING if one.correlation is None else f"{one.correlation:.2f}",
            f"{one.mean_abs_difference:.3f}",
            str(one.top_kept),
        ]
        for one in spread.placeholders
    ]
    columns = ("placeholder", "mean", "std", "correlation", "difference", kept)
    lines.append("Correlation with, mean difference from, and top replies shared with, the gains above.")
    return Section(title=title, notes=lines, columns=columns, rows=rows, texts=("placeholder",))


def _why(context: Context) -> str:
    counterfactual = context["gain"]["counterfactual"]
    if counterfactual in ("message", "fill"):
        return "no placeholders were given"
    return f"counterfactual {counterfactual!r} says no placeholder"


def _noise(noise: Noise) -> Section:
    return Section(
        title="Rounding",
        notes=[
            f"{noise.n} replies of the first episodes, each history against itself, in {noise.dtype}: mean size"
            f" {noise.mean:.1e}, 95 % below {noise.floor:.1e}, largest {noise.largest:.1e}.",
            f"{_share(noise.below)} of the gains are no larger than {noise.floor:.1e}:"
            " of these not even the sign is known.",
        ],
    )


def _replies(title: str, replies: Sequence[Reply]) -> Section:
    rows = [
        [
            _gain(reply.gain),
            str(reply.turn),
            f"{shortened(reply.task_id)}, episode {reply.episode}" + (f", step {reply.step}" if reply.step else ""),
            shortened(reply.action),
            shortened(reply.reply),
            shortened(reply.next_action),
        ]
        for reply in replies
    ]
    texts = ("task", "action", "reply", "next action")
    return Section(title=title, columns=("gain", "turn", *texts), rows=rows, texts=texts)


def _figures(part: Distribution) -> list[str]:
    std = MISSING if part.std is None else f"{part.std:.3f}"
    return [str(part.n), _gain(part.mean), std, _share(part.negative), _gain(part.low), _gain(part.high)]


def _gain(value: float) -> str:
    return f"{value:+.3f}"


def _share(value: float | None) -> str:
    return MISSING if value is None else f"{100 * value:.1f} %"


def shortened(text: str) -> str:
    """One line, without control characters, shortened."""
    line = " ".join(clean_text(text).split())
    return line if len(line) <= SHOWN_TEXT else line[: SHOWN_TEXT - 1] + "…"
