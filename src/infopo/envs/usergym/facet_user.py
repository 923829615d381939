"""The scripted user of riddles made of facets: answers yes or no, always in the same sense, and invents nothing."""

from collections.abc import Callable, Iterable, Mapping
from itertools import product

from infopo.core import Message, derive_random
from infopo.envs.base import Action
from infopo.envs.episode import NO_INFORMATION, drawn
from infopo.envs.usergym.facets import Asked, Facets, Possible, Values, holds
from infopo.envs.usergym.guessing import Ruling
from infopo.users import UserReply

Rate = Callable[[Mapping[str, str | None]], Ruling]  # facet -> its value where it was named; what that is worth


class FacetUser:
    """A `User` and a `Ruler`. `texts` holds `yes`, `no` (several ways to say each) and `unclear`.

    A fact, the facet's name, counts as revealed once the answers so far leave one value.
    """

    def __init__(
        self,
        facets: Facets,
        target: Values,
        *,
        possible: Possible,
        texts: Mapping[str, tuple[str, ...]],
        rate: Rate,
        unanswered: float,
        seed_parts: Iterable[int | str],
    ) -> None:
        self._facets, self._target, self._possible = facets, target, possible
        self._texts, self._rate, self._unanswered = texts, rate, unanswered
        self._seed_parts = tuple(seed_parts)
        self._random = derive_random(*self._seed_parts)
        self._first = {name: tuple(values) for name, values in possible.values.items()}
        self._evidence: list[Callable[[Values], bool]] = []  # what was said, as conditions on what is thought of
        self._answered: set[Asked] = set()

    async def reply(self, messages: tuple[Message, ...], request: str) -> UserReply:
        """Yes, no, or that it was not understood."""
        wording, silent = self._random.random(), self._random.random() < self._unanswered
        asked = self._facets.question(request)
        if asked is None:
            return UserReply(text=self._say("unclear", wording))
        if silent:
            return UserReply(text=NO_INFORMATION)
        yes = holds(asked, self._target)
        self._evidence.append(lambda target: holds(asked, target) == yes)
        before = self._possible.known
        repeated = asked in self._answered
        self._answered.add(asked)
        news = self._possible.learn(asked, yes)
        revealed = tuple(name for name in self._possible.known if name not in before)
        text = self._say("yes" if yes else "no", wording)
        return UserReply(text=text, revealed=revealed, repeated=repeated, useful=news)

    async def rule(self, answer: str) -> Ruling:
        """A facet is right where the answer names its value and no other."""
        named = self._facets.named(answer)
        ruling = self._ruling(named, self._target)
        self._evidence.append(lambda target: self._ruling(named, target).text == ruling.text)
        return ruling

    def alternatives(self, request: Action, draws: int, turn: int) -> list[str]:
        """By all that fits what was said, each equally likely; of an answer, what it would be told.

        (That a split holds only a hashed part of all there is to think of is not taken into account.)
        """
        answers = request.choice == "answer"
        asked = self._facets.question(request.content) if request.choice == "action" else None
        if asked is None and not answers:
            return []
        named = self._facets.named(request.content)
        whole = (dict(zip(self._first, values, strict=True)) for values in product(*self._first.values()))
        fitting = [target for target in whole if all(fits(target) for fits in self._evidence)]

        def said(target: Values, wording: float) -> str:
            if asked is None:
                return self._ruling(named, target).text
            return self._say("yes" if holds(asked, target) else "no", wording)

        if len({said(target, 0.0) for target in fitting}) < 2:
            return []
        generator = derive_random(*self._seed_parts, "alternatives", turn)
        silent = 0.0 if answers else self._unanswered
        return drawn(draws, generator, silent, lambda wording: said(generator.choice(fitting), wording))

    def _ruling(self, named: Mapping[str, str], target: Values) -> Ruling:
        names = [facet.name for facet in self._facets.facets]
        return self._rate({name: target[name] if named.get(name) == target[name] else None for name in names})

    def _say(self, key: str, wording: float) -> str:
        ways = self._texts[key]
        return ways[int(wording * len(ways))]
