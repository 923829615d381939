"""A chat server on loopback, and a key that must appear nowhere."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from infopo.core import Message
from infopo.testing.chat_server import ChatServer
from infopo.users.llm import ChatSettings, LLMChat, close_chats, open_chat

KEY = "sk-canary-5f0c2d7be1"
VARIABLE = "INFOPO_TEST_KEY"
HELLO = (Message(role="user", content="hello"),)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv(VARIABLE, KEY)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    yield KEY
    close_chats()


def chat(server: ChatServer, **changes: Any) -> LLMChat:
    """A model at this server: short waits, no patience."""
    usual = {"model": "fake", "first_wait_seconds": 0.01, "attempt_seconds": 5.0, "deadline_seconds": 20.0}
    return open_chat(ChatSettings(**{**usual, "base_url": server.url, "key_variable": VARIABLE, **changes}))


def ask(model: LLMChat, messages: tuple[Message, ...] = HELLO, **options: Any) -> str:
    return asyncio.run(asyncio.wait_for(model.complete(messages, **options), 30.0))


def ask_many(model: LLMChat, count: int) -> list[str | BaseException]:
    """`count` different requests at once, each with its reply or its error."""

    async def run() -> list[str | BaseException]:
        asked = [model.complete((Message(role="user", content=f"number {k}"),)) for k in range(count)]
        return await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 60.0)

    return asyncio.run(run())
