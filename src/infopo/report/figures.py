"""The tables of a report: what runs were, what came of them, how they behaved. Only what was measured is there."""

import reprlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infopo.report.episodes import Episodes
from infopo.report.pairs import Comparison, compare
from infopo.report.run import Evaluation, Run
from infopo.report.tables import Cell, Column, Table, number, table

SETTINGS = 400  # of a configuration; a file may hold anything
RUN = Column(name="run", kind="text")
WHERE = Column(name="episodes of", kind="text")
BEHAVIOUR = (
    ("questions", Column(name="questions an episode")),
    ("hidden", Column(name="hidden facts")),
    ("revealed", Column(name="revealed facts")),
    ("questions_per_hidden", Column(name="questions per hidden fact")),
    ("repeated", Column(name="repeated questions an episode")),
    ("repeated_share", Column(name="repeated questions", kind="percent")),
    ("useless_share", Column(name="useless questions", kind="percent")),
    ("premature_rate", Column(name="acted too early", kind="percent")),
    ("last_question_turn", Column(name="turn of the last question")),
    ("clarify_then_act", Column(name="asked before it acted", kind="percent")),
    ("talk_to_act", Column(name="questions per action")),
    ("invalid_share", Column(name="invalid actions", kind="percent")),
    ("turns", Column(name="turns an episode")),
    ("tokens_per_turn", Column(name="tokens a turn")),
)
_STANDING = ("success", "score", "ci95", "n", "failed", "tasks", "samples", "seed", "episodes")
CURVES = (
    "train/success train/score questions/mean questions/repeated hidden/mean hidden/revealed turns/mean len/mean"
    " len/action info/turn_gain_mean info/turn_gain_frac_neg info/gain_early_third info/gain_late_third info/gate_mean"
    " info/contribution_ratio group/equal_ratio rollout/failed_episodes rollout/invalid_actions loss/total loss/policy"
    " loss/clip_fraction loss/kl_to_old loss/kl_to_reference loss/entropy optimizer/grad_norm optimizer/skipped"
    " critic/explained_variance"
).split()


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


def all_tables(runs: Sequence[NamedRun]) -> list[Table]:
    """Every table that has something to show, in the order of the page."""
    made = (_runs, _outcomes, _members, _pairs, _behaviour, _others, _endings, _curves, _differences, _configuration)
    return [found for make in made if (found := make(runs)) is not None]


def metrics_table(runs: Sequence[NamedRun]) -> Table | None:
    """Every metric of every step: a file, too wide to show."""
    names = sorted({name for one in runs for row in one.run.metrics for name in row} - {"run", "step"})
    rows = [
        (one.name, number(row.get("step")), *(number(row.get(name)) for name in names))
        for one in runs
        for row in one.run.metrics
    ]
    return table("metrics", "Metrics", [RUN, *(Column(name=name) for name in ("step", *names))], rows)


def _runs(runs: Sequence[NamedRun]) -> Table | None:
    columns = [RUN, *(Column(name=name, kind="text") for name in ("kind", "environment", "method", "model", "seed"))]
    columns += [Column(name=name) for name in ("steps done", "of")] + [Column(name="state", kind="text")]
    columns += [Column(name=name) for name in ("training episodes", "seconds")]
    rows = []
    for one in runs:
        run = one.run
        known = [run.config.get(name, run.summary.get(name)) for name in ("env", "algo", "model", "seed")]
        done = max((int(step) for row in run.metrics if (step := number(row.get("step"))) is not None), default=None)
        episodes = [source.episodes.n for source in one.sources if source.evaluation is None and source.episodes]
        rows.append(
            (
                one.name,
                "evaluation" if run.is_evaluation else "training",
                *(None if value is None else _setting(value) for value in known),
                done,
                None if run.is_evaluation else number(run.config.get("steps")),
                "finished" if run.summary else "no summary: under way, or broken off",
                sum(episodes) if episodes else None,
                number(run.summary.get("seconds")),
            )
        )
    return table("runs", "Runs", columns, rows)


