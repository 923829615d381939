"""Tables of `summary.json`: what changed between two evaluations."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

MISSING = "-"
ROWS = (
    ("questions asked", "questions"),
    ("repeated questions", "repeated"),
    ("hidden facts", "hidden"),
    ("turns", "turns"),
    ("score", "score"),
)


def comparison_table(summary: Mapping[str, Any], *, title: str = "") -> Table:
    """Before and after, one row a number; what was not measured is a dash."""
    parts = [summary.get("before") or {}, summary.get("after") or {}]
    table = Table(title=title or None, title_justify="left")
    table.add_column("per episode, on unseen tasks")
    table.add_column("before", justify="right")
    table.add_column("after", justify="right")
    table.add_row("success (95 % interval)", *(format_rate(part) for part in parts))
    for label, name in ROWS:
        if any(part.get(name) is not None for part in parts):
            table.add_row(label, *(_number(part.get(name)) for part in parts))
    for env_id, name in dict.fromkeys((e, n) for p in parts for e, rates in p.get("floors", {}).items() for n in rates):
        rates = [part.get("floors", {}).get(env_id, {}).get(name) for part in parts]
        shown = [MISSING if rate is None else f"{100 * rate:.1f} %" for rate in rates]
        table.add_row(f"floor of {env_id}: {name}", *shown)
    table.add_row("episodes counted", *(str(part.get("n", MISSING)) for part in parts))
    if any(part.get("failed") for part in parts):
        table.add_row("episodes that broke", *(str(part.get("failed", MISSING)) for part in parts))
    return table


def format_rate(part: Mapping[str, Any]) -> str:
    """A success rate with its interval.

    >>> format_rate({"success": 0.835, "ci95": [0.7772, 0.8802]})
    '83.5 % (77.7 to 88.0)'
    """
    if part.get("success") is None:
        return MISSING
    text = f"{100 * part['success']:.1f} %"
    if part.get("ci95") is None:
        return text
    low, high = part["ci95"]
    return f"{text} ({100 * low:.1f} to {100 * high:.1f})"


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{value:.2f}"
