"""The curves of training as small pictures: one panel a metric, one line a run, for light and for dark pages.

The pictures hold no text of a run: what a line is says the legend of the page (`LIGHT`, `DARK` and `DASHES` by number).
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from infopo.report.plots import LISTED_TURNS, running_mean, turn_gains
from infopo.report.results import interval
from infopo.report.run import Run
from infopo.report.sources import NamedRun
from infopo.report.tables import number
from infopo.report.text import one_line

# Told apart by people who do not see red and green, and at least 3 : 1 against their pages (tests say so).
LIGHT = ("#0072b2", "#c04f00", "#00795a", "#a3478b", "#56606b", "#866800")
DARK = ("#56b4e9", "#e69f00", "#2fc8a0", "#e08cc0", "#a9b8c4", "#f0e442")
DASHES = ("", "6 3")  # a second round of the colours
MOST_RUNS = len(LIGHT) * len(DASHES)
INK = {"#1b1f24": "#e6e9ec", "#68707a": "#9aa4ae", "#dfe3e7": "#363d45"}  # text, lines, grid: light to dark
TEXT, LINES, GRID = INK
POINTS = 600  # of a panel, shared by its lines; more steps are averaged over neighbours


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A picture for both kinds of page; `said` tells the same in words."""

    title: str
    light: str
    dark: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Metric:
    title: str
    name: str
    is_share: bool = False
    reference: str = ""  # drawn as a thin line where there is one run


_METRICS = (
    _Metric(title="Success on training tasks", name="train/success", is_share=True),
    _Metric(title="Score on training tasks", name="train/score"),
    _Metric(title="Questions an episode", name="questions/mean", reference="hidden/mean"),
    _Metric(title="Turns an episode", name="turns/mean"),
    _Metric(title="Tokens a turn", name="len/action"),
    _Metric(title="Information gain of a reply (nats)", name="info/turn_gain_mean"),
    _Metric(title="Gate of the gain", name="info/gate_mean"),
    _Metric(title="Share of gain in the first third of turns", name="info/gain_early_third", is_share=True),
    _Metric(title="Share of the advantage that is gain", name="info/contribution_ratio", is_share=True),
    _Metric(title="Groups without outcome variance", name="group/equal_ratio", is_share=True),
    _Metric(title="Policy loss", name="loss/policy"),
    _Metric(title="Share of clipped tokens", name="loss/clip_fraction"),
    _Metric(title="KL to the policy that sampled", name="loss/kl_to_old"),
    _Metric(title="KL to the reference", name="loss/kl_to_reference"),
    _Metric(title="Entropy (nats)", name="loss/entropy"),
    _Metric(title="Norm of the gradient", name="optimizer/grad_norm"),
    _Metric(title="Variance explained by the critic", name="critic/explained_variance"),
    _Metric(title="Episodes that broke off", name="rollout/failed_episodes"),
)


def draw_panels(runs: Sequence[NamedRun]) -> list[Panel]:
    """Every panel that has points."""
    found = [_evaluations(runs), *(_metric(metric, runs) for metric in _METRICS), _by_turn(runs)]
    return [panel for panel in found if panel is not None]