def _outcomes(runs: Sequence[NamedRun]) -> Table | None:
    columns = [
        RUN,
        WHERE,
        *(Column(name=name) for name in ("tasks", "episodes a task", "episodes counted", "broke off")),
    ]
    columns += [Column(name=name, kind="percent") for name in ("success", "95 % from", "to")]
    columns += [Column(name="interval", kind="text"), Column(name="score")]
    rows = [(one.name, source.name, *_outcome(summary)) for one in runs for source, summary in one.evaluations]
    note = "Episodes that broke off are counted apart and enter nothing else."
    return table("outcomes", "Success on test tasks", columns, rows, note=note)


def _outcome(summary: Mapping[str, Any]) -> tuple[Cell, ...]:
    ends = interval(summary)
    method = summary.get("ci95_method")
    counts = [number(summary.get(name)) for name in ("tasks", "samples", "n", "failed", "success")]
    kind = method if isinstance(method, str) and ends else None
    return (*counts, *(ends or (None, None)), kind, number(summary.get("score")))


def interval(summary: Mapping[str, Any]) -> tuple[float, float] | None:
    """Both ends of the 95 % interval of success."""
    ends = summary.get("ci95")
    if not isinstance(ends, list | tuple) or len(ends) != 2:
        return None
    low, high = number(ends[0]), number(ends[1])
    return None if low is None or high is None else (low, high)


def _members(runs: Sequence[NamedRun]) -> Table | None:
    columns = [RUN, WHERE, Column(name="environment", kind="text")]
    columns += [Column(name=name) for name in ("tasks", "episodes a task", "episodes counted", "broke off")]
    columns += [Column(name=name, kind="percent") for name in ("success", "95 % from", "to")]
    columns += [Column(name="interval", kind="text"), Column(name="score")]
    rows = [
        (one.name, source.name, str(env_id), *_outcome(part))
        for one in runs
        for source, summary in one.evaluations
        for env_id, part in _mapping(summary.get("environments")).items()
        if isinstance(part, dict)
    ]
    return table("environments", "By environment", columns, rows)


def _pairs(runs: Sequence[NamedRun]) -> Table | None:
    columns = [Column(name=name, kind="text") for name in ("first", "second")] + [Column(name="tasks in common")]
    columns += [Column(name=name, kind="percent") for name in ("success of the first", "of the second", "difference")]
    columns += [Column(name=name, kind="percent") for name in ("95 % from", "to")]
    columns += [Column(name=name) for name in ("tasks better", "tasks worse")]
    rows = [
        (
            *names,
            *(found.tasks, found.first, found.second, found.difference),
            *(found.ci95 or (None, None)),
            *(found.better, found.worse),
        )
        for names, found in _compared(runs)
    ]
    note = (
        "Paired by task, each task counting once. The interval is a percentile bootstrap over tasks; it is left out"
        " where every task differs alike."
    )
    return table("paired", "Compared task by task", columns, rows, note=note)


def _compared(runs: Sequence[NamedRun]) -> Iterator[tuple[tuple[str, str], Comparison]]:
    """In each run its first evaluation with its last; then the last of the first run with that of each other."""
    lasts = []
    for one in runs:
        plain = [source for source, _ in one.evaluations if source.episodes and not source.told]
        if plain:
            lasts.append((one.name, plain[-1]))
        if len(plain) > 1 and plain[0].episodes and plain[-1].episodes:
            found = compare(plain[0].episodes, plain[-1].episodes)
            if found is not None:
                yield (f"{one.name}, {plain[0].name}", f"{one.name}, {plain[-1].name}"), found
    for name, other in lasts[1:]:
        first_name, first = lasts[0]
        if first.episodes and other.episodes and (found := compare(first.episodes, other.episodes)) is not None:
            yield (f"{first_name}, {first.name}", f"{name}, {other.name}"), found


def _behaviour(runs: Sequence[NamedRun]) -> Table | None:
    rows = []
    for one in runs:
        for source, summary in one.evaluations:
            figures = {**summary, **_mapping(summary.get("behaviour"))}
            values = [number(figures.get(name)) for name, _ in BEHAVIOUR]
            if any(value is not None for value in values):
                rows.append((one.name, source.name, *values))
    columns = [RUN, WHERE, *(column for _, column in BEHAVIOUR)]
    return table("behaviour", "Behaviour on test tasks", columns, rows)


