"""Who answers the policy: a protocol small enough for a script, a language model, a recording or a person."""

from dataclasses import dataclass
from typing import Protocol

from infopo.core import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class UserReply:
    """What the user said, and the ids of hidden facts that it reveals for the first time."""

    text: str
    revealed: tuple[str, ...] = ()


class User(Protocol):
    """Answers one request, given the conversation so far (both without the hidden goal, which the user keeps)."""

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply: ...
