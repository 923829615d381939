"""Who answers the policy, and who judges it: protocols small enough for a script, a model, a recording or a person."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from infopo.core import InfopoError, Message, ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class UserReply:
    """What the user said, and what that means for the record; all but `text` as in `TurnFacts`.

    `revealed`: ids of hidden facts that this reply reveals for the first time. A reply that withholds reveals nothing.
    """

    text: str
    revealed: tuple[str, ...] = ()
    repeated: bool = False  # the same request was already answered
    useful: bool = False  # the agent asked for something still hidden, and got it


class User(Protocol):
    """Answers one request, given the conversation so far (both without the hidden goal, which the user keeps).

    Raises a `ChatError` where whoever answers broke: the rollout makes it a `Failure`, never a score.
    """

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeRequest:
    """What a judge is asked. Only `answer` was written by the policy: it is data, whatever it says.

    `aliases` are other ways to write `reference`. With `criteria` each of them is marked on its own.
    """

    question: str
    answer: str
    reference: str
    aliases: tuple[str, ...] = ()
    criteria: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`score` in [0, 1]; `success`: nothing is missing. `marks` in [0, 1], one a criterion, in their order."""

    score: float
    success: bool
    marks: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not all(0.0 <= value <= 1.0 for value in (self.score, *self.marks)):
            raise ValueError(f"score and marks of a verdict lie in [0, 1], got {self.score} and {self.marks}")


class Judge(Protocol):
    """Says whether an answer is right. Raises a `ChatError` where it could not find out: that is no verdict."""

    async def judge(self, request: JudgeRequest) -> Verdict: ...


class ChatError(InfopoError):
    """A language model gave no usable reply. The class name becomes the kind of the episode's `Failure`."""


class ChatTransportError(ChatError):
    """The call itself failed: nobody there, a broken connection, a server error, too many requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatReply:
    """All that a language model answered: text, tool calls, and whether it ran into the limit on its length."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    cut_off: bool = False


Check = Callable[[str], object]


class ChatModel(Protocol):
    """A language model that completes a conversation. Raises `ChatError`; what a person must fix is a `UserError`.

    `schema`: a JSON schema of the wanted reply. An endpoint may ignore it, so read the reply tolerantly
    (`infopo.users.json_reply.read_json`). `check` raises `ChatError` for a reply that cannot be used: an endpoint is
    then asked again, and no cache keeps the reply.
    """

    async def complete(
        self, messages: tuple[Message, ...], *, schema: Mapping[str, Any] | None = None, check: Check | None = None
    ) -> str: ...


class RecordedChat:
    """Hands out recorded replies in order, whoever asks, usable or not; None raises `ChatTransportError`. For replays
    and tests.

    `remaining` counts the replies not yet handed out, `asked` keeps the conversations that were asked.
    """

    def __init__(self, replies: Sequence[str | None]) -> None:
        self._replies = tuple(replies)
        self.asked: list[tuple[Message, ...]] = []

    @property
    def remaining(self) -> int:
        """How many replies are left; nulls count."""
        return max(0, len(self._replies) - len(self.asked))

    async def complete(
        self, messages: tuple[Message, ...], *, schema: Mapping[str, Any] | None = None, check: Check | None = None
    ) -> str:
        """The next reply; `ChatError` beyond the last one."""
        if not self.remaining:
            raise ChatError(f"the recording holds {len(self._replies)} replies, and one more was asked for")
        reply = self._replies[len(self.asked)]
        self.asked.append(messages)
        if reply is None:
            raise ChatTransportError("a failed call, as recorded")
        return reply
