"""The scripted user: holds the hidden preferences, answers with hints, one preference at a time."""

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from infopo.core import Message, derive_random
from infopo.envs.usergym.travel.dialect import Dialect, Question
from infopo.envs.usergym.travel.task import Preference, Task
from infopo.envs.usergym.travel.words import NO_INFORMATION
from infopo.users.base import UserReply

Possible = Callable[[Preference], Sequence[str]]

ELICITATION_INTERVAL = 3  # turns of talk without a wish before the user brings one up unasked


class ScriptedUser:
    """Understands questions through the dialect's grammar; its randomness is its own, drawn from `seed`.

    A question about a hidden preference reveals it by a hint. The same question later restates it. After three
    messages in a row that ask for none, the fourth is met with a random hidden preference, unasked.
    """

    def __init__(self, task: Task, dialect: Dialect, *, seed: int, unanswered: float) -> None:
        self._task, self._dialect, self._unanswered = task, dialect, unanswered
        self._rng = derive_random(seed, "travel-user", task.task_id)
        self._known = {p.fact: p for p in task.preferences if p.fact in task.revealed}
        self._hidden = {p.fact: p for p in task.preferences if p.fact not in task.revealed}
        drawn = {p.fact: self._rng.randrange(1 << 16) for p in task.preferences}
        self._first_cue = drawn if dialect.varies_cues else dict.fromkeys(drawn, 0)
        self._told = dict.fromkeys(self._first_cue, 0)
        self._idle = 0
        self._mentioned: str | None = None

    @property
    def known(self) -> Collection[str]:
        """The facts that the agent has been told."""
        return self._known.keys()

    def drop(self, aspect: str) -> None:
        """The aspect is booked: what is still hidden about it no longer matters to the user."""
        self._hidden = {fact: p for fact, p in self._hidden.items() if p.aspect != aspect}

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        """The `User` protocol; the script needs only the request."""
        return self.hear(request)

    def hear(self, text: str) -> UserReply:
        """Answer one `[action]` message."""
        question = self._dialect.question(text, self._task, self._mentioned)
        if question.topics:
            self._mentioned = question.topics[0][0]
        silent = self._rng.random() < self._unanswered  # drawn every time: one dialogue, one stream
        if silent and question.kind in ("topic", "several"):
            return UserReply(text=NO_INFORMATION)
        preference = self._matched(question)
        if preference is not None:
            return self._answer(preference, question)
        if self._idle >= ELICITATION_INTERVAL and self._hidden:
            unasked = self._rng.choice(list(self._hidden.values()))
            return UserReply(text=self._tell(unasked, "unasked"), revealed=(unasked.fact,))
        self._idle += 1
        if question.kind == "several" and not self._dialect.answers_several:
            return UserReply(text=self._dialect.say("vague", {}))
        key = "no_wish" if question.topics else question.kind
        return UserReply(text=self._dialect.say(key, {}))

    def alternatives(self, text: str, draws: int, generator: random.Random, possible: Possible) -> list[str]:
        """What `hear` could answer to this text if the wishes not yet told were others; nothing changes by it.

        `possible` gives the values that a wish may have. Empty where the answer depends on no hidden wish.
        """
        question = self._dialect.question(text, self._task, self._mentioned)
        matched = self._matched(question)
        unasked = matched is None and self._idle >= ELICITATION_INTERVAL and bool(self._hidden)
        if matched is None and not unasked:
            return []  # silence is no news about a wish either
        mute = self._unanswered if question.kind in ("topic", "several") else 0.0
        context = "unasked" if unasked else "several" if question.kind == "several" else "asked"

        def answer() -> str:
            if generator.random() < mute:
                return NO_INFORMATION
            preference = matched or generator.choice(list(self._hidden.values()))
            fact = preference.fact
            if fact in self._known:
                return self._dialect.cue(preference, self._first_cue[fact] + self._told[fact], context="again")
            number = generator.randrange(1 << 16) if self._dialect.varies_cues else 0
            other = replace(preference, value=generator.choice(possible(preference)))
            return self._dialect.cue(other, number, context=context)

        return [answer() for _ in range(draws)]

    def _matched(self, question: Question) -> Preference | None:
        """The first topic that is still hidden, else the first that the agent was told."""
        if question.kind == "several" and not self._dialect.answers_several:
            return None
        facts = [f"{aspect}.{topic}" for aspect, topic in question.topics]
        for pool in (self._hidden, self._known):
            for fact in facts:
                if fact in pool:
                    return pool[fact]
        return None

    def _answer(self, preference: Preference, question: Question) -> UserReply:
        if preference.fact in self._known:
            return UserReply(text=self._tell(preference, "again"), repeated=True)
        text = self._tell(preference, "several" if question.kind == "several" else "asked")
        return UserReply(text=text, revealed=(preference.fact,), useful=True)

    def _tell(self, preference: Preference, context: str) -> str:
        fact = preference.fact
        number = self._first_cue[fact] + self._told[fact]
        self._told[fact] += 1
        if self._hidden.pop(fact, None) is not None:
            self._known[fact] = preference
            self._idle = 0
        return self._dialect.cue(preference, number, context=context)
