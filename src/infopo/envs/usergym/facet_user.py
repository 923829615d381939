"""The scripted user of riddles made of facets: answers yes or no, always in the same sense, and invents nothing."""

from collections.abc import Callable, Iterable, Mapping

from infopo.core import Message, derive_random
from infopo.envs.episode import NO_INFORMATION
from infopo.envs.usergym.facets import Asked, Facets, Possible, Values, holds
from infopo.envs.usergym.guessing import Ruling
from infopo.users import UserReply

Rate = Callable[[Mapping[str, bool]], Ruling]  # facet -> named right; what that is worth


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
        self._random = derive_random(*seed_parts)
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
        names = [facet.name for facet in self._facets.facets]
        return self._rate({name: named.get(name) == self._target[name] for name in names})

    def _say(self, key: str, wording: float) -> str:
        ways = self._texts[key]
        return ways[int(wording * len(ways))]
