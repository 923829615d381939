"""What an environment is: single-use, asynchronous, with a random generator of its own."""

import json
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from infopo.core import FeedbackKind, Message, Outcome, TurnFacts, after_thought


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What the policy sees first. `hidden` lists the ids of facts to be found out; it is never rendered."""

    messages: tuple[Message, ...]
    tools: tuple[dict[str, Any], ...] = ()  # JSON schemas in the OpenAI function format
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The answer to one action. `reward` None: this step is not scored."""

    messages: tuple[Message, ...]
    feedback_kind: FeedbackKind
    reward: float | None = None
    done: bool = False
    truncated: bool = False
    facts: TurnFacts | None = None


@runtime_checkable
class Env(Protocol):
    """One episode of one task. Calls, in order: `start` once, `step` until done, `outcome`, `close`.

    After the end `step` raises `RuntimeError`. The outcome scheme scores only `outcome()`.
    """

    env_id: str
    task_id: str
    max_turns: int

    async def start(self) -> Opening: ...

    async def step(self, action: Message) -> Step: ...

    async def outcome(self) -> Outcome: ...

    async def close(self) -> None: ...

    def reference_answer(self) -> str | None: ...

    def state_key(self) -> str | None: ...


@runtime_checkable
class Resampling(Protocol):
    """An environment that knows what else its user could have said: the true marginal of a reply."""

    async def alternatives(self, action: Message, draws: int) -> tuple[tuple[Message, ...], ...] | None:
        """Replies that this action could get, called before `step` with the same action.

        `draws` independent ones, each shaped like the reply of `step`: the hidden goal is drawn afresh from those that
        fit what the policy has seen so far, and so is whatever else is random in a reply. Empty where the reply does
        not depend on anything hidden; None where the environment cannot say what else it could have been, so that the
        turn has no gain. Draws from a generator of its own: nothing else of the episode changes.
        """
        ...


class Expert(Protocol):
    """A scripted policy beside an environment: reads only what a policy sees, returns the next action's text."""

    def act(self, messages: tuple[Message, ...]) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A text action: `[action] ...`, `[search] ...`, `[answer] ...`, `[finish]`; `choice` None: none of them."""

    choice: str | None
    content: str


def parse_action(message: Message) -> Action:
    """Read a text action, or the equal tool call `interact(choice, content)`.

    A thought before the tag (`<think>...</think>`) is skipped, one that never ends says nothing; the tag is
    case-insensitive.

    >>> parse_action(Message(role="assistant", content=" [Search] flights to Rome"))
    Action(choice='search', content='flights to Rome')
    >>> parse_action(Message(role="assistant", content="hello"))
    Action(choice=None, content='hello')
    """
    for call in message.tool_calls:
        if call.name != "interact":
            return Action(choice=None, content=call.arguments)
        try:
            arguments = json.loads(call.arguments)
        except json.JSONDecodeError:
            return Action(choice=None, content=call.arguments)
        if not isinstance(arguments, dict):
            return Action(choice=None, content=call.arguments)
        choice = str(arguments.get("choice", "")).strip().lower()
        return Action(choice=choice if choice in CHOICES else None, content=str(arguments.get("content", "")).strip())
    text = after_thought(message.content).strip()
    for choice in CHOICES:
        if text[: len(choice) + 2].lower() == f"[{choice}]":
            return Action(choice=choice, content=text[len(choice) + 2 :].strip())
    return Action(choice=None, content=text)


CHOICES = ("action", "search", "answer", "finish")

INTERACT_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "interact",
        "description": "Talk to the user, search the database, answer, or finish.",
        "parameters": {
            "type": "object",
            "properties": {
                "choice": {"type": "string", "enum": list(CHOICES)},
                "content": {"type": "string"},
            },
            "required": ["choice", "content"],
        },
    },
}