def _metric(metric: _Metric, runs: Sequence[NamedRun]) -> Panel | None:
    measured = [(k, one, *one.run.series(metric.name)) for k, one in enumerate(runs)]
    measured = [line for line in measured if line[2]]
    if not measured:
        return None
    figure, axes = _frame(is_share=metric.is_share)
    said = []
    for k, one, steps, values in measured:
        size = -(-len(steps) // max(2, POINTS // len(measured)))
        if len(measured) == 1:
            axes.plot(*_thinned(steps, values, size), color=LIGHT[k % len(LIGHT)], alpha=0.35, linewidth=1)
        axes.plot(*_thinned(steps, running_mean(values), size), **_style(k), marker="." if len(steps) < 3 else None)
        said.append(f"{one_line(one.name, 60)}: {values[0]:.3g} at step {steps[0]}, {values[-1]:.3g} at {steps[-1]}")
    caption = metric.title
    if metric.reference and len(measured) == 1 and (line := measured[0][1].run.series(metric.reference))[0]:
        axes.plot(*_thinned(*line, -(-len(line[0]) // POINTS)), color=LINES, linewidth=1.2, linestyle="--")
        caption += " (dashed: hidden facts)"
    axes.set_xlabel("step")
    if not metric.is_share and min(min(values) for *_, values in measured) >= 0:
        axes.set_ylim(bottom=0)
    return _panel(figure, caption, said)


def _evaluations(runs: Sequence[NamedRun]) -> Panel | None:
    """Success on test tasks with intervals, where a run was evaluated at its steps."""
    figure, axes = _frame(is_share=True)
    said = []
    for k, one in enumerate(runs):
        points = [
            (source.evaluation.step, number(summary.get("success")), interval(summary))
            for source, summary in one.evaluations
            if source.evaluation is not None and source.evaluation.step is not None and not source.evaluation.told
        ]
        known = [(step, float(rate), ends) for step, rate, ends in points if step is not None and rate is not None]
        for step, rate, ends in known:
            if ends is not None:
                axes.vlines(step, *ends, color=LIGHT[k % len(LIGHT)], linewidth=1.5)
            said.append(f"{one_line(one.name, 60)}: {100 * rate:.1f} % after step {step}")
        if known:
            axes.plot([step for step, _, _ in known], [rate for _, rate, _ in known], **_style(k), marker="o")
    axes.set_xlabel("step")
    return _panel(figure, "Success on test tasks, 95 % intervals", said) if said else None


def _by_turn(runs: Sequence[NamedRun]) -> Panel | None:
    """The gain at turn 1, 2, ..., over the last third of the steps."""
    figure, axes = _frame(is_share=False)
    said = []
    for k, one in enumerate(runs):
        points = _late_gains(one.run)
        if points:
            axes.plot(
                [turn for turn, _ in points], [value for _, value in points], **_style(k), marker="o", markersize=4
            )
            said.append(f"{one_line(one.name, 60)}: " + ", ".join(f"{value:.2f}" for _, value in points))
    axes.set_xlabel("turn")
    return _panel(figure, "Information gain by turn, last third of the steps", said) if said else None


def _late_gains(run: Run) -> list[tuple[int, float]]:
    scored = [row for row in run.metrics if any(f"info/turn_gain_at_{k}" in row for k in range(1, LISTED_TURNS + 1))]
    return turn_gains(scored[len(scored) * 2 // 3 :])


def _frame(*, is_share: bool) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.2, 2.5), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots()
    figure.patch.set_alpha(0)
    axes.patch.set_alpha(0)
    axes.grid(True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINES)
    axes.tick_params(colors=TEXT, labelsize=9)
    axes.xaxis.label.set_color(TEXT)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    if is_share:
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return figure, axes


def _style(k: int) -> dict[str, Any]:
    dash = DASHES[k // len(LIGHT) % len(DASHES)]
    pattern = (0, tuple(float(part) / 2 for part in dash.split())) if dash else "-"
    return {"color": LIGHT[k % len(LIGHT)], "linestyle": pattern, "linewidth": 2}


def _thinned(steps: Sequence[int], values: Sequence[float], size: int) -> tuple[list[float], list[float]]:
    """Means over `size` neighbours."""
    parts = [slice(k, k + size) for k in range(0, len(steps), size)]
    return [fmean(steps[part]) for part in parts], [fmean(values[part]) for part in parts]


def _panel(figure: Figure, title: str, said: Sequence[str]) -> Panel:
    stream = io.StringIO()
    # Text stays text; names inside the picture and its date do not change from one writing to the next.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "infopo", "font.family": "sans-serif"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    light = dark = stream.getvalue()
    for bright, dim in [*INK.items(), *zip(LIGHT, DARK, strict=True)]:
        dark = dark.replace(bright, dim)
    return Panel(title=title, light=light, dark=dark, said="; ".join(said))
