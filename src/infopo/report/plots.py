"""One picture of a run: success, turns and questions, gain by turn, groups without outcome variance."""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from infopo.core import atomic_write_bytes
from infopo.report.run import Run, read_run

BLUE, ORANGE, GREEN, GREY = "#2f6db3", "#d9822b", "#3a8f5c", "#8a8f98"
STAGES = ("#b9cfe8", "#6f9dcb", "#1f4f86")  # early to late
LISTED_TURNS = 16
WINDOW = 5  # steps of the running mean


def draw_run(run: Run | str | os.PathLike[str], path: str | os.PathLike[str]) -> Path:
    """Write the four panels of a run as a PNG; a panel without points says so. Raises `StorageError`."""
    data = run if isinstance(run, Run) else read_run(run)
    figure = Figure(figsize=(11, 7.2), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 2)
    for draw, panel in zip((_success, _turns, _gains, _equal_groups), axes.flat, strict=True):
        draw(panel, data)
        panel.grid(True, color="#e6e8eb", linewidth=0.8)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
        if not panel.has_data():
            panel.text(0.5, 0.5, "nothing measured yet", transform=panel.transAxes, ha="center", color=GREY)
    figure.suptitle(_title(data), fontsize=11)
    image = io.BytesIO()
    figure.savefig(image, format="png")
    atomic_write_bytes(path, image.getvalue())
    return Path(path)


def _title(run: Run) -> str:
    known = [run.config.get(name, run.summary.get(name)) for name in ("algo", "env", "model")]
    seed = run.config.get("seed", run.summary.get("seed"))
    parts = [str(part) for part in known if part is not None] + ([f"seed {seed}"] if seed is not None else [])
    return _plain(" · ".join(parts) or run.path.name)


def _plain(text: str) -> str:
    return text.replace("$", r"\$")  # a dollar sign would start a formula


def _success(panel: Axes, run: Run) -> None:
    panel.set_title("Success", loc="left")
    _line(panel, run, "train/success", BLUE, "training tasks")
    last = max((row["step"] for row in run.metrics), default=0)
    for name, step, label in (("before", 0, "unseen tasks, 95 %"), ("after", last, None)):
        part = run.summary.get(name)
        if not isinstance(part, dict) or part.get("success") is None:
            continue
        low, high = part.get("ci95") or (part["success"], part["success"])
        error = [[max(0.0, part["success"] - low)], [max(0.0, high - part["success"])]]
        panel.errorbar(
            [step], [part["success"]], yerr=error, fmt="o", color=ORANGE, capsize=4, label=label, clip_on=False
        )
    panel.set_ylim(0, 1)
    panel.yaxis.set_major_formatter(PercentFormatter(1.0))
    _steps(panel)


def _turns(panel: Axes, run: Run) -> None:
    panel.set_title("Turns and questions per episode", loc="left")
    _line(panel, run, "turns/mean", BLUE, "turns")
    _line(panel, run, "questions/mean", GREEN, "questions asked")
    steps, hidden = run.series("hidden/mean")
    if steps:
        panel.plot(steps, hidden, color=GREY, linestyle="--", linewidth=1.2, label="hidden facts")
    panel.set_ylim(bottom=0)
    _steps(panel)


def _gains(panel: Axes, run: Run) -> None:
    panel.set_title("Information gain by turn (nats)", loc="left")
    scored = [row for row in run.metrics if any(f"info/turn_gain_at_{k}" in row for k in range(1, LISTED_TURNS + 1))]
    count = min(len(STAGES), len(scored))
    for stage in range(count):
        part = scored[stage * len(scored) // count : (stage + 1) * len(scored) // count]
        known = turn_gains(part)
        first, last = part[0]["step"], part[-1]["step"]
        label = f"step {first}" if first == last else f"steps {first} to {last}"
        color = STAGES[len(STAGES) - count + stage]
        panel.plot([k for k, _ in known], [v for _, v in known], marker="o", markersize=4, color=color, label=label)
    panel.set_xlabel("turn")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    if count:
        panel.axhline(0.0, color=GREY, linewidth=0.8)
        panel.legend(frameon=False, fontsize=8)


def _equal_groups(panel: Axes, run: Run) -> None:
    panel.set_title("Groups without outcome variance", loc="left")
    _line(panel, run, "group/equal_ratio", ORANGE, "all episodes of the group scored alike")
    panel.set_ylim(0, 1)
    panel.yaxis.set_major_formatter(PercentFormatter(1.0))
    _steps(panel)


def _line(panel: Axes, run: Run, name: str, color: str, label: str) -> None:
    """The values, faint, and their running mean."""
    steps, values = run.series(name)
    if not steps:
        return
    panel.plot(steps, values, color=color, alpha=0.3, linewidth=1, marker="." if len(steps) < 3 else None)
    panel.plot(steps, running_mean(values), color=color, linewidth=2, label=label)


def running_mean(values: Sequence[float]) -> list[float]:
    """The mean of each value and up to `WINDOW` - 1 before it."""
    windows = (values[max(0, index - WINDOW + 1) : index + 1] for index in range(len(values)))
    return [sum(window) / len(window) for window in windows]


def _steps(panel: Axes) -> None:
    panel.set_xlabel("step")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    if panel.get_legend_handles_labels()[0]:
        panel.legend(frameon=False, fontsize=8)


def turn_gains(rows: Sequence[dict[str, Any]]) -> list[tuple[int, float]]:
    """Turns, and their mean gain over these steps, where it was measured."""
    points = [(k, _mean(rows, f"info/turn_gain_at_{k}")) for k in range(1, LISTED_TURNS + 1)]
    return [(k, value) for k, value in points if value is not None]


def _mean(rows: Sequence[dict[str, Any]], name: str) -> float | None:
    values = [row[name] for row in rows if isinstance(row.get(name), int | float)]
    return sum(values) / len(values) if values else None
