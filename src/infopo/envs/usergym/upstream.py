"""Behaviour of the published user gyms that several of them share: actions, settings, rewards, replies, files.

From reading and running the published code, as tabulated in the project's specification of it; no text of it is used.
"""

import ast
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from infopo.core import Message, UnknownNameError, UserError, after_thought
from infopo.envs.base import Action
from infopo.users import ChatError, ChatModel, ChatTransportError
from infopo.users.base import Check
from infopo.users.json_reply import read_json
from infopo.users.quoting import data_messages

TRIES = 3
_FENCE, _END = "```json", "```"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The published settings that all gyms know, by their published names. A gym adds its own, and its quirks."""

    max_steps: int = 20
    step_penalty: float = 0.0
    reward_scale: float = 1.0
    normalize_rewards: bool = True

    def pay(self, reward: float, steps: float) -> float:
        """Scale, minus the penalty `steps` times, then clip to [0, 1] where rewards are normalised.

        >>> Settings(step_penalty=0.1).pay(1.0, 3)
        0.7
        """
        paid = reward * self.reward_scale - self.step_penalty * steps
        return min(1.0, max(0.0, paid)) if self.normalize_rewards else paid


S = TypeVar("S", bound=Settings)
E = TypeVar("E")
Fields = Mapping[str, str | Sequence[str]]
Read = dict[str, Any] | None


def read_settings(base: S, given: Mapping[str, Any], env_id: str) -> S:
    """`base` with the given settings; raises `UserError` for an unknown name or a value of another type."""
    fields = {field.name: getattr(base, field.name) for field in dataclasses.fields(base)}
    for name, value in given.items():
        if name not in fields:
            raise UnknownNameError(f"setting of {env_id}", name, list(fields))
        wanted = type(fields[name])
        fits = isinstance(value, int | float) if wanted is float else isinstance(value, wanted)
        if not fits or (isinstance(value, bool) and wanted is not bool):
            raise UserError(f"setting {name} of {env_id} must be of type {wanted.__name__}, got {value!r}")
    if given.get("max_steps", 1) < 1:
        raise UserError(f"setting max_steps of {env_id} must be at least 1, got {given['max_steps']}")
    return dataclasses.replace(base, **given)


def action_text(message: Message) -> str:
    """An action as the published gyms receive it: a tag before the content, unless the content brings its own."""
    for call in message.tool_calls:
        try:
            arguments = json.loads(call.arguments)
        except json.JSONDecodeError:
            return call.arguments
        if not isinstance(arguments, dict):
            return call.arguments
        choice, content = str(arguments.get("choice", "")), str(arguments.get("content", ""))
        if choice == "finish":
            return "[finish]"
        tag = f"[{choice}]"
        bare = choice not in ("action", "answer", "search") or content.startswith(tag)
        return content if bare else f"{tag} {content}"
    text = after_thought(message.content)
    return message.content if text == message.content else text.lstrip()


def read_action(message: Message, *, strip: bool, finish_in_any_case: bool = False) -> Action:
    """A tagged action by the published rules: the text starts with the tag, in lower case, the space is optional.

    `strip`: the gym strips the whole text first, else padding hides the tag. `choice` None: no tag; `content` is
    then the text as it came.

    >>> read_action(Message(role="assistant", content=" [answer]12 "), strip=True)
    Action(choice='answer', content='12')
    >>> read_action(Message(role="assistant", content=" [answer]12 "), strip=False)
    Action(choice=None, content=' [answer]12 ')
    """
    text = action_text(message)
    if strip:
        text = text.strip()
    for choice in ("action", "search", "answer", "finish"):
        tag = f"[{choice}]"
        found = text[: len(tag)]
        if found == tag or (choice == "finish" and finish_in_any_case and found.lower() == tag):
            return Action(choice=choice, content=text[len(tag) :].strip())
    return Action(choice=None, content=text)


def spoken_to_the_user(action: Action) -> Action:
    """Where whatever has no tag is meant for the user, a tag that means nothing there included.

    >>> spoken_to_the_user(Action(choice="search", content="hotels"))
    Action(choice='action', content='[search] hotels')
    """
    if action.choice in ("finish", "action", "answer"):
        return action
    return Action(choice="action", content=f"[search] {action.content}" if action.choice else action.content)


class LiveChat:
    """A model that plays for a score. The published gyms talk over a broken line and an unreadable reply, and score
    what follows; here either is a `ChatError`, and the episode a failure, once the model was asked again."""

    def __init__(self, chat: ChatModel) -> None:
        self._chat = chat

    async def complete(
        self, messages: tuple[Message, ...], *, schema: Mapping[str, Any] | None = None, check: Check | None = None
    ) -> str:
        """The reply of the model, which has tried again by itself; a `ChatError` that nobody talks over."""
        try:
            return await self._chat.complete(messages, schema=schema, check=check)
        except ChatTransportError as error:
            raise ChatError(f"{type(error).__name__}: {error}") from error


async def ask_model(
    chat: ChatModel,
    system: str,
    fields: Fields,
    read: Callable[[str], Read],
    usable: Callable[[dict[str, Any]], bool] = bool,
    *,
    tries: int = TRIES,
) -> Read:
    """What `read` makes of the reply, nothing of none after `tries` failed calls. As published, an unreadable reply is
    never asked for again; a `LiveChat` is, and raises `ChatError` where it is never `usable`.

    Of a `LiveChat` JSON is read as well as Python literals, of which a published gym knows one or the other.
    """
    messages = data_messages(system, fields)
    if isinstance(chat, LiveChat):

        def check(reply: str) -> dict[str, Any]:
            found = read(reply) or read_literal(reply) or read_json(reply)
            if not usable(found):
                raise ChatError("the reply does not have the fields that were asked for")
            return found

        return check(await chat.complete(messages, check=check))
    for _ in range(tries):
        try:
            return read(await chat.complete(messages))
        except ChatTransportError:
            continue
    return None


def holds_text(name: str, *names: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a reply has texts under these names.

    >>> holds_text("response")({"response": " "})
    False
    """
    return lambda read: all(isinstance(read.get(one), str) and read[one].strip() for one in (name, *names))


