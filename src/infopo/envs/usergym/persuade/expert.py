"""Scripted policies that read only what a policy sees: `full` proves solvability, `weak` feeds the warm start."""

import re

from infopo.core import Message, derive_random
from infopo.envs.base import parse_action
from infopo.envs.episode import NO_INFORMATION
from infopo.envs.registry import ExpertKind
from infopo.envs.usergym.persuade.options import PersuadeOptions
from infopo.envs.usergym.persuade.words import REASONS, TOPIC, TOPICS

ASK_PROBABILITIES = (0.3, 0.6, 0.9)  # weak: one of these a dialogue, so that both haste and care are seen
BLIND_PROBABILITY = 0.4

_STATED = re.compile(r"(?:because of|[Tt]he) (\w+)(?:$| is one reason)", re.MULTILINE)


class PersuadeExpert:
    """`full` asks for all reasons, then argues against each. `weak` stops asking too early, by chance, and then tries
    a topic blindly now and then, or gives up. One expert may play many dialogues, one after another."""

    def __init__(self, kind: ExpertKind, seed: int, options: PersuadeOptions) -> None:
        self._kind, self._nano = kind, options.difficulty == "nano"
        self._random = derive_random(seed, "persuade-expert", kind)
        self._ask_probability = 0.5
        self._asking = True

    def act(self, messages: tuple[Message, ...]) -> str:
        """The next action's text."""
        if all(message.role != "assistant" for message in messages):
            self._ask_probability = self._random.choice(ASK_PROBABILITIES)
            self._asking = True
        opening = next(message.content for message in messages if message.role == "user")
        reasons = [topic for topic in _STATED.findall(opening) if topic in TOPIC.names]
        argued: list[str] = []
        asked = False
        for message in messages[1:]:
            if message.role == "assistant":
                action = parse_action(message)
                asked = action.choice == "action"
                argued += [] if asked else TOPICS.named(action.content).values()
            elif asked and message.content not in (opening, NO_INFORMATION):
                reasons += [topic for topic in TOPICS.named(message.content).values() if topic not in reasons]
        return self._next(reasons, argued)

    def _next(self, reasons: list[str], argued: list[str]) -> str:
        if len(reasons) < REASONS and self._asking:
            self._asking = self._kind == "full" or self._random.random() < self._ask_probability
            if self._asking:
                return "[action] why ?" if self._nano else "[action] Why do you think so?"
        left = [reason for reason in reasons if reason not in argued]
        untried = [topic for topic in TOPIC.names if topic not in argued]
        if not left and untried and self._random.random() < BLIND_PROBABILITY:
            left = [self._random.choice(untried)]
        if not left:
            return "[finish]"
        if self._nano:
            return f"[answer] no problem with {left[0]}"
        return f"[answer] Think about the {left[0]} once more: it would be better without this plan."
