"""Who answers in `usergym/intention`: a script that knows the wishes, or the published pair of model calls."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from infopo.core import Message, derive_random
from infopo.envs.base import Action
from infopo.envs.episode import NO_INFORMATION, drawn
from infopo.envs.usergym.intention.options import ENV_ID
from infopo.envs.usergym.intention.task import Detail, Task
from infopo.envs.usergym.intention.words import SYNONYMS, topics_of
from infopo.envs.usergym.phrases import Phrases, stems
from infopo.envs.usergym.upstream import Fields, LiveChat, ask_model, holds_text
from infopo.users import ChatModel, UserReply


class Coverage(Protocol):
    """Says which of the remaining details a question brought up."""

    async def covered(self, question: str, remaining: Sequence[Detail], reply: UserReply) -> Sequence[int]: ...


_TOPICS = Phrases((word, name) for name, words in SYNONYMS.items() for word in (name, *words))
_ASKING = frozenset("which what where when who whom how do would could should any tell is are".split())


def topics_in(text: str, category: str) -> list[str]:
    """The topics of a domain that a question is about; none where nothing is asked."""
    words = stems(text)
    if "?" not in text and _ASKING.isdisjoint(words):
        return []
    known = topics_of(category)
    found = list(dict.fromkeys(name for _, _, names in _TOPICS.find(words) for name in names if name in known))
    # a question word that is itself a synonym (where, who) gives way to a topic that is named
    plain = [name for name in found if name in words]
    return plain or found


class RevealedCoverage:
    """Those that the reply reveals: of a user who says what a reply reveals, nobody has to guess it."""

    async def covered(self, question: str, remaining: Sequence[Detail], reply: UserReply) -> Sequence[int]:
        """What the reply revealed."""
        return [index for index, detail in enumerate(remaining) if detail.fact in reply.revealed]


_NOTHING = frozenset(
    "|no information found|i do not know|i don t know|do not know|don t know|no idea|not sure|i am not sure"
    "|i m not sure|i did not understand|no answer".split("|")
)


def says_nothing(text: str) -> bool:
    """Whether a reply is empty, a question in return, or one of the common ways to leave a question open.

    >>> says_nothing("I don't know."), says_nothing("What do you mean?"), says_nothing("Red, please.")
    (True, True, False)
    """
    words = "".join(letter if letter.isalnum() else " " for letter in text.lower()).split()
    return text.rstrip().endswith("?") or " ".join(words) in _NOTHING


class AskedCoverage:
    """Those that the question is about: for a person or a recording, of whom nobody knows what a reply reveals. What
    `says_nothing` knows brings up nothing; how much else a reply tells is not looked at."""

    def __init__(self, task: Task) -> None:
        self._category = task.category

    async def covered(self, question: str, remaining: Sequence[Detail], reply: UserReply) -> Sequence[int]:
        """What was asked for, or is known to be revealed, and got a reply."""
        if says_nothing(reply.text):
            return []
        named = {*topics_in(question, self._category), *reply.revealed}
        return [index for index, detail in enumerate(remaining) if detail.fact in named]


class ScriptedUser:
    """Says what is wanted where it is asked about a topic, always the same, and that the rest does not matter."""

    def __init__(self, task: Task, texts: Mapping[str, tuple[str, ...]], *, seed: int, unanswered: float) -> None:
        self._task, self._texts, self._unanswered, self._seed = task, texts, unanswered, seed
        self._settled = set(task.told)  # the topics whose question got an answer, and those that the opening states
        self._details = {detail.fact: detail for detail in task.details}
        self._known = set(task.told)
        self._random = derive_random(seed, ENV_ID, task.task_id)

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        """The wishes that the question is about."""
        wording, silent = self._random.random(), self._random.random() < self._unanswered
        topics = topics_in(request, self._task.category)
        if not topics:
            return UserReply(text=self._say("unclear", wording))
        if silent:
            return UserReply(text=NO_INFORMATION)
        self._settled.update(topics)
        values = {topic: detail.value for topic, detail in self._details.items()}
        text = self._answer(topics, values, wording)
        wanted = [topic for topic in topics if topic in values]
        if not wanted:
            return UserReply(text=text)
        revealed = tuple(topic for topic in wanted if topic not in self._known)
        self._known.update(revealed)
        return UserReply(text=text, revealed=revealed, repeated=not revealed, useful=bool(revealed))

    def alternatives(self, request: Action, draws: int, turn: int) -> list[str]:
        """Which of the open topics the user has wishes about, and what they wish, is equally likely in every way.

        (That a split holds only a hashed part of all wishes is not taken into account.)
        """
        topics = topics_in(request.content, self._task.category) if request.choice in ("action", "answer") else []
        if self._settled.issuperset(topics):
            return []
        generator = derive_random(self._seed, ENV_ID, "alternatives", self._task.task_id, turn)
        known = {topic: detail.value for topic, detail in self._details.items() if topic in self._settled}
        possible = topics_of(self._task.category)
        left = [topic for topic in possible if topic not in self._settled]

        def say(wording: float) -> str:
            wishes = generator.sample(left, len(self._details) - len(known))
            return self._answer(topics, known | {one: generator.choice(possible[one].names) for one in wishes}, wording)

        return drawn(draws, generator, self._unanswered, say)

    def _answer(self, topics: Sequence[str], values: Mapping[str, str], wording: float) -> str:
        said = [
            self._say("answer", wording).format(topic=topic, value=values[topic]) for topic in topics if topic in values
        ]
        return " ".join(said) or self._say("indifferent", wording)

    def _say(self, key: str, wording: float) -> str:
        ways = self._texts[key]
        return ways[int(wording * len(ways))]


_REPLY = """You play a user who has asked for something. Answer the `question` of your assistant as this user: with \
a realistic choice where it asks what you want, else bring the talk back to your request. Never list what your \
request leaves out, and never do the work yourself. Return one JSON object with the fields "thought" and "response"."""
_JUDGE = """A user has made a vague request, and an assistant asks a `question` about it. Say which of the `missing` \
details, given by their indices, the question would bring up; none where it is about something else. Return one JSON \
object with the fields "analysis", "is_task_related" (true or false) and "covered_detail_indices" (a list of \
indices)."""
_LEVELS = {1: "LOW", 2: "MEDIUM", 3: "HIGH"}


class ChatPair:
    """A `User` and a `Coverage`: a user who does not see the details, a judge who does; one try each, as published."""

    def __init__(self, task: Task, chat: ChatModel, fallbacks: Sequence[str]) -> None:
        self._task, self._chat = task, chat
        self._fallbacks = fallbacks
        self._random = derive_random(ENV_ID, "fallbacks", task.task_id)
        self._talk: list[str] = []

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        """The `response` of a JSON object in the reply, else the reply as it is; a failed call gets a canned line."""

        def read(raw: str) -> dict[str, Any] | None:
            found = _read_object(raw)  # as published, any text is a reply, an object that is broken as well
            return {"response": raw} if found is None and not isinstance(self._chat, LiveChat) else found

        found = await ask_model(self._chat, _REPLY, self._told(request), read, holds_text("response"), tries=1)
        if found is None:
            return UserReply(text=self._random.choice(list(self._fallbacks)))
        return UserReply(text=str(found.get("response", "")))

    async def covered(self, question: str, remaining: Sequence[Detail], reply: UserReply) -> Sequence[int]:
        """The indices that the judge gives: whole numbers or strings of digits, in range, as often as they come."""
        missing = [
            f"{index} [{_LEVELS[detail.importance]}] {detail.description}; for example: {detail.inquiry}"
            for index, detail in enumerate(remaining)
        ]
        told = {"missing": missing, **self._told(question)}

        def usable(read: dict[str, Any]) -> bool:
            related, given = read.get("is_task_related", True), read.get("covered_detail_indices")
            if related is not True or not isinstance(given, list):
                return related is False
            return all((number := _index(one)) is not None and number < len(remaining) for one in given)

        read = await ask_model(self._chat, _JUDGE, told, _read_object, usable, tries=1)
        self._talk = [*self._talk, f"Question: {question}\nAnswer: {reply.text}"][-3:]
        if read is None or not read.get("is_task_related", True):
            return []
        indices = read.get("covered_detail_indices")
        numbers = [_index(given) for given in indices] if isinstance(indices, list) else []
        return [number for number in numbers if number is not None and number < len(remaining)]

    def _told(self, question: str) -> Fields:
        task = self._task
        return {"category": task.category, "request": task.request, "talk": self._talk, "question": question}


def _index(given: object) -> int | None:
    if isinstance(given, str) and given.isascii() and given.isdigit():
        return int(given)
    return given if isinstance(given, int) and not isinstance(given, bool) and given >= 0 else None


def _read_object(raw: str) -> dict[str, Any] | None:
    """From the first `{` to the last `}`, read as JSON; None where that is no object."""
    try:
        value = json.loads(raw[raw.find("{") : raw.rfind("}") + 1])
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
