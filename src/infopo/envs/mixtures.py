"""Mixtures of environments: what their names mean, whose turn it is, whose option is meant. Loads no environment.

A mixture is `usergym/all-train`, `usergym/all-test`, or ids with weights: `usergym/travel:2,toy/slots:1`. Weights are
whole numbers, 1 where none is given; a mixture takes turns in proportion to them.
"""

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from infopo.core import UnknownNameError, UserError

# The published training mix, in the proportions of its 2,426 rows; and all eight gyms alike: each gets its own figures.
MIXTURES: dict[str, dict[str, int]] = {
    "usergym/all-train": {
        "usergym/travel": 925,
        "usergym/turtle": 423,
        "usergym/persuade": 378,
        "usergym/function": 200,
        "usergym/tau": 500,
    },
    "usergym/all-test": {
        "usergym/travel": 1,
        "usergym/turtle": 1,
        "usergym/persuade": 1,
        "usergym/function": 1,
        "usergym/tau": 1,
        "usergym/intention": 1,
        "usergym/telepathy": 1,
        "usergym/search": 1,
    },
}


def read_mixture(env_id: str) -> dict[str, int] | None:
    """Weights by member, in order; None where the id is that of a single environment.

    Raises `UserError` for a weight that is none, an empty part, a member named twice, a mixture in a mixture.

    >>> read_mixture("toy/slots:2, usergym/travel")
    {'toy/slots': 2, 'usergym/travel': 1}
    >>> read_mixture("toy/slots") is read_mixture("my_module:SPEC") is None
    True
    """
    if env_id in MIXTURES:
        return dict(MIXTURES[env_id])
    if "," not in env_id and not _weighted(env_id):
        return None
    weights: dict[str, int] = {}
    for part in (piece.strip() for piece in env_id.split(",")):
        name, weight = _weighted(part) or (part, "1")
        if not name:
            raise UserError(f"mixture {env_id!r} has an empty part; write it as usergym/travel:2,toy/slots:1")
        if not weight.isdecimal() or int(weight) < 1:
            raise UserError(f"mixture {env_id!r}: the weight of {name} must be a whole number from 1, got {weight}")
        if name in MIXTURES:
            raise UserError(f"mixture {env_id!r}: {name} is a mixture itself; name its members")
        if name in weights:
            raise UserError(f"mixture {env_id!r} names {name} twice; give it one weight")
        weights[name] = int(weight)
    return weights


def _weighted(part: str) -> tuple[str, str] | None:
    """Name and weight, where a number follows the last colon; what else follows it is the spec of a module."""
    name, colon, weight = part.rpartition(":")
    return (name.strip(), weight.strip()) if colon and re.fullmatch(r"\s*[-+]?[\d.]+\s*", weight) else None


@functools.lru_cache(maxsize=8)
def turns(weights: tuple[int, ...]) -> tuple[int, ...]:
    """Whose turn it is, over one cycle of as many turns as the weights add up to: spread as evenly as they can be.

    >>> turns((2, 1))
    (0, 1, 0)
    """
    total = sum(weights)
    credit = [0] * len(weights)
    order = []
    for _ in range(total):
        credit = [held + weight for held, weight in zip(credit, weights, strict=True)]
        chosen = credit.index(max(credit))
        credit[chosen] -= total
        order.append(chosen)
    return tuple(order)


def member_options(env_id: str, known: Mapping[str, Iterable[str]], options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The options of each member; `known` are the names that each has.

    `NAME` goes to every member that has it, `MEMBER.NAME` to that member alone, and wins. Raises `UnknownNameError`
    for an option that no member has, and for a member that there is not.

    >>> member_options("a,b", {"a": ["x", "y"], "b": ["x"]}, {"x": 1, "y": 2, "b.x": 3})
    [{'x': 1, 'y': 2}, {'x': 3}]
    """
    names = {member: set(fields) for member, fields in known.items()}
    shared: dict[str, dict[str, Any]] = {member: {} for member in names}
    own: dict[str, dict[str, Any]] = {member: {} for member in names}
    for name, value in options.items():
        member, dot, field = name.rpartition(".")
        if not dot and not any(field in fields for fields in names.values()):
            raise UnknownNameError(f"option of every member of {env_id}", name, sorted(set().union(*names.values())))
        if dot and member not in names:
            raise UnknownNameError(f"member of {env_id}", member, list(names))
        if dot and field not in names[member]:
            raise UnknownNameError(f"option of {member}", field, sorted(names[member]))
        for one in [member] if dot else [one for one, fields in names.items() if field in fields]:
            (own if dot else shared)[one][field] = value
    return [shared[member] | own[member] for member in names]


def folder_name(env_id: str) -> str:
    """An id as the name of a folder.

    >>> folder_name("toy/slots:2,usergym/travel")
    'toy-slots-2-usergym-travel'
    """
    return re.sub(r"[^\w.]+", "-", env_id)
