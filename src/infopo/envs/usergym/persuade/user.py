"""Who is to be persuaded: a script with hidden reasons, or the published language model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any, Protocol

from infopo.core import Message, derive_random
from infopo.envs.base import Action
from infopo.envs.episode import NO_INFORMATION, drawn
from infopo.envs.usergym.persuade.bank import Task
from infopo.envs.usergym.persuade.options import ENV_ID, LAST, STANCES
from infopo.envs.usergym.persuade.words import REASONS, TOPIC, TOPICS
from infopo.envs.usergym.phrases import stems
from infopo.envs.usergym.upstream import Fields, ask_model, field_of, holds_text, load_list, read_literal
from infopo.users import ChatModel, User, UserReply

_WHY = frozenset("why what which reason because".split())
_STEP = LAST // REASONS  # levels that the loss of one reason is worth


class Mind(Protocol):
    """Where the believer stands after the last reply; None: nobody could say, so it is where it was."""

    @property
    def stance(self) -> str | None: ...


def topics_in(text: str) -> list[str]:
    """The topics that a question or an argument is about."""
    asked = TOPICS.question(text)
    return sorted(asked[0][1]) if asked else sorted(set(TOPICS.named(text).values()))


def is_question(text: str) -> bool:
    """Whether a message asks for reasons rather than argues."""
    return "?" in text or (not topics_in(text) and not _WHY.isdisjoint(stems(text)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A message as the believer understands it."""

    asks: bool
    topics: list[str]


def understood(text: str) -> Heard:
    """What a message asks or argues."""
    return Heard(asks=is_question(text), topics=topics_in(text))


class Belief:
    """What a believer holds and how they take a message; nothing in it is random but the `wording` that is given.

    Gives a reason where it is asked why, gives one up where it is argued against: two levels each. An argument about
    something that it never cared about makes it dig in: one level back, remembered even below the first stance. So who
    argues blindly does not come all the way.
    """

    def __init__(self, reasons: tuple[str, ...], told: Iterable[str], texts: Mapping[str, tuple[str, ...]]) -> None:
        self._reasons, self._texts, self._told = reasons, texts, set(told)
        self._lost: set[str] = set()
        self._misses = 0

    @property
    def stance(self) -> str:
        """By the reasons that are lost, and the arguments that were beside the point."""
        return STANCES[max(0, _STEP * len(self._lost) - self._misses)]

    def take(self, heard: Heard, wording: float) -> UserReply:
        """The reply to a message."""
        return self._answered(heard.topics, wording) if heard.asks else self._argued(heard.topics, wording)

    def _answered(self, topics: list[str], wording: float) -> UserReply:
        if len(topics) > 1:
            return UserReply(text=self._say("several", wording))
        if topics:
            held = topics[0] in self._reasons
            return self._tell(topics[0] if held else None, self._say("yes" if held else "no", wording, topics[0]))
        reason = next((reason for reason in self._reasons if reason not in self._told), None)
        if reason is None:
            return UserReply(text=self._say("no_more", wording), repeated=True)
        return self._tell(reason, self._say("reason", wording, reason))

    def _tell(self, reason: str | None, text: str) -> UserReply:
        revealed = () if reason is None or reason in self._told else (reason,)
        self._told.update(revealed)
        return UserReply(
            text=text, revealed=revealed, repeated=reason is not None and not revealed, useful=bool(revealed)
        )

    def _argued(self, topics: list[str], wording: float) -> UserReply:
        if len(topics) != 1:
            return UserReply(text=self._say("several" if topics else "unclear", wording))
        (topic,) = topics
        if topic in self._lost:
            return UserReply(text=self._say("again", wording, topic), repeated=True)
        if topic not in self._reasons:
            self._misses += 1
            return UserReply(text=self._say("unmoved", wording, topic))
        self._lost.add(topic)
        return replace(self._tell(topic, self._say("moved", wording, topic)), repeated=False)

    def _say(self, key: str, wording: float, topic: str = "") -> str:
        ways = self._texts[key]
        return ways[int(wording * len(ways))].format(topic=topic)


