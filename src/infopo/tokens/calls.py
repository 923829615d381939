"""Reads tool calls out of the text of a sampled action.

Two spellings are known: `<tool_call>{"name": ..., "arguments": {...}}</tool_call>` (Hermes, Qwen) and an answer that is
nothing but such an object, or a list of them, with `arguments` or `parameters` (Llama 3.1, Mistral).
"""

import hashlib
import json
import re
from collections.abc import Iterator

from infopo.core import ToolCall, after_thought

_TAGGED = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


def parse_calls(text: str) -> tuple[str, tuple[ToolCall, ...]]:
    """Split the text of an action into what was said and what was called.

    One malformed call makes the whole text plain: a half-understood action must not reach an environment. Nothing
    inside a thought counts; an unfinished thought holds everything.

    >>> said = 'Let me look.\\n<tool_call>{"name": "find", "arguments": {"city": "Rome"}}</tool_call>'
    >>> text, calls = parse_calls(said)
    >>> text, calls[0].name, calls[0].arguments
    ('Let me look.', 'find', '{"city": "Rome"}')
    """
    thought, body = _split_thought(text)
    tagged = _TAGGED.findall(body)
    if tagged:
        spoken = thought + _TAGGED.sub("", body)
        sources = tagged
    elif body.strip()[:1] in ("{", "["):
        spoken = thought
        sources = [body]
    else:
        return text, ()
    try:
        found = [call for source in sources for call in _read(source)]
    except (ValueError, RecursionError):  # RecursionError: thousands of nested brackets are malformed, too
        return text, ()
    calls = tuple(
        ToolCall(id=_call_id(text, index), name=name, arguments=arguments)
        for index, (name, arguments) in enumerate(found)
    )
    return (spoken.strip(), calls) if calls else (text, ())


def _split_thought(text: str) -> tuple[str, str]:
    """The thought with its tags, and the rest: none where a thought that never ends stands before the first call."""
    body = after_thought(text)
    thinks, calls = body.find("<think>"), body.find("<tool_call>")
    if not body or 0 <= thinks < calls:
        return text, ""
    return text[: len(text) - len(body)], body


def _call_id(text: str, index: int) -> str:
    """Nine letters and digits (the one form that every published template accepts), a pure function of the text."""
    return hashlib.blake2b(f"{index}:{text}".encode(errors="surrogatepass"), digest_size=8).hexdigest()[:9]


def _read(source: str) -> Iterator[tuple[str, str]]:
    """Names and raw argument texts of one object, or of a list of objects; `ValueError` where it is neither."""
    source = source.strip()
    if not source.startswith("["):
        yield _read_call(source)
        return
    end = 1
    while True:
        start = _skip(source, end)
        _, end = _DECODER.raw_decode(source, start)
        yield _read_call(source[start:end])
        end = _skip(source, end)
        if source[end:] == "]":
            return
        if source[end : end + 1] != ",":
            raise ValueError("a list of calls needs ',' or ']'")
        end += 1


def _read_call(source: str) -> tuple[str, str]:
    if not isinstance(json.loads(source), dict):
        raise ValueError("a call is a JSON object")
    raw = dict(_fields(source))
    name = json.loads(raw.get("name", "null"))
    arguments = raw.get("arguments", raw.get("parameters", "null"))
    value = json.loads(arguments)
    if isinstance(value, str):  # some models write the arguments as JSON inside a string
        arguments, value = value, json.loads(value)
    if not isinstance(name, str) or not name or not isinstance(value, dict):
        raise ValueError("a call needs a name and an object of arguments")
    return name, arguments


def _fields(source: str) -> Iterator[tuple[str, str]]:
    """Keys of a well-formed object with the text of their values exactly as written."""
    end = _skip(source, 1)
    while source[end] != "}":
        key, end = _DECODER.raw_decode(source, _skip(source, end))
        start = _skip(source, _skip(source, end) + 1)  # past the colon
        _, end = _DECODER.raw_decode(source, start)
        yield key, source[start:end]
        end = _skip(source, end)
        if source[end] == ",":
            end = _skip(source, end + 1)


def _skip(source: str, position: int) -> int:
    match = _SPACE.match(source, position)
    return match.end() if match else position
