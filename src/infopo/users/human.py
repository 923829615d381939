"""A person at the terminal plays the user."""

import asyncio
import sys
import threading
from concurrent.futures import Future
from typing import TextIO

from infopo.core import Message, visible
from infopo.users.base import ChatError, UserReply


class HumanLeft(ChatError):
    """The person closed the terminal."""


class HumanUser:
    """Shows the request, reads one line. `brief` says what the person wants, and is shown once.

    One episode at a time, please: there is one terminal. Which facts a line reveals is not known, so `revealed` stays
    empty. A deadline of the rollout cuts the wait, not the reading: the line then counts for the next request.
    """

    def __init__(self, brief: str, *, reads: TextIO | None = None, writes: TextIO | None = None) -> None:
        self._brief, self._reads, self._writes = brief, reads or sys.stdin, writes or sys.stdout
        self._shown = False
        self._pending: Future[str] | None = None

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        """The next line that is not empty; raises `HumanLeft` at the end of the input."""
        if not self._shown:
            self._say(f"You are the user. {self._brief}")
            self._shown = True
        self._say(f"The agent: {visible(request)}")
        while True:
            self._say("You: ", end="")
            line = await self._line()
            if not line:
                raise HumanLeft("the input has ended")
            if line.strip():
                return UserReply(text=line.strip())

    async def _line(self) -> str:
        """A line, read in a thread that nobody has to wait for: a blocked read must not keep the program alive."""
        if self._pending is None:
            self._pending = Future()
            threading.Thread(target=_read, args=(self._reads, self._pending), daemon=True).start()
        line = await asyncio.shield(asyncio.wrap_future(self._pending))
        self._pending = None
        return line

    def _say(self, text: str, end: str = "\n") -> None:
        print(text, file=self._writes, end=end, flush=True)


def _read(stream: TextIO, result: "Future[str]") -> None:
    try:
        result.set_result(stream.readline())
    except (OSError, ValueError):  # closed under our hands
        result.set_result("")
