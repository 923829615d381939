"""Tools: functions over a database with typed arguments, and the calls that an agent writes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Record = dict[str, Any]
Database = dict[str, dict[str, Record]]  # table -> id -> record


class ToolError(ValueError):
    """A call that cannot be executed; the text says why, and is what the agent reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One argument: a text or a whole number, one of `choices` where there are any."""

    name: str
    about: str
    kind: type = str
    choices: tuple[str, ...] = ()

    def check(self, value: Any) -> None:
        """`ToolError` for a value that does not fit."""
        if not isinstance(value, self.kind) or isinstance(value, bool):
            wanted = "a whole number" if self.kind is int else "a text"
            raise ToolError(f"{self.name} must be {wanted}")
        if self.choices and value not in self.choices:
            raise ToolError(f"{self.name} must be one of: {' '.join(self.choices)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """`run` reads or changes a database. `writes`: it changes it; `ends`: it ends the conversation."""

    name: str
    about: str
    parameters: tuple[Parameter, ...]
    run: Callable[..., Any]
    writes: bool = False
    ends: bool = False


Tools = Mapping[str, Tool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call. `arguments` by name."""

    name: str
    arguments: Mapping[str, Any]

    def text(self, *, nano: bool) -> str:
        """As an agent writes it.

        >>> Call(name="get_order", arguments={"order_id": "204"}).text(nano=True)
        'get_order 204'
        """
        if nano:
            return " ".join([self.name, *(str(value) for value in self.arguments.values())])
        return json.dumps({"name": self.name, "arguments": dict(self.arguments)})


def read_call(text: str, tools: Tools, *, nano: bool) -> Call:
    """A JSON object with `name` and `arguments`, or a name, a colon and a JSON object of arguments.

    At difficulty nano also the name and the arguments in their order, as words. `ToolError` for anything else.
    """
    text = text.strip()
    name, colon, rest = text.partition(":")
    words = text.split()
    if text.startswith("{") and text.endswith("}"):
        record = _object(text)
        named, arguments = record.get("name"), record.get("arguments", {})
    elif colon and rest.strip().startswith("{"):
        named, arguments = name.strip(), _object(rest)
    elif nano and words and words[0] in tools:
        named, arguments = words[0], _by_position(words[1:], tools[words[0]])
    else:
        raise ToolError("no tool call")
    if not isinstance(named, str) or not isinstance(arguments, dict):
        raise ToolError("no tool call")
    return Call(name=named, arguments=arguments)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ToolError("no tool call") from error
    if not isinstance(value, dict):
        raise ToolError("no tool call")
    return value


def _by_position(words: list[str], tool: Tool) -> dict[str, Any]:
    if len(words) != len(tool.parameters):
        raise ToolError(f"{tool.name} takes {len(tool.parameters)} words")
    pairs = zip(tool.parameters, words, strict=True)
    return {one.name: int(word) if one.kind is int and word.isdecimal() else word for one, word in pairs}


def execute(call: Call, database: Database, tools: Tools) -> Any:
    """The result of a call, after its arguments are checked; `ToolError` where it cannot be executed."""
    tool = tools.get(call.name)
    if tool is None:
        raise ToolError(f"unknown tool {call.name[:40]}")
    known = {parameter.name: parameter for parameter in tool.parameters}
    for name in call.arguments:
        if name not in known:
            raise ToolError(f"{tool.name} has no argument {name[:40]}")
    for name, parameter in known.items():
        if name not in call.arguments:
            raise ToolError(f"{tool.name} needs the argument {name}")
        parameter.check(call.arguments[name])
    return tool.run(database, **call.arguments)


def row(database: Database, table: str, key: str) -> Record:
    """A record by its id; `ToolError` where there is none."""
    found = database[table].get(key)
    if found is None:
        raise ToolError(f"no {table.removesuffix('s')} {key[:40]}")
    return found


def described(tools: Tools, *, bare: bool) -> str:
    """The list of tools as text; `bare`: without types and choices."""
    lines = []
    for tool in tools.values():
        lines.append(f"{tool.name}: {tool.about}")
        for one in tool.parameters:
            kind = "" if bare else " (whole number)" if one.kind is int else " (text)"
            choices = "" if bare or not one.choices else f", one of {', '.join(one.choices)}"
            lines.append(f"  {one.name}{kind}: {one.about}{choices}")
    return "\n".join(lines)
