"""A search task: a question, its answer, and where to look. Own ones and upstream records."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from infopo.core import UserError
from infopo.envs.usergym.upstream import field_of, load_list


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One result of a search. Recorded ones may lack a part. `fact`: what the opening hides and this tells."""

    title: str | None
    snippet: str | None
    fact: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """`documents` are where own tasks look; `told` are the facts that the opening states, with their sentences."""

    task_id: str
    question: str
    answer: str
    documents: tuple[Hit, ...] = ()
    facts: tuple[str, ...] = ()
    told: tuple[Hit, ...] = ()


class Backend(Protocol):
    """What is searched: ranked hits, best first."""

    def find(self, query: str) -> Sequence[Hit]: ...


class RecordedResults:
    """Hands out recorded results in order, one list a query."""

    def __init__(self, results: object) -> None:
        if not isinstance(results, list) or not all(isinstance(hits, list) for hits in results):
            raise UserError("setting search_results must hold one list of hits a query")
        self._results = [[_read_hit(hit, number) for hit in hits] for number, hits in enumerate(results)]
        self._next = 0

    def find(self, query: str) -> Sequence[Hit]:
        """The next list; `UserError` beyond the last one."""
        if self._next == len(self._results):
            raise UserError(f"{self._next} search results are recorded, and one more was asked for")
        self._next += 1
        return self._results[self._next - 1]


def _read_hit(hit: Any, number: int) -> Hit:
    if not isinstance(hit, dict):
        raise UserError(f"search results {number}: a hit must be a record, got {hit!r:.60}")
    title, snippet = hit.get("title"), hit.get("snippet")
    return Hit(title=None if title is None else str(title), snippet=None if snippet is None else str(snippet))


def read_task(record: Any, where: str) -> Task:
    """An upstream record; `UserError` names where, the field, and what is wrong with it."""
    texts = {name: field_of(record, name, str, where) for name in ("id", "question", "answer")}
    return Task(task_id=texts["id"], question=texts["question"], answer=texts["answer"])


def load_records(path: Path) -> list[dict[str, Any]]:
    """The records of an upstream `questions.json`, each checked by `read_task`."""
    return load_list(path, read_task)
