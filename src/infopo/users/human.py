"""A person at the terminal: plays the user, or lends their lines to somebody else."""

import asyncio
import sys
import threading
from concurrent.futures import Future
from typing import TextIO

from infopo.core import Message, visible
from infopo.users.base import ChatError, UserReply


class HumanLeft(ChatError):
    """The person closed the terminal."""


class Terminal:
    """Says and asks, one line at a time. What others wrote is shown with its control characters spelled out.

    A wait that is cut short does not cut the reading: the line then counts for the next question.
    """

    def __init__(self, *, reads: TextIO | None = None, writes: TextIO | None = None) -> None:
        self._reads, self._writes = reads or sys.stdin, writes or sys.stdout
        self._pending: Future[str] | None = None

    def say(self, text: str, end: str = "\n") -> None:
        """Show a text."""
        print(visible(text), file=self._writes, end=end, flush=True)

    async def ask(self, prompt: str) -> str:
        """The next line that is not empty; raises `HumanLeft` at the end of the input."""
        while True:
            self.say(prompt, end="")
            line = await self._line()
            if not line:
                raise HumanLeft("the input has ended")
            if line.strip():
                return line.strip()

    async def _line(self) -> str:
        """A line, read in a thread that nobody has to wait for: a blocked read must not keep the program alive."""
        if self._pending is None:
            self._pending = Future()
            threading.Thread(target=_read, args=(self._reads, self._pending), daemon=True).start()
        line = await asyncio.shield(asyncio.wrap_future(self._pending))
        self._pending = None
        return line


class HumanUser:
    """Shows the request, reads one line. `brief` says what the person wants, and is shown once.

    One episode at a time, please: there is one terminal. Which facts a line reveals is not known, so `revealed` stays
    empty. A deadline of the rollout cuts the wait, not the reading: the line then counts for the next request.
    """

    def __init__(self, brief: str, *, reads: TextIO | None = None, writes: TextIO | None = None) -> None:
        self._brief, self._terminal = brief, Terminal(reads=reads, writes=writes)
        self._shown = False

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        """The next line that is not empty; raises `HumanLeft` at the end of the input."""
        if not self._shown:
            self._terminal.say(f"You are the user. {self._brief}")
            self._shown = True
        self._terminal.say(f"The agent: {request}")
        return UserReply(text=await self._terminal.ask("You: "))


def _read(stream: TextIO, result: "Future[str]") -> None:
    try:
        result.set_result(stream.readline())
    except (OSError, ValueError):  # closed under our hands
        result.set_result("")
