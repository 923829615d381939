"""What a difficulty has to provide: how texts are written, and how the agent's texts are understood."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from infopo.core import Message
from infopo.envs.usergym.travel.task import AspectTask, Preference, Task

Topic = tuple[str, str]  # (aspect, topic)
QuestionKind = Literal["topic", "several", "vague", "talk", "unclear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How an `[action]` message was understood.

    `topics` are the topics it may be about, best match first (kinds `topic` and `several`).
    """

    kind: QuestionKind
    topics: tuple[Topic, ...] = ()


class Dialect(Protocol):
    """The language of one difficulty. Every method is a pure function of its arguments."""

    varies_cues: bool  # which cue a preference is first given away by is drawn, else it is the first of its list
    answers_several: bool  # a question about several topics: answer the best match, or none at all

    def opening(self, task: Task, seed: int) -> tuple[Message, ...]:
        """The first messages; they state the preferences in `task.revealed` and no others."""
        ...

    def listing(self, part: AspectTask) -> str:
        """All options of an aspect, as a search shows them."""
        ...

    def cue(self, preference: Preference, number: int, *, context: str) -> str:
        """The user's `number`-th hint at a preference; `context`: asked | again | several | unasked."""
        ...

    def say(self, key: str, values: Mapping[str, str]) -> str:
        """A fixed reply."""
        ...

    def question(self, text: str, task: Task, mentioned: str | None) -> Question:
        """Understand an `[action]` message; `mentioned` is the aspect that was talked about last."""
        ...

    def search(self, text: str, task: Task) -> str | None:
        """The aspect that a query asks for with all its arguments and nothing else; None: not understood."""
        ...
