"""Who answers in mode `upstream`: the published traveller, and the minds it may have, a script or a language model."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from infopo.core import Message, derive_random
from infopo.envs.usergym.travel.dialect import Dialect
from infopo.envs.usergym.travel.options import UpstreamRules
from infopo.envs.usergym.travel.task import Task
from infopo.envs.usergym.travel.upstream_task import Trip, Wish
from infopo.envs.usergym.upstream import Fields, ask_model
from infopo.users import ChatModel, UserReply

TALK, CONCRETE, ABSENT, VAGUE = "1", "2", "3", "4"  # the published types of an utterance
OUTAGE, REFUSED = "outage", "refused"

Open = dict[str, Wish]  # by fact, in order


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """What an utterance is. `wish`: what it asks for, where it is a concrete question about something hidden."""

    kind: str = TALK
    wish: Wish | None = None


class Mind(Protocol):
    """Understands the agent and finds words. None instead of words: nobody could say anything."""

    async def sort(self, utterance: str, hidden: Open) -> Sorted: ...

    async def tell(self, wish: Wish, utterance: str, *, asked: bool) -> str | None: ...

    async def talk(self, utterance: str) -> str | None: ...

    async def search(self, query: str) -> str:
        """The aspect that a query is about, all its arguments right; else `REFUSED`, or `OUTAGE` if nobody can say."""
        ...


class Traveller:
    """A `User`: a concrete question gets its wish; others are counted, and at the interval a wish comes unasked.

    `says`: the replies `absent`, `vague` and `failed`.
    """

    def __init__(self, trip: Trip, mind: Mind, says: Mapping[str, str], *, rules: UpstreamRules, seed: int) -> None:
        self._mind, self._says, self._rules = mind, says, rules
        self.hidden: Open = {wish.fact: wish for wish in trip.wishes}
        self._random = derive_random(seed, "travel-traveller", trip.task_id)
        self._idle = 0

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        """What the traveller says to it."""
        found = await self._mind.sort(request, self.hidden)
        if found.wish is not None:
            self._idle = 0
            return await self._reveal(found.wish, request, asked=True)
        if self._idle >= self._rules.elicitation_interval and self.hidden:
            self._idle = 0
            return await self._reveal(self._random.choice(list(self.hidden.values())), request, asked=False)
        self._idle += 1
        if found.kind in (ABSENT, VAGUE):
            return UserReply(text=self._says["absent" if found.kind == ABSENT else "vague"])
        text = await self._mind.talk(request)
        return UserReply(text=self._says["failed"] if text is None else text)

    def drop(self, aspect: str) -> None:
        """The aspect is settled: what is still hidden about it does not matter any more."""
        self.hidden = {fact: wish for fact, wish in self.hidden.items() if wish.aspect != aspect}

    async def _reveal(self, wish: Wish, request: str, *, asked: bool) -> UserReply:
        text = await self._mind.tell(wish, request, asked=asked)
        if text is None or (not asked and self._rules.lost_reveals):
            return UserReply(text=self._says["failed"])
        del self.hidden[wish.fact]
        return UserReply(text=text, revealed=(wish.fact,), useful=asked)


class ScriptedMind:
    """Understands by the grammar of a difficulty, and answers with its hints."""

    def __init__(self, task: Task, dialect: Dialect, *, seed: int, unanswered: float) -> None:
        self._task, self._dialect, self._unanswered = task, dialect, unanswered
        self._preferences = {preference.fact: preference for preference in task.preferences}
        self._random = derive_random(seed, "travel-mind", task.task_id)
        self._mentioned: str | None = None

    async def sort(self, utterance: str, hidden: Open) -> Sorted:
        """By the topics that a question is about."""
        question = self._dialect.question(utterance, self._task, self._mentioned)
        if question.topics:
            self._mentioned = question.topics[0][0]
        if question.kind == "several" and not self._dialect.answers_several:
            return Sorted(kind=VAGUE)
        for aspect, topic in question.topics:
            wish = hidden.get(f"{aspect}.{topic}")
            if wish is not None:
                return Sorted(kind=CONCRETE, wish=wish)
        return Sorted(kind=ABSENT if question.topics else VAGUE if question.kind == "vague" else TALK)

    async def tell(self, wish: Wish, utterance: str, *, asked: bool) -> str | None:
        """A hint, or, by the chance of `unanswered`, nothing."""
        number, silent = self._random.randrange(1 << 16), self._random.random() < self._unanswered
        if silent and asked:
            return None
        number = number if self._dialect.varies_cues else 0
        return self._dialect.cue(self._preferences[wish.fact], number, context="asked" if asked else "unasked")

    async def talk(self, utterance: str) -> str | None:
        """That it was heard, or not understood."""
        kind = self._dialect.question(utterance, self._task, self._mentioned).kind
        return self._dialect.say("talk" if kind == "talk" else "unclear", {})

    async def search(self, query: str) -> str:
        """By the grammar of queries."""
        return self._dialect.search(query, self._task) or REFUSED


_ASPECT_NAMES = {"rental car": "rental_car", "car rental": "rental_car"}
_SEARCH = """You check a `query` to a travel database. You are given the right search `arguments` of each part of a \
trip. The query is right only if it is about exactly one part, and names every argument of that part, each with the \
right value, and no others. Return one JSON object: "alignment_judgement", which is the text "True" or "False", and \
"alignment_aspect", the name of the part."""
_SORT = """You watch a traveller talk with an agent who plans their trip. Say what the agent's `last` message is: \
"1" talk that asks for no preference, "2" a concrete question that one of the `preferences` answers, "3" a concrete \
question about something that is not listed, "4" a question for preferences in general. Return one JSON object: \
"type" and, for type "2", "preference_id"."""
_TELL = """You play a traveller who talks with an agent. Answer the agent's `last` message so that your `preference` \
can be guessed, and do not state it: build on the `hint`. Return one JSON object: "thought" and "response"."""
_UNASKED = """You play a traveller who talks with an agent. Bring up the `preference` of your own accord, and do not \
state it: build on the `hint`, and say what part of the trip it is about. Return one JSON object: "thought" and \
"response"."""
_TALK = """You play a traveller who talks with an agent. Reply to the agent's `last` message in a few words. Ask \
nothing, and name no preference. Return one JSON object: "thought" and "response"."""


