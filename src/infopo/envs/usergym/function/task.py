"""A function task: a formula, the numbers it is asked for, and the expected result. Own ones and upstream records."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infopo.core import UserError
from infopo.envs.usergym.function.formula import read_formula
from infopo.envs.usergym.upstream import field_of, load_list


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """`expected` is what `rule` gives for `test_case`."""

    task_id: str
    rule: str
    test_case: tuple[int, ...]
    expected: float


def read_task(record: Any, where: str) -> Task:
    """An upstream record; `UserError` names where, the field, and what is wrong with it."""
    task_id = field_of(record, "id", str, where)
    rule = field_of(record, "rule", str, where)
    test_case = field_of(record, "test_case", list, where)
    if len(test_case) != 4 or not all(type(number) is int for number in test_case):
        raise UserError(f"{where}: field 'test_case' must hold four whole numbers, got {test_case!r:.60}")
    try:
        read_formula(rule)
    except UserError as error:
        raise UserError(f"{where}: field 'rule': {error}") from error
    expected = float(field_of(record, "expected_result", float, where))
    return Task(task_id=task_id, rule=rule, test_case=tuple(test_case), expected=expected)


def load_records(path: Path) -> list[dict[str, Any]]:
    """The records of an upstream `functions.json`, each checked by `read_task`."""
    return load_list(path, read_task)
