"""Scripted policies that read only what a policy sees: `full` proves solvability, `weak` feeds the warm start."""

import re

from infopo.core import Message, UserError, derive_random
from infopo.envs.registry import ExpertKind
from infopo.envs.search.options import ENV_ID, SearchQAOptions
from infopo.envs.search.words import BY_NOUN, HOLE, Difficulty, Relation, names, phrase, stated

SEARCH_PROBABILITIES = (0.2, 0.5, 0.8)  # weak: one of these a dialogue, so that both haste and care are seen


class SearchQAExpert:
    """Searches for one fact after the other, again where nothing was found; then answers.

    `weak` stops searching too early, by chance, and guesses. One expert may play many dialogues. Generated questions
    only: `UserError` for others.
    """

    def __init__(self, kind: ExpertKind, seed: int, options: SearchQAOptions) -> None:
        self._kind, self._options = kind, options
        self._difficulty: Difficulty = "nano" if options.difficulty == "nano" else "standard"
        self._random = derive_random(seed, ENV_ID, "expert", kind)
        self._search_probability = 0.5

    def act(self, messages: tuple[Message, ...]) -> str:
        """The next action's text."""
        turns = sum(message.role == "assistant" for message in messages)
        if turns == 0:
            self._search_probability = self._random.choice(SEARCH_PROBABILITIES)
        opening = next(message.content for message in messages if message.role == "user")
        relations, subject = self._question(opening)
        read = "\n".join(message.content for message in messages if message.role in ("user", "tool"))
        last = ""
        for relation in relations:
            found = self._found(relation, subject, read)
            if found is None:
                if turns < self._options.max_turns - 1 and self._wants():
                    return self._written(last, "search", phrase(relation.noun, subject, self._difficulty))
                last, subject = "", self._random.choice(names(self._difficulty)[relations[-1].object])
                break
            last, subject = stated(relation, subject, found, self._difficulty), found
        return self._written(last, "answer", subject)

    def _wants(self) -> bool:
        return self._kind == "full" or self._random.random() < self._search_probability

    def _written(self, thought: str, choice: str, content: str) -> str:
        """An action, after a thought of what was read last: with published tags always, else in nano before a search.

        Before an answer there is none, so that what is believed of the answer (IGPO) is what would be said.
        """
        if self._options.tags == "published":
            return f"<think> {thought or 'hm'} </think> <{choice}> {content} </{choice}>"
        thinks = thought and choice == "search" and self._difficulty == "nano"
        thought = f"<think> {thought}</think>" if thinks else ""
        return f"{thought}[{choice}] {content}"

    def _question(self, opening: str) -> tuple[list[Relation], str]:
        """The relations to follow, the first one first, and where to begin."""
        noun = "|".join(BY_NOUN)
        steps = rf"(?:the )?(?:{noun}) of "
        read = re.match(rf"(?:what|who) is ((?:{steps})+)(.+?) ?\?", opening, re.IGNORECASE)
        if read is None:
            raise UserError(f"the experts of {ENV_ID} answer generated questions, not {opening[:60]!r}")
        return [BY_NOUN[one] for one in reversed(re.findall(rf"({noun}) of ", read[1]))], read[2]

    def _found(self, relation: Relation, subject: str, read: str) -> str | None:
        """What the sentence about a subject says, where it was read."""
        before, after = stated(relation, subject, HOLE, self._difficulty).split(HOLE)
        pattern = r"(\w+)$" if self._difficulty == "nano" else r"([\w ]+)" + re.escape(after)
        match = re.search(re.escape(before) + pattern, read.replace("</information>", ""), re.MULTILINE)
        return None if match is None else match[1]
