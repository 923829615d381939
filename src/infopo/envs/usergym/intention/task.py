"""An intention task: a vague request and the details it leaves out. Own ones and upstream records."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infopo.core import UserError
from infopo.envs.usergym.upstream import field_of, load_list


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """Something the request leaves out. `importance` 1 to 3; `inquiry` asks for it; `value` is what the user wants."""

    fact: str
    importance: int
    description: str
    inquiry: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """`request` is all that the opening says of it; `details` are hidden, `told` names those that it states."""

    task_id: str
    category: str
    request: str
    details: tuple[Detail, ...]
    told: tuple[str, ...] = ()


def read_task(record: Any, where: str) -> Task:
    """An upstream record; `UserError` names where, the field, and what is wrong with it."""
    texts = {name: field_of(record, name, str, where) for name in ("id", "category", "task")}
    details = []
    for number, given in enumerate(field_of(record, "missing_details", list, where)):
        place = f"{where}, detail {number}"
        importance = field_of(given, "importance", str, place)
        if importance not in ("1", "2", "3"):
            raise UserError(f"{place}: field 'importance' must be '1', '2' or '3', got {importance!r:.60}")
        details.append(
            Detail(
                fact=f"detail_{number}",
                importance=int(importance),
                description=field_of(given, "description", str, place),
                inquiry=field_of(given, "inquiry", str, place),
            )
        )
    return Task(task_id=texts["id"], category=texts["category"], request=texts["task"], details=tuple(details))


def load_records(path: Path) -> list[dict[str, Any]]:
    """The records of an upstream `all_intentions_*.json`, each checked by `read_task`."""
    return load_list(path, read_task)
