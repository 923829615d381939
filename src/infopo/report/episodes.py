"""The episodes of one `trajectories.jsonl`, read once: how they ended, and a few of them to look at.

However many episodes there are, what is kept is bounded: `SELECTED` of them for each reason to look at one, each cut
to `DIALOGUE_TEXT` characters. Nothing under `private` is read.
"""

import heapq
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from infopo.core import RecordError, read_records
from infopo.report.dialogue import said

SELECTED = 8  # episodes kept for each reason
MESSAGE_TEXT = 2_000  # characters of a message that are shown
DIALOGUE_TEXT = 10_000  # and of a dialogue
FIRST_MESSAGES, LAST_MESSAGES = 8, 22  # of a long dialogue, the ones that are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One message: its first and last characters, how many lie between, and what the reply was worth.

    `gain` is None on a message that has none; `is_reply` says whether one could stand there.
    """

    role: str
    head: str
    left_out: int = 0
    tail: str = ""
    is_reply: bool = False
    gain: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """One episode to look at, and the reasons why. `skipped` messages are left out after `FIRST_MESSAGES` lines."""

    reasons: tuple[str, ...]
    step: int
    env: str
    task_id: str
    episode: int
    turns: int
    score: float | None
    success: bool | None
    stop_reason: str
    failure: tuple[str, str, str] | None  # kind, where, detail
    gains: tuple[float, ...]
    lines: tuple[Line, ...]
    skipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Episodes:
    """What a file holds."""

    n: int
    failed: int
    failures: Counter[tuple[str, str]]  # kind, where
    stops: Counter[str]
    dialogues: tuple[Dialogue, ...]


def read_episodes(path: Path) -> Episodes:
    """Read a file. Raises `RecordError` for a damaged line that is not the last, and for what is no trajectory."""
    failures: Counter[tuple[str, str]] = Counter()
    stops: Counter[str] = Counter()
    selection = _Selection()
    count = 0
    for count, record in enumerate(read_records(path), start=1):
        try:
            failure = record["failure"]
            if failure is None:
                stops[str(record["stop_reason"])] += 1
            else:
                failures[str(failure["kind"]), str(failure["where"])] += 1
            selection.offer(record)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise RecordError(f"{path}, line {count}: not a trajectory record: {error!r}") from error
    return Episodes(
        n=count,
        failed=failures.total(),
        failures=failures,
        stops=stops,
        dialogues=tuple(selection.dialogues()),
    )


Key = Callable[[dict[str, Any]], tuple[float, ...] | None]  # larger is kept rather; None: not for this reason


class _Selection:
    """The best episodes under several keys; of equals, the earlier one."""

    def __init__(self) -> None:
        self._kinds: Counter[str] = Counter()
        self._keys: dict[str, Key] = {
            "first step": lambda record: (-record["step"],),
            "last step": lambda record: (record["step"],),
            "broke off": lambda record: self._rare(record, broken=True),
            "highest score": lambda record: _key(record["score"], record["step"]),
            "lowest score": lambda record: _key(None if record["score"] is None else -record["score"], record["step"]),
            "largest gain": lambda record: _key(max(_gains(record), default=None)),
            "smallest gain": lambda record: _key(max((-gain for gain in _gains(record)), default=None)),
            "stopped at a limit": lambda record: self._rare(record, broken=False),
        }
        self._heaps: dict[str, list[tuple[tuple[float, ...], int, Dialogue]]] = {name: [] for name in self._keys}
        self._count = 0

    def offer(self, record: dict[str, Any]) -> None:
        self._count += 1
        dialogue: Dialogue | None = None
        for name, key in self._keys.items():
            value, heap = key(record), self._heaps[name]
            if value is None or (len(heap) == SELECTED and value <= heap[0][0]):
                continue
            dialogue = dialogue or _dialogue(record)
            item = (value, -self._count, dialogue)
            if len(heap) < SELECTED:
                heapq.heappush(heap, item)
            else:
                heapq.heapreplace(heap, item)

    def dialogues(self) -> Iterator[Dialogue]:
        """The most telling of every reason first, then the second of each, and so on; each once, with its reasons."""
        ranked = {name: sorted(heap, key=lambda item: item[:2], reverse=True) for name, heap in self._heaps.items()}
        if len({item[2].step for name in ("first step", "last step") for item in ranked[name]}) == 1:
            del ranked["first step"], ranked["last step"]  # an evaluation has one step
        places: dict[int, dict[str, int]] = {}
        for name, items in ranked.items():
            for place, (_, order, _) in enumerate(items):
                places.setdefault(order, {})[name] = place
        shown = set()
        for row, found in enumerate(zip_longest(*ranked.values())):
            for item in found:
                if item is not None and item[1] not in shown:
                    shown.add(item[1])
                    reasons = tuple(name for name, place in places[item[1]].items() if place <= row)
                    yield replace(item[2], reasons=reasons)

    def _rare(self, record: dict[str, Any], *, broken: bool) -> tuple[float, ...] | None:
        """One of each kind before a second of any."""
        failure, stop = record["failure"], str(record["stop_reason"])
        if (failure is None) == broken or (not broken and stop == "done"):
            return None
        kind = f"{failure['kind']} in {failure['where']}" if broken else stop
        self._kinds[kind] += 1
        return (-self._kinds[kind],)


def _key(*values: float | None) -> tuple[float, ...] | None:
    known = tuple(float(value) for value in values if value is not None)
    return known if len(known) == len(values) else None


def _gains(record: dict[str, Any]) -> list[float]:
    return [float(turn["gain"]) for turn in record["turns"] if turn["gain"] is not None]


def _dialogue(record: dict[str, Any]) -> Dialogue:
    failure = record["failure"]
    broken = None if failure is None else (str(failure["kind"]), str(failure["where"]), str(failure["detail"]))
    lines, skipped = _lines(record)
    return Dialogue(
        reasons=(),
        step=int(record["step"]),
        env=str(record["env"]),
        task_id=str(record["task_id"]),
        episode=int(record["episode"]),
        turns=len(record["turns"]),
        score=None if record["score"] is None else float(record["score"]),
        success=None if record["success"] is None else bool(record["success"]),
        stop_reason=str(record["stop_reason"]),
        failure=broken,
        gains=tuple(_gains(record)),
        lines=lines,
        skipped=skipped,
    )


def _lines(record: dict[str, Any]) -> tuple[tuple[Line, ...], int]:
    """The messages that are shown, each cut so that all fit; a gain stands on every message of its reply."""
    messages = list(enumerate(record["messages"]))
    skipped = max(0, len(messages) - FIRST_MESSAGES - LAST_MESSAGES)
    if skipped:
        messages = messages[:FIRST_MESSAGES] + messages[-LAST_MESSAGES:]
    texts = [said(message) for _, message in messages]
    limit = MESSAGE_TEXT
    while sum(min(len(text), limit) for text in texts) > DIALOGUE_TEXT:
        limit = limit * 3 // 4
    actions = {turn["action_message"]: turn["gain"] for turn in record["turns"]}
    lines = []
    for (index, message), text in zip(messages, texts, strict=True):
        action = max((place for place in actions if place < index), default=None)
        is_reply = action is not None and message["role"] in ("user", "tool")
        gain = actions[action] if is_reply else None
        lines.append(_line(str(message["role"]), text, limit, is_reply, gain))
    return tuple(lines), skipped


def _line(role: str, text: str, limit: int, is_reply: bool, gain: float | None) -> Line:
    left_out = max(0, len(text) - limit)
    head = limit * 3 // 4 if left_out else len(text)
    return Line(
        role=role,
        head=text[:head],
        left_out=left_out,
        tail=text[len(text) - (limit - head) :] if left_out else "",
        is_reply=is_reply,
        gain=None if gain is None or not math.isfinite(gain) else float(gain),
    )