def read_literal(reply: str) -> dict[str, Any] | None:
    """A reply as a Python literal, an exact json fence around it removed; None where it is no dictionary.

    >>> read_literal("```json{'response': 'Yes',}```")
    {'response': 'Yes'}
    >>> read_literal('{"sure": true}') is None
    True
    """
    text = reply.strip().removeprefix(_FENCE).removesuffix(_END)
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return value if isinstance(value, dict) else None


def load_json(path: Path) -> Any:
    """The content of an upstream data file; `UserError` names the file and, where it is no JSON, the line."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise UserError(f"{path}, line {error.lineno}: not JSON ({error.msg})") from error


def load_list(path: Path, read: Callable[[Any, str], object]) -> list[dict[str, Any]]:
    """As `load_json`, of a file that holds a list of records; each is shown to `read` with its place, which refuses it
    by a `UserError`."""
    records = load_json(path)
    if not isinstance(records, list):
        raise UserError(f"{path}: expected a list of records, got {type(records).__name__}")
    for index, record in enumerate(records):
        read(record, f"{path}, record {index}")
    return records


def field_of(record: Any, name: str, kind: type[E], where: str) -> E:
    """Field `name` of a record, checked; `UserError` names where, the field, and what is wrong with it."""
    if not isinstance(record, dict):
        raise UserError(f"{where}: expected a record, got {type(record).__name__}")
    if name not in record:
        raise UserError(f"{where}: field {name!r} is missing")
    value = record[name]
    wanted: Any = int | float if kind is float else kind
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
        raise UserError(f"{where}: field {name!r} must be of type {kind.__name__}, got {value!r:.60}")
    checked: E = value
    return checked
