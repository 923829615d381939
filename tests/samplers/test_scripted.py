"""A script behind the sampler's face."""

import asyncio
import random

from infopo.core import Message
from infopo.samplers.base import Request
from infopo.samplers.scripted import ScriptedSampler
from infopo.testing.tiny import tiny_tokenizer
from infopo.tokens import Renderer

RENDERER = Renderer(tiny_tokenizer(), name="tiny")


def request(slot: int, *texts: str, most: int = 100) -> Request:
    messages = [Message(role="user", content=text) for text in texts]
    return Request(slot=slot, token_ids=(), messages=messages, generator=random.Random(0), max_new_tokens=most)


def test_a_script_reads_slot_and_messages_and_writes_ids_without_log_probs() -> None:
    session = ScriptedSampler(RENDERER, lambda slot, messages: f"{slot} {messages[-1].content}").open(9)
    found = asyncio.run(session.generate([request(3, "a", "b"), request(8, "c")]))
    assert [RENDERER.action(one.token_ids).content for one in found] == ["3 b", "8 c"]
    for one in found:
        assert one.stop == "end"
        assert one.token_ids[-1] in RENDERER.stop_ids
        assert one.logprobs == (None,) * len(one.token_ids)
    assert session.cache is None
    assert session.stored(3) == ()


def test_a_script_that_says_too_much_is_cut() -> None:
    session = ScriptedSampler(RENDERER, lambda slot, messages: "a long story").open(1)
    (found,) = asyncio.run(session.generate([request(0, "a", most=4)]))
    assert len(found.token_ids) == 4
    assert found.stop == "length"
