"""Dataclasses as plain data and back: typed, and an unknown key is refused with the nearest name."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from infopo.core.errors import UnknownNameError, UserError

T = TypeVar("T")

_WANTED = {dict: "a mapping", tuple: "a list", int: "a whole number", float: "a number", str: "text"}


def to_data(config: Any) -> dict[str, Any]:
    """A dataclass as plain dicts, lists, numbers and text; `from_data` gives an equal one back."""
    data: dict[str, Any] = _plain(dataclasses.asdict(config))
    return data


def from_data(data: Mapping[str, Any], kind: type[T], *, where: str) -> T:
    """A `kind` (a dataclass, nested ones included) from plain data; fields left out take their defaults.

    `where` names the source in errors. Raises `UnknownNameError` for an unknown key, `UserError` naming the dotted
    key for a value of another type.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Config:
    ...     steps: int = 3
    ...     rate: float = 0.1
    >>> from_data({"rate": "1e-6"}, Config, where="config.yaml")
    Config(steps=3, rate=1e-06)
    >>> from_data({"stps": 4}, Config, where="config.yaml")
    Traceback (most recent call last):
    infopo.core.errors.UnknownNameError: unknown key in config.yaml 'stps'; did you mean 'steps'?
    """
    return _build(data, kind, where, "")


def check_complete(data: Mapping[str, Any], kind: type, *, where: str) -> None:
    """Raise `UserError` where `data` leaves out a field of `kind`, as a file that was cut short does."""
    missing = [name for name in typing.get_type_hints(kind) if name not in data]
    if missing:
        raise UserError(f"{where} is not whole: it lacks {', '.join(missing)}; put it back from a copy")


def dotted_names(kind: type) -> list[str]:
    """Every key that `from_data` knows, nested ones with dots, in the order of the fields."""
    names = []
    for name, hint in typing.get_type_hints(kind).items():
        inner = dotted_names(hint) if isinstance(hint, type) and dataclasses.is_dataclass(hint) else []
        names += [f"{name}.{part}" for part in inner] or [name]
    return names


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _build(data: Any, kind: type[T], where: str, prefix: str) -> T:
    if not isinstance(data, Mapping):
        raise UserError(f"{where}: {prefix.rstrip('.') or 'it'} must be a mapping of names to values, got {data!r}")
    hints = typing.get_type_hints(kind)
    for key in data:
        if key not in hints:
            raise UnknownNameError(f"key in {where}", f"{prefix}{key}", [prefix + name for name in hints])
    return kind(**{key: _value(item, hints[key], where, prefix + key) for key, item in data.items()})


def _value(value: Any, hint: Any, where: str, name: str) -> Any:
    """`value` as the type that `hint` asks for. YAML reads `1e-6` as text, so a number may come as text."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in inner:
            return None
        return _either(value, [part for part in inner if part is not type(None)], where, name)
    if dataclasses.is_dataclass(hint):
        return _build(value, typing.cast(type, hint), where, name + ".")
    if origin is typing.Literal and value not in inner:
        raise UnknownNameError(f"{name} in {where}", str(value), [str(part) for part in inner])
    if hint is Any or origin is typing.Literal:
        return value
    if origin is dict and isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return dict(value)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_value(item, inner[0], where, f"{name}[{index}]") for index, item in enumerate(value))
    if hint is float and not isinstance(value, bool):
        try:
            return float(value)
        except (TypeError, ValueError):
            pass
    elif type(value) is hint:
        return value
    raise UserError(f"{where}: {name} must be {_WANTED.get(origin or hint, str(hint))}, got {value!r}")


def _either(value: Any, hints: list[Any], where: str, name: str) -> Any:
    """`value` as the first of these types that takes it; the error is the last one's."""
    for hint in hints[:-1]:
        try:
            return _value(value, hint, where, name)
        except UserError:
            continue
    return _value(value, hints[-1], where, name)
