"""A trip as the published gym plays it: from an upstream record, or from a task of our own bank."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infopo.core import Message, UserError, derive_random
from infopo.envs.usergym.travel.dialect import Dialect
from infopo.envs.usergym.travel.options import ENV_ID
from infopo.envs.usergym.travel.standard import SYSTEM
from infopo.envs.usergym.travel.task import Task
from infopo.envs.usergym.travel.words import ASPECTS
from infopo.envs.usergym.upstream import field_of, load_json

GROUPS = ("correct", "wrong", "noise")
PRIVATE = frozenset({"type", "reason"})  # fields of an option that are not shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A hidden preference. `text` says it outright, `cue` gives it away; both are empty where a script knows them."""

    fact: str
    aspect: str
    text: str = ""
    cue: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One aspect: `arguments` as JSON, the best option, all that fit (the best one included), what a search shows."""

    aspect: str
    arguments: str
    best: str
    correct: tuple[str, ...]
    listing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A whole task. `scenario`: the hidden story; `opening`: what the policy is told."""

    task_id: str
    scenario: str
    opening: tuple[Message, ...]
    parts: tuple[Part, ...]
    wishes: tuple[Wish, ...]

    def part(self, aspect: str) -> Part | None:
        """The part about an aspect, if there is one."""
        return next((part for part in self.parts if part.aspect == aspect), None)


def trip_of(task: Task, dialect: Dialect, seed: int) -> Trip:
    """A task of our own; what its opening states is no hidden wish."""
    parts = tuple(
        Part(
            aspect=part.aspect,
            arguments=json.dumps(dict(part.arguments)),
            best=part.best.option_id,
            correct=tuple(option.option_id for option in part.fitting),
            listing=dialect.listing(part),
        )
        for part in task.aspects
    )
    wishes = tuple(Wish(fact=p.fact, aspect=p.aspect) for p in task.preferences if p.fact not in task.revealed)
    opening = dialect.opening(task, seed)
    return Trip(task_id=task.task_id, scenario="", opening=opening, parts=parts, wishes=wishes)


def read_trip(record: Any, where: str) -> Trip:
    """An upstream record; `UserError` names where, the field, and what is wrong with it.

    Preferences are numbered over the aspects in their order; an entry of fewer than four items does not exist.
    """
    texts = {name: field_of(record, name, str, where) for name in ("id", "scenario", "initial_description")}
    parts: list[Part] = []
    wishes: list[Wish] = []
    for name in field_of(record, "dimensions", list, where):
        if name not in ASPECTS:
            raise UserError(f"{where}: field 'dimensions' may hold {', '.join(ASPECTS)}, got {name!r:.60}")
        block = field_of(record, name, dict, where)
        place = f"{where}, {name}"
        for number, entry in enumerate(field_of(block, "preferences", list, place)):
            if not isinstance(entry, list) or not all(isinstance(item, str) for item in entry[:4]):
                raise UserError(f"{place}: preference {number} must be a list of texts, got {entry!r:.60}")
            if len(entry) >= 4:
                wishes.append(Wish(fact=f"P{len(wishes) + 1}", aspect=name, text=entry[2], cue=entry[3]))
        parts.append(_read_part(name, block, texts["id"], place))
    if not parts:
        raise UserError(f"{where}: field 'dimensions' is empty")
    request = Message(role="user", content=texts["initial_description"])
    return Trip(
        task_id=texts["id"],
        scenario=texts["scenario"],
        opening=(Message(role="system", content=SYSTEM), request),
        parts=tuple(parts),
        wishes=tuple(wishes),
    )


def _read_part(aspect: str, block: Any, task_id: str, place: str) -> Part:
    groups = field_of(block, "options", dict, place)
    options = []
    for group in GROUPS:
        for number, option in enumerate(field_of(groups, group, list, place)):
            field_of(option, "id", str, f"{place}, {group} option {number}")
            options.append({name: value for name, value in option.items() if name not in PRIVATE})
    correct = field_of(block, "correct_ids", list, place)
    best = field_of(block, "best_id", str, place)
    known = [option["id"] for option in options]
    for one in (best, *correct):
        if one not in known:
            raise UserError(f"{place}: {one!r:.60} is best or correct, and is no option")
    # the published gym draws an order from a global generator
    derive_random(ENV_ID, "upstream-order", task_id, aspect).shuffle(options)
    return Part(
        aspect=aspect,
        arguments=json.dumps(field_of(block, "arguments", dict, place), ensure_ascii=False),
        best=best,
        correct=tuple(dict.fromkeys((best, *correct))),
        listing=_listing(aspect, options),
    )


def _listing(aspect: str, options: Sequence[dict[str, Any]]) -> str:
    fields = dict.fromkeys(name for option in options for name in option)
    title = aspect.replace("_", " ")
    lines = [f"The search was successful. An option has the fields: {', '.join(fields)}.", "", f"Options, {title}:"]
    return "\n".join([*lines, *(json.dumps(option, ensure_ascii=False) for option in options)])


def load_records(path: Path) -> list[dict[str, Any]]:
    """The records of an upstream `travelgym_data_*.json`, a dictionary by scenario id, each checked by `read_trip`."""
    content = load_json(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a dictionary of records by id, got {type(content).__name__}")
    records = []
    for key, given in content.items():
        if not isinstance(given, dict):
            raise UserError(f"{path}, record {key}: expected a record, got {type(given).__name__}")
        records.append({"id": key, **given})
        read_trip(records[-1], f"{path}, record {key}")
    return records
