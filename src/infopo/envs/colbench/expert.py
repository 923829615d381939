"""Scripted policies that read only what a policy sees: `full` proves solvability, `weak` feeds the warm start."""

import re
from collections.abc import Mapping

from infopo.core import Message, derive_random
from infopo.envs.colbench.families import FAMILIES
from infopo.envs.colbench.options import CodeOptions
from infopo.envs.colbench.task import Family, Value
from infopo.envs.colbench.texts import MARKER, request
from infopo.envs.colbench.user import facts_in
from infopo.envs.episode import NO_INFORMATION
from infopo.envs.registry import ExpertKind

ASK_PROBABILITIES = (0.3, 0.6, 0.9)  # weak: one of these a dialogue, so that both haste and care are seen
ASK_AGAIN_PROBABILITY = 0.3


class CodeExpert:
    """`full` asks for every fact, again where it got no answer. `weak` leaves facts out, by chance, and guesses them.

    Both write what they are told, and answer on the last turn whatever they know.
    """

    def __init__(self, kind: ExpertKind, seed: int, options: CodeOptions) -> None:
        self._kind, self._options = kind, options
        self._random = derive_random(seed, "code-expert", kind)
        self._ask_probability = 0.5
        self._left_out: set[str] = set()

    def act(self, messages: tuple[Message, ...]) -> str:
        """The next action's text."""
        turns = sum(message.role == "assistant" for message in messages)
        if not turns:
            self._ask_probability = self._random.choice(ASK_PROBABILITIES)
            self._left_out = set()
        family = self._family(messages)
        known = _known(family, messages)
        silent = None
        if turns and messages[-1].content == NO_INFORMATION:
            silent = next(iter(facts_in(messages[-2].content, family)), None)
        if turns + 1 < self._options.max_turns:
            for fact in family.facts:
                if fact.name not in known and self._wants(fact.name, again=fact.name == silent):
                    return f"[action] which {fact.name} ?" if self._nano else f"[action] What about the {fact.topic}?"
        facts = {fact.name: known.get(fact.name, self._random.choice(list(fact.says))) for fact in family.facts}
        code = family.write(**facts)
        return f"{MARKER} {code}" if self._nano else f"{MARKER}\n```python\n{code}```"

    @property
    def _nano(self) -> bool:
        return self._options.difficulty == "nano"

    def _family(self, messages: tuple[Message, ...]) -> Family:
        opening = next(message.content for message in messages if message.role == "user")
        for family in FAMILIES[self._options.difficulty]:
            if opening.startswith(request(family, self._options.difficulty)):
                return family
        raise ValueError("no opening of an own task of colbench/code in the messages")

    def _wants(self, name: str, *, again: bool) -> bool:
        """Whether to ask for a fact (again). A no is remembered for the rest of the dialogue."""
        if self._kind == "full":
            return True
        share = ASK_AGAIN_PROBABILITY if again else self._ask_probability
        if name not in self._left_out and self._random.random() < share:
            return True
        self._left_out.add(name)
        return False


def _known(family: Family, messages: tuple[Message, ...]) -> Mapping[str, Value]:
    """What the user has said so far, in the opening or since."""
    told = [message.content for message in messages if message.role in ("user", "tool")]
    return {
        fact.name: value
        for fact in family.facts
        for value, said in fact.says.items()
        if any(re.search(rf"{re.escape(said)}(?!\w)", text) for text in told)
    }
