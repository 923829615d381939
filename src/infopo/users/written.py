"""A user whose words come from a language model, and whose decisions come from the script."""

from dataclasses import replace
from typing import Any

from infopo.core import Message
from infopo.users.base import ChatError, ChatModel, User, UserReply
from infopo.users.json_reply import read_json
from infopo.users.quoting import data_messages

INSTRUCTIONS = (
    "You play a user who talks to an assistant. `request` is what the assistant just said to you. `meaning` is what "
    "you have decided to reply. Write that reply in your own everyday words, in one or two sentences: keep all that "
    "`meaning` says, add no fact, wish or hint to it, answer nothing that it does not answer, and do not do the "
    'assistant\'s work. Reply with one JSON object: {"reply": "..."}.'
)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"reply": {"type": "string"}},
    "required": ["reply"],
    "additionalProperties": False,
}


class WrittenUser:
    """The user `scripted`, worded by `chat`.

    The model sees the request and the script's reply, never the hidden goal: it cannot reveal what the script did not
    decide to. What is revealed, and so every record, is the script's. Whether the model kept the whole meaning is not
    checked.
    """

    def __init__(self, scripted: User, chat: ChatModel) -> None:
        self._scripted, self._chat = scripted, chat

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        """The script's decision in the model's words; raises `ChatError` where there are none."""
        decided = await self._scripted.reply(messages, request)
        asked = data_messages(INSTRUCTIONS, {"request": request, "meaning": decided.text})
        return replace(decided, text=reply_in(await self._chat.complete(asked, schema=SCHEMA, check=reply_in)))


def reply_in(said: str) -> str:
    """The text under `reply` of the JSON object that a model was asked for; `ChatError` where there is none."""
    text = read_json(said).get("reply")
    if not isinstance(text, str) or not text.strip():
        raise ChatError("the model's JSON has no text under `reply`")
    return text.strip()
