"""The published user and judge: a language model answers each question and rules on each guess."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infopo.core import Message
from infopo.envs.usergym.guessing import Ruling
from infopo.envs.usergym.upstream import ask_model, field_of, holds_text, load_list, read_literal
from infopo.users import ChatModel, UserReply

QUESTION_FAILED = "I cannot answer that at the moment."
GUESS_FAILED = "I cannot judge that at the moment."

_ORACLE = """You play a guessing game and know the secret thing, `secret`. Somebody asks the `question` about it. \
Answer honestly, with Yes or No; use Maybe sparingly, where neither would be true. Return one object with the fields \
"thought" (one short sentence) and "response" ("Yes", "No" or "Maybe")."""
_JUDGE = """You judge a guessing game. Compare the `guess` with the secret thing, `secret`: it is right only if it \
names exactly this thing, or is a clear synonym of it. There is no credit for a part of it. Do not reveal the thing. \
Return one object with the fields "thought", "judgment" ("Yes" or "No") and "feedback" (one sentence)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """An upstream record."""

    task_id: str
    title: str
    description: str
    target: str


def read_entity(record: Any, where: str) -> Entity:
    """An upstream record; `UserError` names where, the field, and what is wrong with it."""
    texts = {name: field_of(record, name, str, where) for name in ("id", "title", "description", "target_entity")}
    return Entity(
        task_id=texts["id"], title=texts["title"], description=texts["description"], target=texts["target_entity"]
    )


def load_records(path: Path) -> list[dict[str, Any]]:
    """The records of an upstream `all_entities_refined.json`, each checked by `read_entity`."""
    return load_list(path, read_entity)


class ChatOracle:
    """A `User` and a `Ruler`. Failures are said, never scored: the published gym has no other way to report them."""

    def __init__(self, entity: Entity, chat: ChatModel) -> None:
        self._entity, self._chat = entity, chat

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        """The model's answer as it is; it sees no history."""
        read = await self._asked(_ORACLE, {"question": request}, holds_text("response"))
        return UserReply(text=QUESTION_FAILED if read is None or "response" not in read else str(read["response"]))

    async def rule(self, answer: str) -> Ruling:
        """Right only where the judgment is the exact word Yes."""
        read = await self._asked(_JUDGE, {"guess": answer}, _rules)
        if read is None or "judgment" not in read or "feedback" not in read:
            return Ruling(score=None, text=GUESS_FAILED)
        return Ruling(score=1.0 if read["judgment"] == "Yes" else 0.0, text=str(read["feedback"]))

    async def _asked(
        self, system: str, fields: Mapping[str, str], usable: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any] | None:
        return await ask_model(self._chat, system, {"secret": self._entity.target, **fields}, read_literal, usable)


def _rules(read: dict[str, Any]) -> bool:
    return read.get("judgment") in ("Yes", "No") and holds_text("feedback")(read)
