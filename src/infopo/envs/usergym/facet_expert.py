"""The scripted policy for riddles made of facets: halve what is possible, facet by facet, then say what is left."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from infopo.core import Message, derive_random
from infopo.envs.base import parse_action
from infopo.envs.episode import NO_INFORMATION
from infopo.envs.registry import ExpertKind
from infopo.envs.usergym.facets import Facets, Possible

ASK_PROBABILITIES = (0.3, 0.6, 0.9)  # weak: one of these a dialogue, so that both haste and care are seen
ASK_AGAIN_PROBABILITY = 0.6

Start = Callable[[tuple[Message, ...]], Possible]  # reads the opening
Write = Callable[[str, Sequence[str]], str]  # facet and values -> a question
Answer = Callable[[Mapping[str, str]], str]  # facet -> value, all of them -> an answer


class FacetExpert:
    """`full` asks until it knows everything or its turns run out. `weak` leaves facets out, by chance, and guesses;
    it gives up after a guess that missed. Both agree with everything they were told. One expert may play many
    dialogues, one after another.

    `think`: before an action it writes down what the last reply settled (nano).
    """

    def __init__(
        self,
        kind: ExpertKind,
        *,
        seed_parts: Sequence[int | str],
        facets: Facets,
        start: Start,
        write: Write,
        answer: Answer,
        max_turns: int,
        think: bool,
    ) -> None:
        self._kind, self._facets, self._max_turns, self._think = kind, facets, max_turns, think
        self._start, self._write, self._answer = start, write, answer
        self._random = derive_random(*seed_parts, kind)
        self._ask_probability = 0.5
        self._chosen: dict[str, bool] = {}  # weak: whether to ask about a facet, once it was thought of

    def act(self, messages: tuple[Message, ...]) -> str:
        """The next action's text."""
        turns = sum(message.role == "assistant" for message in messages)
        if turns == 0:
            self._ask_probability = self._random.choice(ASK_PROBABILITIES)
            self._chosen = {}
        elif self._kind == "weak" and any(_answered(message) for message in messages):
            return "[finish]"
        possible, news, silent = self._read(messages)
        thought = f"<think> {news}</think>" if news and self._think else ""
        if turns + 1 < self._max_turns:
            for name, left in possible.values.items():
                if len(left) > 1 and self._wants(name, silent):
                    return f"{thought}[action] {self._write(name, left[: (len(left) + 1) // 2])}"
        values = {name: self._random.choice(left) for name, left in possible.values.items()}
        if self._think:
            thought = f"<think> {' '.join(f'{name} {value}' for name, value in values.items())}</think>"
        return f"{thought}[answer] {self._answer(values)}"

    def _read(self, messages: tuple[Message, ...]) -> tuple[Possible, str | None, bool]:
        """What is possible, what the last reply settled, and whether it said nothing."""
        first = next((k for k, message in enumerate(messages) if message.role == "assistant"), len(messages))
        possible = self._start(messages[:first])
        news, silent = None, False
        for action, reply in pairwise(messages[first:]):
            if action.role != "assistant" or reply.role == "assistant":
                continue
            asked = self._facets.question(parse_action(action).content)
            silent = reply.content == NO_INFORMATION
            before, news = possible.known, None
            word = reply.content.lower()[:3]
            if asked is not None and word[:2] in ("ye", "no") and not silent:
                possible.learn(asked, word == "yes")
                settled = [f"{name} {value}" for name, value in possible.known.items() if name not in before]
                news = " ".join(settled) or None
        return possible, news, silent

    def _wants(self, name: str, silent: bool) -> bool:
        """Whether to ask about a facet (again). What was decided holds for the rest of the dialogue."""
        if self._kind == "full":
            return True
        if name not in self._chosen:
            self._chosen[name] = self._random.random() < self._ask_probability
        elif self._chosen[name] and silent:
            self._chosen[name] = self._random.random() < ASK_AGAIN_PROBABILITY
        return self._chosen[name]


def _answered(message: Message) -> bool:
    return message.role == "assistant" and parse_action(message).choice == "answer"


def listed(values: Sequence[str]) -> str:
    """Values as a person lists them.

    >>> listed(["red", "blue", "green"])
    'red, blue or green'
    """
    return " or ".join([", ".join(values[:-1]), values[-1]] if len(values) > 1 else values)
