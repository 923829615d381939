"""The tables of evaluations: what came of them, how the policy behaved, how episodes ended, which run did better.

Numbers are those of the summaries. Whoever asks for a report hands in what compares two of them (`Compare`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from infopo.core import UserError
from infopo.report.figures import flatten
from infopo.report.sources import NamedRun, Source
from infopo.report.summary import MISSING
from infopo.report.tables import RUN, WHERE, Cell, Column, Table, number, table

ALIKE = ("env_options", "seed", "rollout")  # settings that two runs should share, as well as the user
Played = tuple[NamedRun, Source, dict[str, Any]]  # an evaluation: whose, which, and its numbers
# First summary, second summary, "success" or "score" -> tasks, left_out, first, second, difference, ci95, method,
# p_value, p_method, detectable. Raises `UserError` where the two cannot be compared.
Compare = Callable[[Mapping[str, Any], Mapping[str, Any], str], Mapping[str, Any]]

BEHAVIOUR = (
    ("questions", Column(name="questions an episode")),
    ("hidden", Column(name="hidden facts")),
    ("revealed", Column(name="revealed facts")),
    ("questions_per_hidden", Column(name="questions per hidden fact")),
    ("repeated", Column(name="repeated questions an episode")),
    ("repeated_share", Column(name="repeated, of questions", kind="percent")),
    ("useless_share", Column(name="useless, of questions", kind="percent")),
    ("premature_rate", Column(name="acted too early", kind="percent")),
    ("last_question_turn", Column(name="turn of the last question")),
    ("clarify_then_act", Column(name="asked before it acted", kind="percent")),
    ("talk_to_act", Column(name="questions per action")),
    ("invalid_share", Column(name="invalid actions", kind="percent")),
    ("turns", Column(name="turns an episode")),
    ("tokens_per_turn", Column(name="tokens a turn")),
)
_INTERVAL = (Column(name="95 % from", kind="percent"), Column(name="to", kind="percent"))
_KIND = Column(name="kind of interval", kind="text")
_OUTCOME = (
    *(Column(name=name) for name in ("tasks", "episodes a task", "episodes counted", "broke off")),
    *(Column(name="success", kind="percent"), *_INTERVAL, _KIND),
    *(Column(name="score"), Column(name="95 % from"), Column(name="to"), Column(name="kind of interval", kind="text")),
    Column(name="difference that could be told", kind="percent"),
)
# what other tables show, and what is no figure
_SHOWN = {
    *("success", "score", "ci95", "n", "failed", "tasks", "samples", "seed", "detectable", "estimates"),
    *("pass_at_k", "pass_hat_k", "failures", "stops", "per_task", "environments"),
    *("behaviour.episodes", "behaviour.gain_by_turn", "trials.success", "trials.score", "trials.n", "trials.failed"),
    *(name for name, _ in BEHAVIOUR),
    *(f"behaviour.{name}" for name, _ in BEHAVIOUR),
}


def outcomes_table(runs: Sequence[NamedRun]) -> Table | None:
    """Success and score with their intervals."""
    rows: list[tuple[Cell, ...]] = []
    for one, source, summary in _evaluations(runs):
        rows.append((one.name, source.name, *_outcome(summary)))
        if trials := _mapping(summary.get("trials")):  # several attempts, so in a row of its own that says so
            rows.append((one.name, f"{source.name}, after up to {trials.get('most')} trials", *_outcome(trials)))
    note = (
        "Episodes that broke off are counted apart and enter nothing else. A difference that could be told: how far"
        " another run of this size over the same tasks must be for a test at 5 % to see it four times in five."
    )
    return table("outcomes", "Success on test tasks", [RUN, WHERE, *_OUTCOME], rows, note=note)


def members_table(runs: Sequence[NamedRun]) -> Table | None:
    """The same for each environment of a mixture."""
    rows = [
        (one.name, source.name, str(env_id), *_outcome(part))
        for one, source, summary in _evaluations(runs)
        for env_id, part in _mapping(summary.get("environments")).items()
        if isinstance(part, dict)
    ]
    columns = [RUN, WHERE, Column(name="environment", kind="text"), *_OUTCOME]
    return table("environments", "By environment", columns, rows)


def _outcome(summary: Mapping[str, Any]) -> tuple[Cell, ...]:
    counts = [number(summary.get(name)) for name in ("tasks", "samples", "n", "failed", "success")]
    score = _mapping(_mapping(summary.get("estimates")).get("score"))
    return (
        *counts,
        *(interval(summary) or (None, None)),
        _text(summary.get("ci95_method")),
        number(summary.get("score")),
        *(interval(score) or (None, None)),
        _text(score.get("method")),
        number(summary.get("detectable")),
    )


def interval(summary: Mapping[str, Any]) -> tuple[float, float] | None:
    """Both ends of a 95 % interval."""
    ends = summary.get("ci95")
    if not isinstance(ends, list | tuple) or len(ends) != 2:
        return None
    low, high = number(ends[0]), number(ends[1])
    return None if low is None or high is None else (low, high)


def attempts_table(runs: Sequence[NamedRun]) -> Table | None:
    """pass@k and pass^k, where tasks were played several times."""
    rows: list[tuple[Cell, ...]] = []
    for one, source, summary in _evaluations(runs):
        readings = {f"pass^k, {name}": part for name, part in _mapping(summary.get("pass_hat_k")).items()}
        for name, part in {"pass@k": summary.get("pass_at_k"), **readings}.items():
            found = {k: value for k, value in _mapping(part).items() if isinstance(value, dict)}
            for k, value in found.items() if len(found) > 1 else ():
                row = (name, str(k), number(value.get("value")), *(interval(value) or (None, None)))
                rows.append((one.name, source.name, *row, _text(value.get("method")), number(value.get("tasks"))))
    columns = [RUN, WHERE, Column(name="measure", kind="text"), Column(name="k", kind="text")]
    columns += [Column(name="rate", kind="percent"), *_INTERVAL, _KIND, Column(name="tasks")]
    note = (
        "pass@k: one of k episodes of a task succeeds. pass^k: all of them do; its readings differ in broken episodes."
    )
    return table("attempts", "Several attempts at a task", columns, rows, note=note)


def pairs_table(runs: Sequence[NamedRun], compare: Compare) -> Table | None:
    """In each run its first evaluation with its last, of several users the first with each other one; then the last
    one of the first run (the first user's) with that of each other. Settings that are not the same are remarked on."""
    names = ("first", "second", "measure")
    columns = [*(Column(name=name, kind="text") for name in names), Column(name="tasks"), Column(name="left out")]
    columns += [Column(name=name) for name in ("of the first", "of the second", "difference", "95 % from", "to")]
    columns += [_KIND, Column(name="p-value"), Column(name="kind of test", kind="text")]
    columns += [Column(name="difference that could be told"), Column(name="remark", kind="text")]
    rows = []
    for first, second in _pairs(runs):
        for measure in ("success", "score"):
            cells, reason = _compared(compare, first[2], second[2], measure)
            called = [f"{one.name}, {source.name}" for one, source, _ in (first, second)]
            rows.append((*called, measure, *cells, reason or _unlike(first, second)))
            if reason:
                break
    note = "Paired by task: the difference is second minus first, and tasks are what varies."
    return table("paired", "Compared task by task", columns, rows, note=note)


def _pairs(runs: Sequence[NamedRun]) -> Iterator[tuple[Played, Played]]:
    lasts: list[Played] = []
    for one in runs:
        plain = [(one, source, summary) for source, summary in one.evaluations if not source.told]
        if plain and plain[0][1].user is not None:
            yield from ((plain[0], other) for other in plain[1:])
            lasts.append(plain[0])
            continue
        if len(plain) > 1:
            yield plain[0], plain[-1]
        lasts += plain[-1:]
    for other in lasts[1:]:
        yield lasts[0], other


def _unlike(first: Played, second: Played) -> str | None:
    """The settings of two runs, those of the policy apart, that are not the same."""
    if first[0] is second[0]:
        return None
    configs = [one.run.config for one, _, _ in (first, second)]
    shared = [name for name in ALIKE if all(name in config for config in configs)]
    parts = [dict(flatten({name: config[name] for name in shared})) for config in configs]
    for part, (one, source, _) in zip(parts, (first, second), strict=True):
        part["user"] = source.user or one.run.config.get("user") or "scripted"
    told = [{name: value for name, value in part.items() if value != {}} for part in parts]
    names = [name for name in dict.fromkeys([*told[0], *told[1]]) if told[0].get(name) != told[1].get(name)]
    shown = [f"{name}: {told[0].get(name, MISSING)} and {told[1].get(name, MISSING)}" for name in names]
    return f"not with the same settings: {'; '.join(shown)}" if shown else None


def _compared(
    compare: Compare, first: dict[str, Any], second: dict[str, Any], measure: str
) -> tuple[list[Cell], str | None]:
    """The cells of a comparison; without one, the reason."""
    try:
        found = compare(first, second, measure)
    except UserError as error:
        return [None] * 11, str(error)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [None] * 11, f"the results per task are damaged: {error!r}"
    values = [number(found.get(name)) for name in ("tasks", "left_out", "first", "second", "difference")]
    test = [number(found.get("p_value")), _text(found.get("p_method")), number(found.get("detectable"))]
    return [*values, *(interval(found) or (None, None)), _text(found.get("method")), *test], None


def behaviour_table(runs: Sequence[NamedRun]) -> Table | None:
    """How the policy went about it."""
    rows = []
    for one, source, summary in _evaluations(runs):
        figures = {**summary, **_mapping(summary.get("behaviour"))}
        values = [number(figures.get(name)) for name, _ in BEHAVIOUR]
        if any(value is not None for value in values):
            rows.append((one.name, source.name, *values))
    columns = [RUN, WHERE, *(column for _, column in BEHAVIOUR)]
    note = (
        "Useless: brought nothing, and was no repetition. Acted too early: committed itself with a fact still hidden,"
        " of the episodes that hide something and commit. Asked before it acted: of all pairs of question and action."
    )
    return table("behaviour", "Behaviour on test tasks", columns, rows, note=note)


def turn_gains_table(runs: Sequence[NamedRun]) -> Table | None:
    """The gain by turn, where an evaluation measured it."""
    rows = []
    for one, source, summary in _evaluations(runs):
        turns = _mapping(summary.get("behaviour")).get("gain_by_turn")
        for turn in turns if isinstance(turns, list) else ():
            cells = [number(_mapping(turn).get(name)) for name in ("turn", "n", "mean")]
            rows.append((one.name, source.name, *cells))
    columns = [RUN, WHERE, Column(name="turn"), Column(name="episodes"), Column(name="mean gain (nats)")]
    return table("turn_gains", "Information gain by turn, on test tasks", columns, rows)


def others_table(runs: Sequence[NamedRun]) -> Table | None:
    """Numbers of a summary that no other table shows, under the names that they have there."""
    rows: list[tuple[Cell, ...]] = []
    for one, source, summary in _evaluations(runs):
        for name, value in flatten({name: part for name, part in summary.items() if name not in _SHOWN}):
            found = number(value)
            if found is not None and name not in _SHOWN:
                rows.append((one.name, source.name, name, found))
    columns = [RUN, WHERE, Column(name="figure", kind="text"), Column(name="value")]
    return table("figures", "Further figures of the evaluations", columns, rows)


def endings_table(runs: Sequence[NamedRun]) -> Table | None:
    """How episodes ended, failures first."""
    rows: list[tuple[Cell, ...]] = []
    for one in runs:
        for source in one.sources:
            if source.episodes is None:
                continue
            failures, stops = source.episodes.failures.most_common(), source.episodes.stops.most_common()
            counts = [(f"broke off: {kind} in {where}", count) for (kind, where), count in failures]
            counts += [(f"ended: {reason.replace('_', ' ')}", count) for reason, count in stops]
            rows += [(one.name, source.name, how, count, count / source.episodes.n) for how, count in counts]
    columns = [RUN, WHERE, Column(name="how", kind="text"), Column(name="episodes")]
    columns.append(Column(name="share", kind="percent"))
    return table("endings", "How episodes ended, failures by kind", columns, rows)


def _evaluations(runs: Sequence[NamedRun]) -> Iterator[Played]:
    for one in runs:
        for source, summary in one.evaluations:
            yield one, source, summary


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}