class ScriptedBeliever:
    """A `User` and a `Mind`: a `Belief`, words drawn from its own generator, and a chance of no answer."""

    def __init__(self, task: Task, texts: Mapping[str, tuple[str, ...]], *, seed: int, unanswered: float) -> None:
        self._task, self._texts, self._seed, self._unanswered = task, texts, seed, unanswered
        self._belief = Belief(task.reasons, task.told, texts)
        self._said: list[tuple[Heard, float, str]] = []  # what was heard, how it was worded, and what was said
        self._random = derive_random(seed, ENV_ID, task.task_id)

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        """What the believer says to it."""
        wording, silent = self._random.random(), self._random.random() < self._unanswered
        heard = understood(request)
        if heard.asks and silent:
            return UserReply(text=NO_INFORMATION)
        reply = self._belief.take(heard, wording)
        self._said.append((heard, wording, reply.text))
        return reply

    @property
    def stance(self) -> str | None:
        """Where the belief stands."""
        return self._belief.stance

    def alternatives(self, request: Action, draws: int, turn: int) -> list[str]:
        """By all reasons, in every order, with which the believer would have said the same, each equally likely."""
        if request.choice not in ("action", "answer"):
            return []
        heard, told = understood(request.content), self._task.told
        orders = (order for order in permutations(TOPIC.names, REASONS) if order[: len(told)] == told)
        fitting = [order for order in orders if self._replayed(order) is not None]

        def said(order: tuple[str, ...], wording: float) -> str:
            belief = self._replayed(order)
            assert belief is not None
            return belief.take(heard, wording).text

        if len({said(order, 0.0) for order in fitting}) < 2:
            return []
        generator = derive_random(self._seed, ENV_ID, "alternatives", self._task.task_id, turn)
        silent = self._unanswered if heard.asks else 0.0
        return drawn(draws, generator, silent, lambda wording: said(generator.choice(fitting), wording))

    def _replayed(self, reasons: tuple[str, ...]) -> Belief | None:
        """A belief in these reasons after all that was said; None where it would have said something else."""
        belief = Belief(reasons, self._task.told, self._texts)
        same = all(belief.take(heard, wording).text == text for heard, wording, text in self._said)
        return belief if same else None


class Overheard:
    """A `User` who answers without the script: a recording, or a person. The script hears every message, so that it
    can tell where the believer stands, and its words are dropped."""

    def __init__(self, user: User, script: ScriptedBeliever) -> None:
        self._user, self._script = user, script

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        """The user's reply."""
        reply = await self._user.reply(messages, request)
        await self._script.reply(messages, request)
        return reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """An upstream record: what somebody claims, and their essay for it, which the policy does not see."""

    task_id: str
    claim: str
    argument: str


def read_statement(record: Any, where: str) -> Statement:
    """An upstream record; `UserError` names where, the field, and what is wrong with it."""
    texts = {name: field_of(record, name, str, where) for name in ("id", "claim", "argument")}
    return Statement(task_id=texts["id"], claim=texts["claim"], argument=texts["argument"])


def load_records(path: Path) -> list[dict[str, Any]]:
    """The records of an upstream `all_statements_refined.json`, each checked by `read_statement`."""
    return load_list(path, read_statement)


_BELIEVER = """You play somebody who believes in the `claim`. You are critical but open to good evidence, and you \
point out weak reasoning. Weigh the `latest` argument against your `own`, answer the other person directly in at \
most 200 words, and say where you stand now. Return one object with the fields "thought", "response" and "stance", \
which is one of: """


class ChatBeliever:
    """A `User` and a `Mind`, as published. Failures are said, never scored: there is no other way to report them."""

    def __init__(self, statement: Statement, chat: ChatModel, failed: str) -> None:
        self._statement, self._chat, self._failed = statement, chat, failed
        self._talk: list[str] = []
        self._stands = STANCES[0]
        self.stance: str | None = STANCES[0]

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        """The model's answer as it is; it sees the whole talk."""
        told: Fields = {
            "claim": self._statement.claim,
            "own": self._statement.argument,
            "where you stand": self._stands,
            "talk": self._talk,
            "latest": request,
        }
        read = await ask_model(self._chat, _BELIEVER + ", ".join(STANCES) + ".", told, read_literal, _usable)
        if read is None or not {"response", "stance"} <= read.keys():
            self.stance = None
            return UserReply(text=self._failed)
        response = str(read["response"])
        self._talk.append(f"Turn {len(self._talk) + 1}: Persuader: {request}\nYou: {response}")
        self.stance = self._stands = str(read["stance"])
        return UserReply(text=response)


def _usable(read: dict[str, Any]) -> bool:
    return read.get("stance") in STANCES and holds_text("response")(read)
