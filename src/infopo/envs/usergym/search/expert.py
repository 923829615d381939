"""Scripted policies that read only what a policy sees: `full` proves solvability, `weak` feeds the warm start."""

import re

from infopo.core import Message, derive_random
from infopo.envs.registry import ExpertKind
from infopo.envs.usergym.search.options import UPSTREAM, SearchOptions
from infopo.envs.usergym.search.words import (
    NANO_TOWNS,
    PERSON_RELATIONS,
    THING_RELATIONS,
    TOWNS,
    Relation,
    asked,
    stated,
)

SEARCH_PROBABILITIES = (0.4, 0.7, 0.95)  # weak: one of these a dialogue, so that both haste and care are seen

_HOLE = "<<>>"


class SearchExpert:
    """Searches for the thing, then for the person, again where nothing was found; then answers.

    `weak` stops searching too early, by chance, and names any town. One expert may play many dialogues.
    """

    def __init__(self, kind: ExpertKind, seed: int, options: SearchOptions) -> None:
        self._kind, self._difficulty, self._max_turns = kind, options.difficulty, options.max_turns
        self._nano = options.difficulty == "nano"
        self._random = derive_random(seed, "search-expert", kind)
        self._search_probability = 0.5

    def act(self, messages: tuple[Message, ...]) -> str:
        """The next action's text."""
        turns = sum(message.role == "assistant" for message in messages)
        if turns == 0:
            self._search_probability = self._random.choice(SEARCH_PROBABILITIES)
        opening = next(message.content for message in messages if message.role == "user")
        first, second, thing = self._question(opening)
        read = "\n".join(message.content for message in messages if message.role in ("user", "tool"))
        person = self._found(first, thing, read)
        town = None if person is None else self._found(second, person, read)
        if town is None and turns < min(UPSTREAM.max_search_steps, self._max_turns - 1) and self._wants():
            thought = f"<think> {first.noun} {person}</think>" if person and self._nano else ""
            return f"{thought}[search] {person or thing}"
        thought = f"<think> {first.noun} {person} {second.noun} {town}</think>" if town and self._nano else ""
        return f"{thought}[answer] {town or self._random.choice(NANO_TOWNS if self._nano else TOWNS)}"

    def _wants(self) -> bool:
        return self._kind == "full" or self._random.random() < self._search_probability

    def _question(self, opening: str) -> tuple[Relation, Relation, str]:
        for first in THING_RELATIONS:
            for second in PERSON_RELATIONS:
                before, after = asked(first, second, _HOLE, self._difficulty).split(_HOLE)
                if match := re.match(f"{re.escape(before)}(.+?){re.escape(after)}", opening):
                    return first, second, match[1]
        raise ValueError("no opening of usergym/search in the messages")

    def _found(self, relation: Relation, subject: str, read: str) -> str | None:
        """What the sentence about a subject says, where it was read."""
        before, after = stated(relation, subject, _HOLE, self._difficulty).split(_HOLE)
        match = re.search(f"{re.escape(before)}([\\w ]+?){re.escape(after)}(?:$|\\s)", read, re.MULTILINE)
        return None if match is None else match[1]
