"""The tables of a report: what runs were, how training went, how settings differ. Only what was measured."""

import reprlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infopo.report.sources import NamedRun
from infopo.report.tables import RUN, Cell, Column, Table, number, table

SETTINGS = 400  # of a configuration; a file may hold anything
CURVES = (
    "train/success train/score questions/mean questions/repeated hidden/mean hidden/revealed turns/mean len/mean"
    " len/action info/turn_gain_mean info/turn_gain_frac_neg info/gain_early_third info/gain_late_third info/gate_mean"
    " info/contribution_ratio group/equal_ratio rollout/failed_episodes rollout/invalid_actions loss/total loss/policy"
    " loss/clip_fraction loss/kl_to_old loss/kl_to_reference loss/entropy optimizer/grad_norm optimizer/skipped"
    " critic/explained_variance"
).split()


def metrics_table(runs: Sequence[NamedRun]) -> Table | None:
    """Every metric of every step: a file, too wide to show."""
    names = sorted({name for one in runs for row in one.run.metrics for name in row} - {"run", "step"})
    rows = [
        (one.name, number(row.get("step")), *(number(row.get(name)) for name in names))
        for one in runs
        for row in one.run.metrics
    ]
    return table("metrics", "Metrics", [RUN, *(Column(name=name) for name in ("step", *names))], rows)


def runs_table(runs: Sequence[NamedRun]) -> Table | None:
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


def curves_table(runs: Sequence[NamedRun]) -> Table | None:
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


def differences_table(runs: Sequence[NamedRun]) -> Table | None:
    settings = [dict(flatten(one.run.config)) for one in runs]
    names = list(dict.fromkeys(name for part in settings for name in part))
    texts = {name: [_setting(part[name]) if name in part else None for part in settings] for name in names}
    rows = [(name, *cells) for name, cells in texts.items() if len(set(cells)) > 1]
    columns = [Column(name="setting", kind="text"), *(Column(name=one.name, kind="text") for one in runs)]
    return table(
        "differences", "Settings that differ", columns, rows, note="A dash: the run does not have the setting."
    )


def configuration_table(runs: Sequence[NamedRun]) -> Table | None:
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
