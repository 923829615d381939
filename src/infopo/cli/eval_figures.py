"""What `infopo eval` prints of its figures."""

from typing import Any


def figures(summary: dict[str, Any], *, failure: str | None = None) -> list[str]:
    """The lines of one evaluation; of a mixture, one more for each member. `failure`: why episodes broke."""
    from infopo.evaluation.floors import floor_lines
    from infopo.report import format_rate

    trials = summary.get("trials")
    attempt = ", first trial of each task" if trials else ""
    lines = [f"success    {format_rate(summary)}  (95 % interval, {summary['n']} episodes{attempt})"]
    for name, label in (("score", "score"), ("questions", "questions"), ("hidden", "hidden"), ("turns", "turns")):
        if summary[name] is not None:
            lines.append(f"{label:10s} {summary[name]:.2f}")
    if turns := summary["behaviour"].get("gain_by_turn"):
        lines.append("gain       " + ", ".join(f"{turn['mean']:+.3f}" for turn in turns) + "  (nats, by turn)")
    lines += floor_lines(summary.get("floors", {}))
    if summary["failed"]:
        reason = f"; {failure}" if failure else ""
        lines.append(f"broke off  {summary['failed']} episodes, not counted above{reason}")
    for env_id, part in summary.get("environments", {}).items():
        score = "-" if part["score"] is None else f"{part['score']:.2f}"
        lines.append(f"{env_id:18s} {format_rate(part)}  score {score}  ({part['n']} episodes)")
    if trials:
        mean = "-" if trials["mean"] is None else f"{trials['mean']:.2f}"
        lines += [
            f"after up to {trials['most']} trials, each told that the one before failed: {format_rate(trials)}",
            f"           ({trials['n']} tasks, {mean} trials a task; not to be set beside single attempts)",
        ]
    return [*lines, *_spending(summary)]


def shift_lines(summary: dict[str, Any]) -> list[str]:
    """The same policy with every user, one line each, and what all of it cost."""
    from infopo.report import format_rate

    rows = [("user", "success (95 % interval)", "score", "questions", "revealed", "episodes", "broke off")]
    for user, part in summary["users"].items():
        numbers = ["-" if part[name] is None else f"{part[name]:.2f}" for name in ("score", "questions", "revealed")]
        rows.append((user, format_rate(part), *numbers, str(part["n"]), str(part["failed"])))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if any("trials" in part for part in summary["users"].values()):
        lines.append("first trial of each task; summary.json has what came of several, by user")
    return [*lines, *_spending(summary)]


def _spending(summary: dict[str, Any]) -> list[str]:
    lines = []
    for who, spent in summary.get("spending", {}).items():
        money = f", {spent['money']:.4f} in money" if spent["money"] else ""
        tokens = f"{spent['prompt_tokens']:,} tokens read, {spent['reply_tokens']:,} written{money}"
        lines.append(f"{who:10s} {spent['calls']:,} calls, {tokens}")
    return lines
