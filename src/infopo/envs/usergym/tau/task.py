"""A customer-service task: what the customer knows, the database, and what has to be done. Records and their files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infopo.core import UserError
from infopo.envs.usergym.tau.options import DOMAINS
from infopo.envs.usergym.tau.tools import Call, Database
from infopo.envs.usergym.upstream import field_of, load_list


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a domain draws. `facts`: slot to what the customer knows, in the order in which it is usually told.

    `database` is read-only: a desk works on a copy. `gold` are the writes that are wanted, `outputs` what the customer
    must be told. `about`: the order or booking that it is all about, where that is known.
    """

    facts: Mapping[str, str]
    user_id: str
    database: Database
    gold: tuple[Call, ...] = ()
    outputs: tuple[str, ...] = ()
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """`told`: slots that the opening states. `opening`: the first utterance where one was recorded."""

    task_id: str
    domain: str
    draft: Draft
    told: tuple[str, ...] = ()
    instruction: str = ""
    opening: str = ""

    @property
    def hidden(self) -> tuple[str, ...]:
        """The slots that have to be asked for."""
        return tuple(slot for slot in self.draft.facts if slot not in self.told)

    def reference(self, *, nano: bool) -> str:
        """The wanted writes as text, else what has to be told."""
        draft = self.draft
        return "; ".join(call.text(nano=nano) for call in draft.gold) or f"tell {' '.join(draft.outputs)}"


def domain_of(task_id: str) -> str:
    """By the published rule: what names retail is retail, everything else is airline."""
    return "retail" if "retail" in task_id else "airline"


def record_of(task: Task) -> dict[str, Any]:
    """A task in the published form, and the database beside it: the published tasks share one."""
    draft = task.draft
    actions = [{"name": call.name, "kwargs": dict(call.arguments)} for call in draft.gold]
    inner = {
        "user_id": draft.user_id,
        "actions": actions,
        "instruction": task.instruction,
        "outputs": list(draft.outputs),
    }
    info = {"task": inner, "source": "user", "user_cost": None, "reward_info": None}
    return {"id": task.task_id, "obs": task.opening, "info": info, "database": draft.database}


def read_task(record: Any, where: str) -> Task:
    """A record in the published form, with its database if it has one; `UserError` names where, and the field."""
    task_id, opening = (field_of(record, name, str, where) for name in ("id", "obs"))
    inner = field_of(field_of(record, "info", dict, where), "task", dict, f"{where}, info")
    place = f"{where}, info.task"
    gold = []
    for number, action in enumerate(field_of(inner, "actions", list, place)):
        name = field_of(action, "name", str, f"{place}, action {number}")
        gold.append(Call(name=name, arguments=field_of(action, "kwargs", dict, f"{place}, action {number}")))
    outputs = field_of(inner, "outputs", list, place)
    if not all(isinstance(output, str) for output in outputs):
        raise UserError(f"{place}: field 'outputs' must hold texts, got {outputs!r:.60}")
    database: Database = field_of(record, "database", dict, where) if "database" in record else {}
    return Task(
        task_id=task_id,
        domain=domain_of(task_id),
        draft=Draft(
            facts={},
            user_id=field_of(inner, "user_id", str, place),
            database=database,
            gold=tuple(gold),
            outputs=tuple(outputs),
        ),
        instruction=field_of(inner, "instruction", str, place),
        opening=opening,
    )


def check_database(database: Database, fields: Mapping[str, tuple[str, ...]], where: str) -> None:
    """`UserError` for a table or a field that the tools of a domain need and that is not there."""
    for table, names in fields.items():
        for key, record in field_of(database, table, dict, where).items():
            for name in names:
                if not isinstance(record, dict) or name not in record:
                    raise UserError(f"{where}: {table} {key!r:.40} has no field {name!r}")


def load_records(path: Path) -> list[dict[str, Any]]:
    """The records of an upstream `tau_train.json` or `tau_test.json`, each checked by `read_task`.

    They carry ids, first utterances and wanted actions; the database that they are about is tau-bench's, not here.
    """
    seen: set[str] = set()

    def read(record: Any, where: str) -> None:
        task = read_task(record, where)
        if task.task_id in seen or not any(domain in task.task_id for domain in DOMAINS):
            what = "is there twice" if task.task_id in seen else f"names none of the domains {', '.join(DOMAINS)}"
            raise UserError(f"{where}: field 'id': {task.task_id!r:.60} {what}")
        seen.add(task.task_id)

    return load_list(path, read)
