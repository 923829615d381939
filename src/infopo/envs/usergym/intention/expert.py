"""Scripted policies that read only what a policy sees: `full` proves solvability, `weak` feeds the warm start."""

import re
from itertools import pairwise

from infopo.core import Message, derive_random
from infopo.envs.base import parse_action
from infopo.envs.episode import NO_INFORMATION
from infopo.envs.registry import ExpertKind
from infopo.envs.usergym.intention.options import IntentionOptions
from infopo.envs.usergym.intention.user import topics_in
from infopo.envs.usergym.intention.words import DOMAINS, topics_of

ASK_PROBABILITIES = (0.3, 0.6, 0.9)  # weak: one of these a dialogue, so that both haste and care are seen
ASK_AGAIN_PROBABILITY = 0.3

_STATED = re.compile(r"\b[Mm]y (\w+) is (\w+)")


class IntentionExpert:
    """`full` asks for every topic, again where it got no answer. `weak` leaves topics out, by chance, and finishes."""

    def __init__(self, kind: ExpertKind, seed: int, options: IntentionOptions) -> None:
        self._kind, self._nano = kind, options.difficulty == "nano"
        self._random = derive_random(seed, "intention-expert", kind)
        self._ask_probability = 0.5
        self._left_out: set[str] = set()

    def act(self, messages: tuple[Message, ...]) -> str:
        """The next action's text."""
        if all(message.role != "assistant" for message in messages):
            self._ask_probability = self._random.choice(ASK_PROBABILITIES)
            self._left_out = set()
        opening = next(message.content for message in messages if message.role == "user")
        category = _category(opening)
        answered, silent = {topic for topic, _ in _STATED.findall(opening)} | self._left_out, None
        for action, reply in pairwise(messages):
            if action.role == "assistant":
                topic = topics_in(parse_action(action).content, category)[0]
                silent = topic if reply.content == NO_INFORMATION else None
                answered |= {topic} - {silent}
        for topic in topics_of(category):
            if topic not in answered and self._wants(topic, topic == silent):
                return f"[action] which {topic} ?" if self._nano else f"[action] Which {topic} would you like?"
        return "[finish]"

    def _wants(self, topic: str, again: bool) -> bool:
        """Whether to ask for a topic (again). A no is remembered for the rest of the dialogue."""
        share = ASK_AGAIN_PROBABILITY if again else self._ask_probability
        wants = self._kind == "full" or self._random.random() < share
        if not wants:
            self._left_out.add(topic)
        return wants


def _category(opening: str) -> str:
    for category, (request, _, _) in DOMAINS.items():
        if opening.startswith((request, f"i need a {category}")):
            return category
    raise ValueError("no opening of usergym/intention in the messages")
