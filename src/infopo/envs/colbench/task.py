"""What a task is: a vague request for a function, the facts that it leaves out, and calls that test an answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Value = str | int
Facts = Mapping[str, Value]  # fact -> what the user wants


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something the request leaves out. `topic` and `words` (split by `|`) are what a question may call it.

    `says`: what it may be, and how the user says so; the texts of a family are all different, none within another.
    """

    name: str
    topic: str
    words: str = ""
    says: Mapping[Any, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Functions that one request may mean. `make(**facts)` is the reference, `write(**facts)` the same as source text.

    The two are written apart and must agree: neither is ever made from the other. `inputs` are ten argument lists on
    which no two of the functions agree everywhere.
    """

    function: str
    parameters: str
    request: str
    facts: tuple[Fact, ...]
    make: Callable[..., Callable[..., Any]]
    write: Callable[..., str]
    inputs: tuple[tuple[Any, ...], ...]

    @property
    def calls(self) -> tuple[str, ...]:
        """The tests as expressions, such as `shipping(3, True)`."""
        return tuple(f"{self.function}({', '.join(map(repr, given))})" for given in self.inputs)

    def expected(self, facts: Facts) -> tuple[Any, ...]:
        """What the reference gives for each call."""
        function = self.make(**facts)
        return tuple(function(*given) for given in self.inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """An own task. `answers`: what the user says of each fact; `told` names those that the opening states."""

    task_id: str
    family: Family
    facts: Facts
    answers: Mapping[str, str]
    told: tuple[str, ...] = ()
