"""One recorded episode as a conversation, the gain of each reply beside it. Reads nothing under `private`."""

import re
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

# Terminal control sequences: CSI, OSC and the like (ended, or cut off at the end of the text), two-byte escapes.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
# Control characters except tab and newline, and those that turn the direction of text around.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
NAMES = {"system": "system", "user": "user", "assistant": "agent", "tool": "tool"}
_STYLES = {"system": "dim", "user": "cyan", "assistant": "bold", "tool": "magenta"}


def clean_text(text: str) -> str:
    """Text that a terminal shows as text: no escape sequences, no control characters, newlines and tabs kept.

    >>> clean_text("a\\x1b[31mred\\x1b[0m\\x07b")
    'aredb'
    """
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))


def render_dialogue(
    record: dict[str, Any], *, title: str = "", gains: Sequence[float | None] | None = None
) -> RenderableType:
    """A trajectory record (`core.trajectory_to_record`) for a terminal.

    `gains`, one a turn, replace those in the record. A gain stands beside the reply that it belongs to; a reply
    without one (the last one, or not measured) has an empty place there.
    """
    turns = record["turns"]
    values = [turn["gain"] for turn in turns] if gains is None else list(gains)
    if len(values) != len(turns):
        raise ValueError(f"{len(values)} gains for {len(turns)} turns")
    replies = {turn["action_message"] + 1: value for turn, value in zip(turns, values, strict=True)}
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    for index, message in enumerate(record["messages"]):
        role = message["role"]
        style = _STYLES.get(role, "")
        text = Text(clean_text(said(message)), style=style)
        table.add_row(Text(NAMES.get(role, "other"), style=style), text, _gain(replies.get(index)))
    parts: list[RenderableType] = [Rule(Text(clean_text(title)), style="dim")] if title else []
    return Group(*parts, table, _verdict(record))


def said(message: dict[str, Any]) -> str:
    """What a message says: its content, then its tool calls, one a line."""
    calls = [f"{call['function']['name']}({call['function']['arguments']})" for call in message.get("tool_calls", ())]
    return "\n".join([part for part in (message["content"], *calls) if part])


def _gain(value: float | None) -> Text:
    if value is None:
        return Text("")
    return Text(f"gain {value:+.2f}", style="green" if value > 0 else "red")


def _verdict(record: dict[str, Any]) -> Text:
    if record["failure"] is not None:
        kind, where = record["failure"]["kind"], record["failure"]["where"]
        return Text(clean_text(f"broke off: {kind} in {where}"), style="yellow")
    good = bool(record["success"])
    text = f"{'success' if good else 'no success'}, score {record['score']:.2f}, {len(record['turns'])} turns"
    return Text(text, style="bold green" if good else "bold red")
