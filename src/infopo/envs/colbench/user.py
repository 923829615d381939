"""Who answers: a script that knows the facts, or, for published tasks, a language model that sees the reference."""

import re
from collections.abc import Mapping

from infopo.core import Message, derive_random
from infopo.envs.colbench.options import ENV_ID
from infopo.envs.colbench.task import Family, Task
from infopo.envs.episode import NO_INFORMATION
from infopo.envs.usergym.phrases import Phrases, stems
from infopo.users import ChatModel, UserReply
from infopo.users.quoting import data_messages
from infopo.users.written import SCHEMA, reply_in

MOST_FACTS = 2  # a reply is about two things at most
LONGEST_REPLY = 400  # characters, as published
_ASKING = frozenset("which what where when who whom how do does would could should any tell is are".split())


def facts_in(text: str, family: Family) -> list[str]:
    """The facts that a question is about, in its order; none where nothing is asked.

    A topic is known by its name or another word for it, whatever stands around; of overlapping ones the longer counts.
    """
    words = stems(text)
    if "?" not in text and _ASKING.isdisjoint(words):
        return []
    table = Phrases(
        (phrase, fact.name)
        for fact in family.facts
        for phrase in (fact.topic, *fact.words.split("|"), fact.name)
        if phrase
    )
    return list(dict.fromkeys(name for _, _, names in table.find(words) for name in names))


class ScriptedUser:
    """Says what is wanted where it is asked about a fact, always the same; of the reference it knows nothing else."""

    def __init__(self, task: Task, texts: Mapping[str, tuple[str, ...]], *, seed: int, unanswered: float) -> None:
        self._task, self._texts, self._unanswered = task, texts, unanswered
        self._topics = {fact.name: fact.topic for fact in task.family.facts}
        self._known = set(task.told)
        self._random = derive_random(seed, ENV_ID, task.task_id)

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        """The first few facts that the question is about."""
        wording, silent = self._random.random(), self._random.random() < self._unanswered
        asked = facts_in(request, self._task.family)[:MOST_FACTS]
        if silent and asked:
            return UserReply(text=NO_INFORMATION)
        if not asked:
            return UserReply(text=self._say("indifferent" if "?" in request else "unclear", wording))
        revealed = tuple(name for name in asked if name not in self._known)
        self._known.update(revealed)
        answers = self._task.answers
        said = [self._say("answer", wording).format(topic=self._topics[name], said=answers[name]) for name in asked]
        return UserReply(text=" ".join(said), revealed=revealed, repeated=not revealed, useful=bool(revealed))

    def _say(self, key: str, wording: float) -> str:
        ways = self._texts[key]
        return ways[int(wording * len(ways))]


_INSTRUCTIONS = (
    "You play a person who has asked an assistant for a Python function. `request` is what you asked for, `secret` is "
    "code that does exactly what you want, `talk` is the conversation so far and `message` what the assistant says "
    "now. Reply to `message` as this person, in one or two sentences: say what you want in everyday words, only as far "
    "as you are asked, and only what follows from `secret`; otherwise say that you do not know or do not mind. You "
    "cannot program: never write code or formulas from `secret`, never give inputs with their outputs, and never say "
    'whether some code is right. Reply with one JSON object: {"reply": "..."}.'
)
_AGAIN = " Your last try repeated parts of `secret` word for word. Say it without any code."
_NO_CODE = "I cannot write code. Please ask me what it should do."
_SHINGLE = 5
_MOST_SHARED = 2
_TOKEN = re.compile(r"\w+|[^\w\s]")


class ChatUser:
    """A language model in the published role: it sees the request, the reference and the talk.

    A reply that repeats the reference is asked for once more; a second one is replaced. `leaks` counts both.
    `hard_cut`: replies are cut at the limit, as published, else at the end of a sentence where there is one.
    """

    def __init__(self, request: str, reference: str, chat: ChatModel, *, hard_cut: bool) -> None:
        self._request, self._reference, self._chat, self._hard_cut = request, reference, chat, hard_cut
        self.leaks = 0

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        """What the model says; a `ChatError` where it says nothing of use."""
        talk = [f"{message.role}: {message.content}" for message in messages if message.role != "system"]
        fields = {"request": self._request, "secret": self._reference, "talk": talk, "message": request}
        for instructions in (_INSTRUCTIONS, _INSTRUCTIONS + _AGAIN):
            raw = await self._chat.complete(data_messages(instructions, fields), schema=SCHEMA, check=reply_in)
            text = _cut(reply_in(raw), hard=self._hard_cut)
            if not repeats(text, self._reference):
                return UserReply(text=text)
            self.leaks += 1
        return UserReply(text=_NO_CODE)


def repeats(text: str, code: str) -> bool:
    """Whether a text has more than two runs of five tokens in common with the code; comments and signature aside.

    >>> code = "def f(x):\\n    total = x * 3 + 2\\n    return total"
    >>> repeats("Three times the number, and two more.", code), repeats("total = x * 3 + 2", code)
    (False, True)
    """
    lines = [line.partition("#")[0] for line in code.splitlines() if not line.lstrip().startswith(("def ", "#"))]
    return len(_shingles("\n".join(lines)) & _shingles(text)) > _MOST_SHARED


def _shingles(text: str) -> set[tuple[str, ...]]:
    tokens = _TOKEN.findall(text)
    return {tuple(tokens[k : k + _SHINGLE]) for k in range(len(tokens) - _SHINGLE + 1)}


def _cut(text: str, *, hard: bool) -> str:
    if len(text) <= LONGEST_REPLY:
        return text
    text = text[:LONGEST_REPLY]
    end = max(text.rfind(mark) for mark in ".!?")
    return text if hard or end < 0 else text[: end + 1]
