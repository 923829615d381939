"""A user who says again what was said before, in a recorded run or a file."""

import json
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from infopo.core import Message, Trajectory, UserError, after_thought, read_records, trajectory_from_record
from infopo.users.base import ChatError, UserReply

_TAG = re.compile(r"^\s*\[\w+\]\s*")


class NotRecorded(ChatError):
    """The recording holds no reply to this request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and the reply to it. `request` None: a reply to whatever comes."""

    request: str | None
    reply: UserReply


class RecordedUser:
    """Replays `exchanges`: each request gets the first unused reply that was given to it, or to anything.

    A request that is asked more often than it was recorded gets its last reply again. One that was never asked
    raises `NotRecorded`: nobody knows what the user would have said.
    """

    def __init__(self, exchanges: tuple[Exchange, ...]) -> None:
        self._left = list(exchanges)
        self._last: dict[str, UserReply] = {}

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        """The recorded reply."""
        asked = _normalized(request)
        for exchange in self._left:
            if exchange.request is None or _normalized(exchange.request) == asked:
                self._left.remove(exchange)
                self._last[asked] = exchange.reply
                return exchange.reply
        if asked not in self._last:
            raise NotRecorded(f"the recording holds no reply to {request[:80]!r}")
        return replace(self._last[asked], revealed=(), repeated=True, useful=False)


def read_exchanges(path: str | Path, task_id: str, *, pick: int = 0) -> tuple[Exchange, ...]:
    """What was said about a task: of its recorded episodes, number `pick` (counted around).

    `path`: a run folder, its `trajectories.jsonl`, or a JSONL file with lines `{"request": ..., "reply": ...,
    "revealed": [...], "task_id": ...}` (all but `reply` may be left out; a line without `task_id` is for every task).
    Raises `UserError` for a file that cannot be read, or that holds nothing for the task.
    """
    file = Path(path) / "trajectories.jsonl" if Path(path).is_dir() else Path(path)
    episodes = _episodes(str(file))
    found = episodes.get(task_id) or episodes.get(None)
    if not found:
        raise UserError(f"{file} holds no replies for task {task_id}")
    return found[pick % len(found)]


@cache
def _episodes(file: str) -> dict[str | None, list[tuple[Exchange, ...]]]:
    """Task id to its episodes; a plain file is one episode a task."""
    try:
        lines = [line for line in Path(file).read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {file}: {error}") from error
    found: dict[str | None, list[tuple[Exchange, ...]]] = {}
    if lines and '"crc"' in lines[0]:
        for record in read_records(Path(file)):
            trajectory = trajectory_from_record(record)
            found.setdefault(trajectory.task_id, []).append(tuple(_exchanges(trajectory)))
        return found
    for number, line in enumerate(lines, 1):
        task_id, exchange = _plain(line, f"{file}, line {number}")
        episode = found.setdefault(task_id, [()])
        episode[0] += (exchange,)
    return found


def _exchanges(trajectory: Trajectory) -> list[Exchange]:
    found = []
    for turn in trajectory.turns:
        facts, answer = turn.facts, turn.action_message + 1
        if facts is None or facts.kind != "ask" or answer >= len(trajectory.messages):
            continue
        reply = UserReply(
            text=trajectory.messages[answer].content,
            revealed=facts.revealed,
            repeated=facts.repeated,
            useful=facts.useful,
        )
        found.append(Exchange(request=_request(trajectory.messages[turn.action_message]), reply=reply))
    return found


def _request(action: Message) -> str:
    """What the action asked: the content of a tool call, or the text behind the tag."""
    if action.tool_calls:
        try:
            arguments = json.loads(action.tool_calls[0].arguments)
        except ValueError:
            return action.tool_calls[0].arguments
        return str(arguments.get("content", "")) if isinstance(arguments, dict) else str(arguments)
    return _TAG.sub("", after_thought(action.content)).strip()


def _plain(line: str, where: str) -> tuple[str | None, Exchange]:
    try:
        data: Any = json.loads(line)
    except ValueError as error:
        raise UserError(f"{where}: not JSON: {error}") from error
    if not isinstance(data, dict) or not isinstance(data.get("reply"), str):
        raise UserError(f'{where}: expected an object with a text under "reply"')
    revealed = data.get("revealed", [])
    if not isinstance(revealed, list) or not all(isinstance(fact, str) for fact in revealed):
        raise UserError(f'{where}: "revealed" must be a list of fact ids')
    reply = UserReply(text=data["reply"], revealed=tuple(revealed), useful=bool(revealed))
    request, task_id = data.get("request"), data.get("task_id")
    exchange = Exchange(request=None if request is None else str(request), reply=reply)
    return None if task_id is None else str(task_id), exchange


def _normalized(text: str) -> str:
    return " ".join(text.lower().split())
