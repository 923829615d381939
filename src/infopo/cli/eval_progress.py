"""Live progress of an evaluation: a bar on a terminal, some ten lines elsewhere."""

import sys
import time
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from infopo.cli.progress import PlainConsole, WithBar, duration, say
from infopo.core import Group

LINES = 10


class EvalProgress(WithBar):
    """Counts tasks as they finish. `spent` says what it has cost so far, where that is of interest.

    The first call of `on_groups` is for what was played before, so it has no share in the time that is left.
    """

    def __init__(self, total: int, *, what: str, spent: Callable[[], str], console: Console | None = None) -> None:
        self.total, self.what, self.spent = total, what, spent
        self._done = self._before = self._good = self._counted = self._broken = 0
        self._start: float | None = None
        self._said = 0
        console = console or PlainConsole(file=sys.stdout)
        if console.is_terminal:
            columns = (
                TextColumn(what),
                MofNCompleteColumn(),
                BarColumn(bar_width=20),
                TextColumn("{task.description}"),
            )
            self._bar = Progress(*columns, console=console)
            self._task = self._bar.add_task("", total=total)

    def on_groups(self, groups: Sequence[Group]) -> None:
        """These tasks have ended."""
        if self._start is None:
            self._start, self._before = time.monotonic(), len(groups)
        self._done += len(groups)
        for group in groups:
            first = group.trajectories[0]
            self._broken += first.outcome is None
            self._counted += first.outcome is not None
            self._good += first.outcome is not None and first.outcome.success
        mark = LINES * self._done // self.total
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, description=self.status())
        elif groups and mark != self._said:
            say(f"{self.what}  {self._done}/{self.total} tasks  {self.status()}")
        self._said = mark

    def status(self) -> str:
        """Success so far, of first attempts, what broke, what was spent, and the time that is left."""
        parts = [f"success {100 * self._good / self._counted:.0f} %"] if self._counted else []
        parts += [f"broke off {self._broken}"] if self._broken else []
        new = self._done - self._before
        if self._start is not None and new > 0 and self._done < self.total:
            each = (time.monotonic() - self._start) / new
            parts.append(f"left {duration(each * (self.total - self._done))}")
        return "  ".join([part for part in (*parts, self.spent()) if part])