class ChatMind:
    """The published language model in its four roles; up to three tries a call."""

    def __init__(self, trip: Trip, chat: ChatModel, *, text_verdicts: bool) -> None:
        self._trip, self._chat, self._text_verdicts = trip, chat, text_verdicts
        self._talk: list[str] = []

    async def search(self, query: str) -> str:
        """The verdict must be a text, the aspect one of the trip; whatever else comes is an outage."""
        wanted = [f"{part.aspect}: {part.arguments}" for part in self._trip.parts]
        fields: Fields = {"arguments": wanted, "query": query}
        read = await self._ask(_SEARCH, fields)
        verdict, aspect = read.get("alignment_judgement"), read.get("alignment_aspect")
        if not self._text_verdicts:
            verdict = {"true": "True", "false": "False"}.get(str(verdict).lower(), verdict)
        found = OUTAGE
        if verdict in ("False", "N/A"):
            found = REFUSED
        elif verdict == "True" and isinstance(aspect, str):
            name = aspect.strip().lower()
            name = _ASPECT_NAMES.get(name, name)
            found = name if self._trip.part(name) else OUTAGE
        self._talk += [f"Agent: {query}", f"Database: ({found})"]
        return found

    async def sort(self, utterance: str, hidden: Open) -> Sorted:
        """As the judge says; whatever it says wrongly is talk."""
        listed = [f"{wish.fact} ({wish.aspect}): {wish.text}" for wish in hidden.values()]
        told = {"traveller": self._trip.scenario, "preferences": listed, **self._heard(utterance)}
        read = await self._ask(_SORT, told)
        kind, fact = str(read.get("type")).strip(), read.get("preference_id")
        wish = hidden.get(fact.strip()) if kind == CONCRETE and isinstance(fact, str) else None
        if kind not in (ABSENT, VAGUE):
            kind = CONCRETE if wish else TALK
        self._talk.append(f"Agent: {utterance} [type {kind}]")
        return Sorted(kind=kind, wish=wish)

    async def tell(self, wish: Wish, utterance: str, *, asked: bool) -> str | None:
        """A reply that gives the wish away."""
        told = {"preference": f"({wish.aspect}) {wish.text}", "hint": wish.cue, **self._heard(utterance)}
        return await self._say(_TELL if asked else _UNASKED, told)

    async def talk(self, utterance: str) -> str | None:
        """A reply that gives nothing away."""
        return await self._say(_TALK, self._heard(utterance))

    async def _say(self, role: str, fields: Fields) -> str | None:
        response = (await self._ask(role, fields)).get("response")
        if not isinstance(response, str):
            return None
        self._talk.append(f"User: {response}")
        return response

    async def _ask(self, role: str, fields: Fields) -> dict[str, Any]:
        return await ask_model(self._chat, role, fields, read_first_json) or {}

    def _heard(self, utterance: str) -> Fields:
        return {"talk": self._talk, "last": utterance}


_FENCE = re.compile(r"```json(.*?)```", re.DOTALL)


def read_first_json(text: str) -> dict[str, Any]:
    """The first that is JSON of: the whole text, the first json fence, from the first `{` to the last `}`.

    Empty where that is no object: unlike `read_json`, nothing is looked for behind JSON of another kind.

    >>> read_first_json('So: {"type": "1"}'), read_first_json('[{"type": "1"}]')
    ({'type': '1'}, {})
    """
    fenced = _FENCE.search(text)
    for candidate in (text, fenced[1] if fenced else "", text[text.find("{") : text.rfind("}") + 1]):
        try:
            value = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, dict) else {}
    return {}
