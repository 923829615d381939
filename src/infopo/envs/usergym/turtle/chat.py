"""The published user and judge: a language model answers each question and marks each criterion, by their rules."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infopo.core import Message, UserError
from infopo.envs.usergym.guessing import Ruling
from infopo.envs.usergym.upstream import Fields, ask_model, field_of, holds_text, load_json, read_literal
from infopo.users import ChatModel, UserReply

QUESTION_FAILED = "I cannot answer that at the moment."
ANSWER_FAILED = "I cannot judge that at the moment."

_ORACLE = """You know a story: its `surface`, which everybody knows, and its `bottom`, which is hidden. Somebody \
asks the `question` about it. Say Yes if it agrees with the bottom, No if it contradicts it or is far from it, and \
Maybe only if the bottom does not settle it or it does not matter. Return one object with the fields "thought" (one \
short sentence) and "response" ("Yes", "No" or "Maybe")."""
_JUDGE = """You judge how much of a hidden story somebody has found out. Compare the `explanation` with the `bottom` \
of the story and mark each of the `criteria` with 0 (missing), 0.5 (in part) or 1 (covered). Keep their order and \
their number. Return one object with the fields "scores", a list of objects with "statement", "thought" and "score", \
and "feedback" (one sentence)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """An upstream record. `criteria`: (statement, weight)."""

    task_id: str
    title: str
    surface: str
    bottom: str
    criteria: tuple[tuple[str, float], ...]


def read_story(record: Any, where: str) -> Story:
    """An upstream record with its key as `id`; `UserError` names where, the field, and what is wrong with it."""
    texts = {name: field_of(record, name, str, where) for name in ("id", "new_title", "new_surface", "new_bottom")}
    criteria = []
    for number, criterion in enumerate(field_of(record, "evaluation", list, where)):
        place = f"{where}, criterion {number}"
        weight = float(field_of(criterion, "score", float, place))
        criteria.append((field_of(criterion, "statement", str, place), weight))
    return Story(
        task_id=texts["id"],
        title=texts["new_title"],
        surface=texts["new_surface"],
        bottom=texts["new_bottom"],
        criteria=tuple(criteria),
    )


def load_records(path: Path) -> list[dict[str, Any]]:
    """The records of an upstream `all_stories_refined.json`, each checked; those judged unfit are left out."""
    stories = load_json(path)
    if not isinstance(stories, dict):
        raise UserError(f"{path}: expected one record a key, got {type(stories).__name__}")
    records = []
    for key, record in stories.items():
        where = f"{path}, record {key!r}"
        if field_of(record, "judgment", str, where) == "Yes":
            records.append({**record, "id": key})
            read_story(records[-1], where)
    return records


class ChatOracle:
    """A `User` and a `Ruler`. `covered` words the reply to an explanation from the statements with full marks."""

    def __init__(self, story: Story, chat: ChatModel, covered: Callable[[Sequence[str]], str]) -> None:
        self._story, self._chat, self._covered = story, chat, covered

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        """The model's answer as it is; it sees no history."""
        read = await self._asked(_ORACLE, {"question": request}, holds_text("response"))
        return UserReply(text=QUESTION_FAILED if read is None or "response" not in read else str(read["response"]))

    async def rule(self, answer: str) -> Ruling:
        """The sum of weight times mark, in the order of the record. The marks are used as they are."""
        count = len(self._story.criteria)

        def usable(read: dict[str, Any]) -> bool:
            marks = _marks(read.get("scores"), count)
            return marks is not None and all(0 <= mark <= 1 for mark in marks)

        statements = [statement for statement, _ in self._story.criteria]
        read = await self._asked(_JUDGE, {"criteria": statements, "explanation": answer}, usable)
        marks = None if read is None else _marks(read.get("scores"), count)
        if marks is None:
            return Ruling(score=None, text=ANSWER_FAILED)
        score = sum((weight * mark for (_, weight), mark in zip(self._story.criteria, marks, strict=True)), 0.0)
        full = [statement for (statement, _), mark in zip(self._story.criteria, marks, strict=True) if mark == 1]
        return Ruling(score=score, text=self._covered(full))

    async def _asked(
        self, system: str, fields: Fields, usable: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any] | None:
        told = {"surface": self._story.surface, "bottom": self._story.bottom, **fields}
        return await ask_model(self._chat, system, told, read_literal, usable)


def _marks(scores: object, count: int) -> list[float] | None:
    """The marks, one a criterion; None where the model gave something else. Python's booleans are numbers here."""
    if not isinstance(scores, list | tuple) or len(scores) != count:
        return None
    marks = [score.get("score") if isinstance(score, dict) else None for score in scores]
    numbers = [float(mark) for mark in marks if isinstance(mark, int | float)]
    return numbers if len(numbers) == count else None
