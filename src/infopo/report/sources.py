"""The runs of a report with everything that was read of them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infopo.report.episodes import Episodes, read_episodes
from infopo.report.run import Evaluation, Run, name_runs, read_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Episodes that lie in one file, or an evaluation without one. `evaluation` is None for those of training."""

    name: str
    evaluation: Evaluation | None = None
    episodes: Episodes | None = None

    @property
    def told(self) -> bool:
        """Whether the opening told everything that is hidden."""
        return self.evaluation is not None and self.evaluation.told

    @property
    def user(self) -> str | None:
        """Who answered, where an evaluation was played with several users."""
        return None if self.evaluation is None else self.evaluation.user


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRun:
    """A run under the name that tells it from the others, with its sources: training first, then evaluations."""

    name: str
    run: Run
    sources: tuple[Source, ...]

    @property
    def evaluations(self) -> list[tuple[Source, dict[str, Any]]]:
        """The evaluations among the sources, with their numbers."""
        return [(source, source.evaluation.summary) for source in self.sources if source.evaluation is not None]


def read_sources(paths: Sequence[str | os.PathLike[str]]) -> list[NamedRun]:
    """Read runs, their evaluations and all their episodes. Raises `UserError` as `read_run` and `name_runs` do."""
    runs = [read_run(path) for path in paths]
    return [
        NamedRun(name=name, run=run, sources=_sources(run)) for name, run in zip(name_runs(runs), runs, strict=True)
    ]


def _sources(run: Run) -> tuple[Source, ...]:
    training = () if run.training is None else (Source(name="training", episodes=read_episodes(run.training)),)
    return training + tuple(
        Source(name=one.name, evaluation=one, episodes=None if one.records is None else read_episodes(one.records))
        for one in run.evaluations()
    )
