"""Scripted policies that read only what a policy sees: `full` proves solvability, `weak` feeds the warm start."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise, product

from infopo.core import Message, derive_random
from infopo.envs.base import parse_action
from infopo.envs.episode import NO_INFORMATION
from infopo.envs.registry import ExpertKind
from infopo.envs.usergym.function.bank import NANO_NUMBERS, rules_of
from infopo.envs.usergym.function.formula import VARIABLES, read_formula
from infopo.envs.usergym.function.options import FunctionOptions
from infopo.envs.usergym.function.texts import TEXTS, numbers_in, spaced, spoken

ASK_PROBABILITIES = (0.2, 0.5, 0.8)  # weak: one of these a dialogue, so that both haste and care are seen
LARGE_PRIMES = ((13, 31, 59, 97), (83, 41, 23, 11), (17, 101, 37, 67), (61, 19, 89, 29), (43, 71, 11, 53))

Numbers = tuple[float, ...]


@dataclass(slots=True)
class _Notes:
    """What the dialogue so far has brought, read from the messages."""

    rule: str | None = None
    test: Numbers | None = None
    results: dict[Numbers, str] = field(default_factory=dict)  # as shown
    failed: bool = False  # the last action got no answer


class FunctionExpert:
    """Looks at the test case, then probes until every function left agrees on it.

    `weak` stops probing too early, by chance, and answers by one of the functions that are left. One expert may play
    many dialogues, one after another.
    """

    def __init__(self, kind: ExpertKind, seed: int, options: FunctionOptions) -> None:
        self._kind, self._options = kind, options
        self._random = derive_random(seed, "function-expert", kind)
        self._texts = TEXTS[options.difficulty]
        self._nano = options.difficulty == "nano"
        self._ask_probability = 0.5

    def act(self, messages: tuple[Message, ...]) -> str:
        """The next action's text."""
        turns = sum(message.role == "assistant" for message in messages)
        if turns == 0:
            self._ask_probability = self._random.choice(ASK_PROBABILITIES)
        notes = self._read(messages)
        last = turns + 1 >= self._options.max_turns
        if notes.test is None:
            return "[answer] 0" if last else "[search] test"
        rules = self._agreeing(notes)
        unknown = not notes.results and notes.rule is None
        undecided = unknown or len({_value(rule, notes.test) for rule in rules}) > 1
        again = notes.failed and self._random.random() < self._ask_probability
        wants = self._kind == "full" or again or (not notes.failed and self._random.random() < self._ask_probability)
        if undecided and wants and not last:
            return f"[action] {spoken(self._probe(rules, notes), ' ')}"
        rule = self._random.choice(rules) if rules else "a"
        thought = f"<think> {_filled_in(rule, notes.test)}</think>" if self._nano else ""
        return f"{thought}[answer] {spoken([_value(rule, notes.test) or 0.0], '')}"

    def _read(self, messages: tuple[Message, ...]) -> _Notes:
        notes = _Notes()
        for message in messages:
            if message.role == "assistant":
                continue
            found = _pattern(self._texts["test_case"]).search(message.content)
            if found and message.role != "system":
                notes.test = tuple(numbers_in(found[1]))
            if rule := _pattern(self._texts["rule"]).search(message.content):
                notes.rule = rule[1]
            notes.failed = message.content == NO_INFORMATION
        for action, answer in pairwise(messages):
            parsed = parse_action(action)
            if action.role == "assistant" and parsed.choice == "action" and answer.content != NO_INFORMATION:
                notes.results[tuple(numbers_in(parsed.content))] = answer.content
        return notes

    def _agreeing(self, notes: _Notes) -> Sequence[str]:
        if notes.rule is not None:
            return (notes.rule,)
        rules: Sequence[str] = rules_of(self._options.difficulty)
        for number, (numbers, shown) in enumerate(notes.results.items()):
            if number == 0:
                rules = _by_result(self._options.difficulty, numbers).get(self._result(shown), ())
            else:
                rules = [rule for rule in rules if _shown(rule, numbers) == self._result(shown)]
        return rules

    def _result(self, answer: str) -> str | None:
        """The result in an answer, as it is shown there; None: no value."""
        numbers: list[str] = re.findall(r"-?\d[\d.]*(?:e[+-]\d+)?", answer)
        if len(numbers) != 5:
            return None
        return numbers[4 if self._nano else 0].rstrip(".")

    def _probe(self, rules: Sequence[str], notes: _Notes) -> Numbers:
        if not self._nano:
            return next(numbers for numbers in LARGE_PRIMES if numbers not in notes.results)
        return _most_telling(tuple(rules), notes.test or (), tuple(notes.results))


def _filled_in(rule: str, numbers: Numbers) -> str:
    """A rule with its numbers: `a + c` of 3 1 5 2 is `a 3 + c 5`."""
    values = dict(zip(VARIABLES, numbers, strict=True))
    return " ".join(f"{word} {values[word]:.12g}" if word in values else word for word in spaced(rule).split())


def _value(rule: str, numbers: Numbers) -> float | None:
    try:
        return read_formula(rule)(numbers)
    except (ArithmeticError, TypeError):
        return None


def _shown(rule: str, numbers: Numbers) -> str | None:
    value = _value(rule, numbers)
    return None if value is None else spoken([value], "")


@cache
def _by_result(difficulty: str, numbers: Numbers) -> dict[str | None, tuple[str, ...]]:
    """The functions of a family by what they give for these numbers."""
    found: dict[str | None, list[str]] = {}
    for rule in rules_of(difficulty):
        found.setdefault(_shown(rule, numbers), []).append(rule)
    return {value: tuple(rules) for value, rules in found.items()}


@cache
def _most_telling(rules: tuple[str, ...], test: Numbers, tried: tuple[Numbers, ...]) -> Numbers:
    """The numbers that leave the fewest functions in the worst case."""
    points = (p for p in product(NANO_NUMBERS, repeat=4) if p != test and p not in tried)
    return min(points, key=lambda point: max(Counter(_value(rule, point) for rule in rules).values()))


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """A text of the environment with its place as a group."""
    before, after = re.split(r"\{\w+\}", template)
    return re.compile(f"{re.escape(before)}(.+?){re.escape(after)}(?:$|\n)", re.MULTILINE)
