"""Live progress: a bar that rewrites itself on a terminal, one plain line a step elsewhere."""

import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column

from infopo.cli import output

RECENT = 10  # steps whose mean time predicts the rest
SHOWN = (
    ("success", "train/success", "{:.0%}"),
    ("turns", "turns/mean", "{:.1f}"),
    ("questions", "questions/mean", "{:.1f}"),
    ("gain", "info/turn_gain_mean", "{:+.3f}"),
    ("gate", "info/gate_mean", "{:.2f}"),
)


def say(text: str) -> None:
    """One line, at once."""
    with reader_may_leave():
        print(text, flush=True)


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Work goes on where the reader of its output, `head` for one, has left; the standard error says so."""
    try:
        yield
    except BrokenPipeError:
        output.give_up()
        print("infopo: nobody reads the output any more; the work goes on without it", file=sys.stderr, flush=True)


class PlainConsole(Console):
    """Raises `BrokenPipeError` as every other writer does, instead of ending the program."""

    def on_broken_pipe(self) -> None:
        """Called while the error is handled."""
        raise BrokenPipeError


class WithBar:
    """Shows a bar, where there is one, as long as it is used as a context manager."""

    _bar: Progress | None = None

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


class TrainProgress(WithBar):
    """Shows each step: success, turns, questions asked, gain, gate, time left. What was not measured is a dash."""

    def __init__(self, total: int, *, done: int = 0, console: Console | None = None) -> None:
        self.total = total
        self.done = done
        self.console = console or PlainConsole(file=sys.stdout)
        self._seconds: deque[float] = deque(maxlen=RECENT)
        if self.console.is_terminal:
            columns = (
                TextColumn("step"),
                MofNCompleteColumn(table_column=Column(no_wrap=True)),
                BarColumn(bar_width=20),
                TextColumn("{task.description}", table_column=Column()),  # the one that wraps where it is narrow
            )
            self._bar = Progress(*columns, console=self.console)
            self._task = self._bar.add_task("first step under way", total=total, completed=done)

    def on_step(self, step: int, metrics: Mapping[str, float], timings: Mapping[str, float]) -> None:
        """Show step `step` (counted from 1)."""
        self.done = step
        if "seconds/total" in timings:
            self._seconds.append(timings["seconds/total"])
        text = self.status(metrics)
        if self._bar is not None:
            self._bar.update(self._task, completed=step, description=text)
        else:
            width = len(str(self.total))
            self.say(f"step {step:{width}d}/{self.total}  {text}")

    def status(self, metrics: Mapping[str, float]) -> str:
        """The figures of one step as one line."""
        parts = [f"{label} {form.format(metrics[name]) if name in metrics else '-'}" for label, name, form in SHOWN]
        return "  ".join([*parts, f"left {self._left()}"])

    def say(self, text: str) -> None:
        """One line, above the bar where there is one."""
        with reader_may_leave():
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)
            self.console.file.flush()

    def _left(self) -> str:
        if not self._seconds:
            return "-"
        return duration(sum(self._seconds) / len(self._seconds) * (self.total - self.done))


class Quarters:
    """Says how far a long piece of work is, four times a part: for what has no steps worth a line each."""

    def __init__(self, say: Callable[[str], None], what: str) -> None:
        self.say = say
        self.what = what
        self._said: tuple[str, int] | None = None

    def __call__(self, part: str, share: float) -> None:
        """`share` of `part` is done."""
        mark = (part, int(4 * share))
        if mark != self._said:
            self._said = mark
            self.say(f"{self.what}: {part} {25 * mark[1]} %")


def duration(seconds: float) -> str:
    """Whole seconds up to two minutes, then minutes and hours.

    >>> duration(59.6), duration(150), duration(7260)
    ('60 s', '2 min 30 s', '2 h 1 min')
    """
    whole = round(max(0.0, seconds))
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
