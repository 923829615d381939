"""A case while it is worked on: a database of its own, what was done to it, and what the customer was told."""

import copy
import re
from functools import cached_property
from typing import Any

from infopo.envs.usergym.phrases import stems
from infopo.envs.usergym.tau.task import Draft
from infopo.envs.usergym.tau.tools import Call, Database, Tools, execute
from infopo.envs.usergym.tau.words import EXCUSES

_NUMBER = re.compile(r"\d+")


def replayed(draft: Draft, tools: Tools) -> Database:
    """The database as the wanted writes leave a fresh one; `ToolError` where they cannot be executed."""
    database = copy.deepcopy(draft.database)
    for call in draft.gold:
        execute(call, database, tools)
    return database


class Case:
    """Executes calls on a fresh copy of the draft's database. `loose`: see `Rules.loose_outputs`."""

    def __init__(self, draft: Draft, tools: Tools, *, loose: bool) -> None:
        self._draft, self._loose = draft, loose
        self.tools = tools
        self.database: Database = copy.deepcopy(draft.database)
        self.done: list[Call] = []  # writes
        self.told: set[str] = set()  # outputs
        self._looked_at: set[str] = set()  # what calls that went through have named

    def execute(self, call: Call) -> Any:
        """The result of a call; raises `ToolError`."""
        result = execute(call, self.database, self.tools)
        self._looked_at.update(str(value) for value in call.arguments.values())
        if self.tools[call.name].writes:
            self.done.append(call)
        return result

    def hear(self, text: str) -> None:
        """What the agent says to the customer.

        An output counts as told where a statement holds it as a word, and no other one of its kind: prices, excuses.
        And not before the agent has looked at the order or booking that it is about; a call that fails shows nothing.
        """
        if self._loose:
            plain = text.lower().replace(",", "")
            self.told.update(output for output in self._draft.outputs if output.lower() in plain)
        elif "?" not in text and self._draft.about in {"", *self._looked_at}:
            prices, words = self._prices.intersection(_NUMBER.findall(text)), set(stems(text))
            for output in self._draft.outputs:
                kind = prices if output in self._prices else words & (EXCUSES | {output})
                if kind == {output}:
                    self.told.add(output)

    @property
    def informed(self) -> bool:
        """The customer was told everything that they had to be told."""
        return self.told == set(self._draft.outputs)

    @property
    def settled(self) -> bool:
        """What the customer can see: everything that they want is done, and they were told the rest."""
        return self.informed and all(call in self.done for call in self._draft.gold)

    @property
    def right(self) -> bool:
        """The database is as the wanted writes alone leave it, and the customer is informed."""
        return self.informed and self.database == self._goal

    @cached_property
    def _goal(self) -> Database:
        return replayed(self._draft, self.tools)

    @cached_property
    def _prices(self) -> frozenset[str]:
        records = [record for table in self._draft.database.values() for record in table.values()]
        return frozenset(str(record["price"]) for record in records if "price" in record)
