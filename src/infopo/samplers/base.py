"""What a sampler is: contexts of token ids in, sampled ids with their log-probabilities out."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from infopo.core import Failure, Message
from infopo.tokens import Renderer

if TYPE_CHECKING:  # it imports torch, which reading a configuration does not need
    from infopo.tokens.slot_cache import SlotCache


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One action to write: the whole history as ids, in the episode's `slot`, drawn with the episode's generator.

    `messages` and `tools` are the same history as text, for policies that speak messages: scripts and hosted models.
    """

    slot: int
    token_ids: Sequence[int]
    messages: Sequence[Message]
    generator: random.Random
    max_new_tokens: int
    tools: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """Sampled ids and their log-probabilities at the sampling temperature (None: the sampler has none)."""

    token_ids: tuple[int, ...]
    logprobs: tuple[float | None, ...]
    stop: Literal["end", "length"]


class Session(Protocol):
    """One batch of episodes: keeps what it computed for a slot between the turns of its episode.

    `generate` gives a `Failure` in the place of an action that infrastructure kept from being written.
    """

    @property
    def cache(self) -> "SlotCache | None": ...

    async def generate(self, requests: Sequence[Request]) -> Sequence[Generated | Failure]: ...

    def stored(self, slot: int) -> tuple[int, ...]: ...


class Sampler(Protocol):
    """The policy as a writer of tokens."""

    renderer: Renderer
    max_length: int

    def open(self, slots: int) -> Session: ...
