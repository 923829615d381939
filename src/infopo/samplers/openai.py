"""A hosted model behind the sampler's face: messages go out, text and tool calls come back. For evaluation.

The endpoint is reached by a `Chat`; `infopo.users.llm.LLMChat` is one, with retries, limits and a cache. Limits: no
log-probabilities and no tokens of the model's own (see `infopo.tokens.plain_bytes`), so nothing here can be trained on
or scored; a thought that the endpoint keeps apart from the answer is not recorded.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from infopo.core import Failure, Message, ToolCall, boundary
from infopo.core.together import all_or_error
from infopo.samplers.base import Generated, Request
from infopo.tokens.plain_bytes import byte_renderer

UNLIMITED = 1 << 30  # how long a history may get is the endpoint's business


class Reply(Protocol):
    """What came back: `cut_off` where it ran into the limit on its length."""

    @property
    def text(self) -> str: ...

    @property
    def calls(self) -> tuple[ToolCall, ...]: ...

    @property
    def cut_off(self) -> bool: ...


class Chat(Protocol):
    """Writes the next message. Raises `UserError` where every further request would fail as well."""

    async def write(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Mapping[str, Any]],
        max_tokens: int,
        temperature: float,
        draw: int,
    ) -> Reply: ...


class OpenAISampler:
    """Asks `chat` for every action, all of a turn at once; at `temperature` 0 equal histories get equal requests."""

    def __init__(self, chat: Chat, *, temperature: float) -> None:
        self.chat = chat
        self.temperature = temperature
        self.renderer = byte_renderer()
        self.max_length = UNLIMITED

    def open(self, slots: int) -> "OpenAISession":
        """A session; the endpoint keeps nothing between requests."""
        return OpenAISession(self)


class OpenAISession:
    """Has no cache and no log-probabilities."""

    cache = None

    def __init__(self, sampler: OpenAISampler) -> None:
        self.sampler = sampler

    def stored(self, slot: int) -> tuple[int, ...]:
        """Nothing is stored."""
        return ()

    async def generate(self, requests: Sequence[Request]) -> list[Generated | Failure]:
        """One action for every request; a `Failure` where the endpoint gave none."""
        return await all_or_error(self._write(request) for request in requests)

    async def _write(self, request: Request) -> Generated | Failure:
        sampler = self.sampler
        with boundary("policy") as caught:
            reply = await sampler.chat.write(
                request.messages,
                tools=request.tools,
                max_tokens=request.max_new_tokens,
                temperature=sampler.temperature,
                draw=request.generator.getrandbits(32) if sampler.temperature else 0,
            )
        if caught.failure is not None:
            return caught.failure
        said = Message(role="assistant", content=reply.text, tool_calls=reply.calls)
        ids = sampler.renderer.encode_action(said)
        if reply.cut_off:  # the turn did not end: its end was not said
            ids = ids[: -len(sampler.renderer.end_of_turn)]
        return Generated(token_ids=ids, logprobs=(None,) * len(ids), stop="length" if reply.cut_off else "end")
