"""What our environments share: phases, limits, rewards, and answers in the role that the action calls for."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from infopo.core import FeedbackKind, Message, Outcome, TurnFacts, UserError
from infopo.envs.base import Action, Opening, Step

NO_INFORMATION = "No information found."


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The answer to one action before the limit is applied to it. `truncated` None: at the limit, unless it is done.

    `text` None: nobody answers an action that ends the episode.
    """

    text: str | None
    kind: FeedbackKind
    facts: TurnFacts
    reward: float = 0.0
    done: bool = False
    truncated: bool | None = None


class Episode(ABC):
    """One episode: a subclass says what opens it (`_open`) and what an action does (`_execute`).

    `pays`: steps carry their reward (scheme `upstream`), else None (scheme `outcome`).
    """

    env_id: str

    def __init__(self, *, task_id: str, max_turns: int, pays: bool) -> None:
        self.task_id = task_id
        self.max_turns = max_turns
        self.pays = pays
        self._turns = 0  # actions so far, the one being executed included
        self._messages: list[Message] = []
        self._phase = "new"  # new, running, over

    @abstractmethod
    def _open(self) -> Opening: ...

    @abstractmethod
    async def _execute(self, action: Message) -> Result: ...

    @abstractmethod
    async def outcome(self) -> Outcome:
        """The final score."""

    async def start(self) -> Opening:
        """What the policy sees first; `RuntimeError` on a second call."""
        if self._phase != "new":
            raise RuntimeError(f"{self.task_id}: an environment starts once; make a new one for another episode")
        self._phase = "running"
        opening = self._open()
        self._messages += opening.messages
        return opening

    async def step(self, action: Message) -> Step:
        """Execute one action; `RuntimeError` before the start and after the end."""
        if self._phase != "running":
            when = "has not started" if self._phase == "new" else "is over; make a new environment for another one"
            raise RuntimeError(f"{self.task_id}: the episode {when}")
        self._turns += 1
        result = await self._execute(action)
        truncated = self._at_limit and not result.done if result.truncated is None else result.truncated
        if result.done or truncated:
            self._phase = "over"
        answers = () if result.text is None else answer_messages(action, result.text)
        self._messages += [action, *answers]
        return Step(
            messages=answers,
            feedback_kind=result.kind,
            reward=result.reward if self.pays else None,
            done=result.done,
            truncated=truncated,
            facts=result.facts,
        )

    async def close(self) -> None:
        """Nothing to release; no step is taken afterwards."""
        self._phase = "over"

    @property
    def _at_limit(self) -> bool:
        return self._turns >= self.max_turns


@runtime_checkable
class Marginal(Protocol):
    """A script that knows what else it could have said."""

    def alternatives(self, request: Action, draws: int, turn: int) -> list[str]:
        """See `Resampling`; `turn` makes the draws of one turn differ from those of another."""
        ...


def resampled(
    env_id: str, user: object, action: Message, request: Action, draws: int, turn: int
) -> tuple[tuple[Message, ...], ...]:
    """What `Resampling` asks for, where a script is the user; `UserError` where somebody else is."""
    if not isinstance(user, Marginal):
        raise UserError(f"{env_id}: only the plain scripted user knows what else it could have said")
    return tuple(answer_messages(action, text) for text in user.alternatives(request, draws, turn))


def drawn(draws: int, generator: random.Random, unanswered: float, say: Callable[[float], str]) -> list[str]:
    """Replies of a script that is silent by chance and else says `say(wording)`."""
    return [NO_INFORMATION if generator.random() < unanswered else say(generator.random()) for _ in range(draws)]


def answer_messages(action: Message, text: str) -> tuple[Message, ...]:
    """The answer in the role that the action calls for: a tool call is answered by a tool message.

    Only the first call of a message is executed; chat formats want an answer to every one.
    """
    if not action.tool_calls:
        return (Message(role="user", content=text),)
    spare = "only one call a turn"
    return tuple(
        Message(role="tool", content=text if k == 0 else spare, tool_call_id=call.id, name=call.name)
        for k, call in enumerate(action.tool_calls)
    )
