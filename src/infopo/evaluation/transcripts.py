"""Conversations that somebody recorded: OpenAI chat messages, one dialogue a line, read one line at a time.

Covers text and tool calls. Does not cover pictures, sound or files inside a message: what a model saw of them cannot be
written as tokens of text.
"""

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, cast, get_args

from infopo.core import Message, Role, ToolCall, UserError

LONGEST_LINE = 1 << 24  # bytes; a longer line would have to be held whole
_ALIASES = {"developer": "system", "function": "tool"}
_ROLES = get_args(Role)


class TranscriptError(UserError):
    """A line that holds no dialogue; the text says file, line, what is wrong and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a file as it stands: its number from 1, the checksum of its bytes, and where it ends in the file.

    The line break is not in the checksum: the last line may have none until more is added.
    `raw` is None for a line longer than `LONGEST_LINE`.
    """

    number: int
    crc: int
    end: int
    raw: bytes | None

    @property
    def blank(self) -> bool:
        """Whether nothing stands in it."""
        return self.raw is not None and not self.raw.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """One dialogue. `name` is its id in the file, or its line; `tools` what was offered, in the OpenAI format."""

    name: str
    messages: tuple[Message, ...]
    tools: tuple[dict[str, Any], ...] = ()


def read_lines(path: str | os.PathLike[str]) -> Iterator[Line]:
    """Every line, in order; at most `LONGEST_LINE` bytes are held. Raises `UserError` for a file that is not there."""
    try:
        file = open(path, "rb")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; give a file with one dialogue a line") from error
    with file:
        number = 0
        while raw := file.readline(LONGEST_LINE + 1):
            number += 1
            crc, whole = zlib.crc32(raw.removesuffix(b"\n")), len(raw) <= LONGEST_LINE
            if not whole:
                crc = _pass_over(file, raw, crc)
            yield Line(number=number, crc=crc, end=file.tell(), raw=raw if whole else None)


def _pass_over(file: BinaryIO, part: bytes, crc: int) -> int:
    """Go to the end of a line of which `part` was read; its checksum."""
    while part and not part.endswith(b"\n"):
        part = file.readline(LONGEST_LINE)
        crc = zlib.crc32(part.removesuffix(b"\n"), crc)
    return crc


def read_transcript(line: Line, path: str | os.PathLike[str]) -> Transcript:
    """The dialogue of a line: `{"messages": [...]}`, with `id` and `tools` if it likes, or a bare list of messages.

    Raises `TranscriptError`: no JSON, a message without role or of another role, no assistant among them, and so on.
    """
    try:
        return _transcript(line)
    except RecursionError as error:
        raise TranscriptError(f"{path}, line {line.number}: its brackets are nested too deep; take it out") from error
    except ValueError as error:
        raise TranscriptError(f"{path}, line {line.number}: {error}") from error


def _transcript(line: Line) -> Transcript:
    if line.raw is None:
        raise ValueError(f"longer than {LONGEST_LINE >> 20} MiB; cut the dialogue into several lines")
    try:
        data = json.loads(line.raw.decode())
    except ValueError as error:
        raise ValueError(f"not JSON ({error}); mend the line or take it out") from error
    entry: Mapping[str, Any] = {"messages": data} if isinstance(data, list) else data
    if not isinstance(entry, dict) or not isinstance(entry.get("messages"), list):
        raise ValueError('no dialogue; write {"messages": [...]}, or the list of messages alone')
    messages = tuple(_message(item, number) for number, item in enumerate(entry["messages"], start=1))
    if not any(message.role == "assistant" for message in messages):
        raise ValueError("no assistant message, so nothing was done with any reply; take the line out")
    tools = entry.get("tools") or []
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise ValueError("tools must be a list of objects in the OpenAI function format")
    name = entry.get("id")
    return Transcript(
        name=f"line {line.number}" if name is None else _text(str(name)), messages=messages, tools=tuple(tools)
    )


def _message(item: Any, number: int) -> Message:
    if not isinstance(item, dict):
        raise ValueError(f"message {number} is no object; write role and content")
    role = item.get("role")
    role = _ALIASES.get(role, role) if isinstance(role, str) else role
    if role not in _ROLES:
        told = "has no role" if role is None else f"has the role {str(role)[:40]!r}"
        raise ValueError(f"message {number} {told}; write one of {', '.join(_ROLES)}")
    calls = item.get("tool_calls") or []
    if not calls and item.get("function_call") is not None:  # what tool calls were at first: one, without an id
        calls = [{"function": item["function_call"]}]
    if calls and role != "assistant":
        raise ValueError(f"message {number} has tool_calls, but its role is {role}; only an assistant calls tools")
    if not isinstance(calls, list):
        raise ValueError(f"message {number}: tool_calls must be a list")
    content = _content(item.get("content"), number)
    if role == "assistant" and not calls and not content:
        raise ValueError(
            f"message {number} says nothing and calls no tool; write what the assistant did, or take it out"
        )
    return Message(
        role=cast(Role, role),
        content=content,
        tool_calls=tuple(_call(call, f"{number}-{place}", number) for place, call in enumerate(calls, start=1)),
        tool_call_id=str(item["tool_call_id"]) if role == "tool" and "tool_call_id" in item else None,
        name=_text(str(item["name"])) if item.get("name") is not None else None,
    )


def _content(content: Any, number: int) -> str:
    """Text, nothing (beside tool calls), or a list of parts that are text."""
    if content is None:
        return ""
    if isinstance(content, str):
        return _text(content)
    if not isinstance(content, list):
        raise ValueError(f"message {number}: content must be text or a list of parts")
    parts = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind != "text" or not isinstance(part.get("text"), str):
            raise ValueError(
                f"message {number} holds a part of type {str(kind)[:40]!r}; only text can be scored: take the part out"
            )
        parts.append(_text(part["text"]))
    return "".join(parts)


def _call(call: Any, usual_id: str, number: int) -> ToolCall:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise ValueError(f'message {number}: a tool call needs {{"function": {{"name": ..., "arguments": ...}}}}')
    arguments = function.get("arguments", "{}")
    written = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return ToolCall(id=str(call.get("id") or usual_id), name=_text(function["name"]), arguments=_text(written))


def _text(text: str) -> str:
    """Half a surrogate pair, which JSON can spell and no text can hold, becomes the replacement character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