def _others(runs: Sequence[NamedRun]) -> Table | None:
    """Numbers of a summary that no other table shows, under the names that they have there."""
    shown = {*_STANDING, *(name for name, _ in BEHAVIOUR)}
    rows: list[tuple[Cell, ...]] = []
    for one in runs:
        for source, summary in one.evaluations:
            kept = {name: part for name, part in summary.items() if name != "environments" and name not in shown}
            for name, value in flatten(kept):
                found = number(value)
                if found is not None and name.removeprefix("behaviour.") not in shown:
                    rows.append((one.name, source.name, name, found))
    columns = [RUN, WHERE, Column(name="figure", kind="text"), Column(name="value")]
    return table("figures", "Further figures of the evaluations", columns, rows)


def _endings(runs: Sequence[NamedRun]) -> Table | None:
    rows: list[tuple[Cell, ...]] = []
    for one in runs:
        for source in one.sources:
            if source.episodes is None or not source.episodes.n:
                continue
            n = source.episodes.n
            for (kind, where), count in source.episodes.failures.most_common():
                rows.append((one.name, source.name, f"broke off: {kind} in {where}", count, count / n))
            for reason, count in source.episodes.stops.most_common():
                rows.append((one.name, source.name, f"ended: {reason.replace('_', ' ')}", count, count / n))
    columns = [
        RUN,
        WHERE,
        Column(name="how", kind="text"),
        Column(name="episodes"),
        Column(name="share", kind="percent"),
    ]
    return table("endings", "How episodes ended, failures by kind", columns, rows)


def _curves(runs: Sequence[NamedRun]) -> Table | None:
    columns = [Column(name="metric", kind="text"), RUN]
    columns += [Column(name=name) for name in ("steps", "first", "last", "least", "most")]
    rows: list[tuple[Cell, ...]] = []
    for name in CURVES:
        for one in runs:
            _, values = one.run.series(name)
            if values:
                rows.append((name, one.name, len(values), values[0], values[-1], min(values), max(values)))
    note = "Of the training steps; metrics.csv has every metric of every step."
    return table("curves", "Training, in numbers", columns, rows, note=note)


def _differences(runs: Sequence[NamedRun]) -> Table | None:
    settings = [dict(flatten(one.run.config)) for one in runs]
    names = list(dict.fromkeys(name for part in settings for name in part))
    texts = {name: [_setting(part[name]) if name in part else None for part in settings] for name in names}
    rows = [(name, *cells) for name, cells in texts.items() if len(set(cells)) > 1]
    columns = [Column(name="setting", kind="text"), *(Column(name=one.name, kind="text") for one in runs)]
    return table(
        "differences", "Settings that differ", columns, rows, note="A dash: the run does not have the setting."
    )


def _configuration(runs: Sequence[NamedRun]) -> Table | None:
    rows = [(one.name, name, _setting(value)) for one in runs for name, value in flatten(one.run.config)]
    columns = [RUN, *(Column(name=name, kind="text") for name in ("setting", "value"))]
    return table("configuration", "Configuration", columns, rows)


def flatten(data: Mapping[Any, Any], prefix: str = "", depth: int = 6) -> Iterator[tuple[str, Any]]:
    """Dotted names and values of nested mappings, the first `SETTINGS` of them.

    >>> list(flatten({"env": "toy/slots", "loss": {"clip_low": 0.2}}))
    [('env', 'toy/slots'), ('loss.clip_low', 0.2)]
    """
    pending: list[tuple[str, Any, int]] = [(prefix, data, depth)]
    count = 0
    while pending and count < SETTINGS:
        name, value, left = pending.pop()
        if isinstance(value, Mapping) and value and left:
            inner = [(f"{name}.{key}" if name else str(key), item, left - 1) for key, item in value.items()]
            pending += reversed(inner)
        elif name:
            count += 1
            yield name, value


def _setting(value: Any) -> str:
    """A value as text; of a large or a nested one, the beginning."""
    if isinstance(value, str):
        return value
    short = reprlib.Repr()
    short.maxlevel, short.maxlist, short.maxdict, short.maxstring, short.maxother = 3, 20, 20, 200, 200
    return short.repr(value)


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}
