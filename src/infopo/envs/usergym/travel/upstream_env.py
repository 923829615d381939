"""The environment in mode `upstream`: the published gym, quirks included.

A class of its own: answers may hold several ids, a wrong one leaves the aspect open for nobody, and only the list of
open best options ends an episode. Nothing of that is shared with mode `fixed`.
"""

import re
from collections.abc import Mapping

from infopo.core import Message, Outcome, TurnFacts
from infopo.envs.base import Opening
from infopo.envs.episode import Episode, Result
from infopo.envs.usergym.travel.options import ENV_ID, UpstreamRules
from infopo.envs.usergym.travel.upstream_task import Trip
from infopo.envs.usergym.travel.upstream_user import REFUSED, Mind, Traveller
from infopo.envs.usergym.travel.words import LETTERS
from infopo.envs.usergym.upstream import read_action
from infopo.users import User

_OPTION_ID = re.compile(r"[ACFHR]\d+")
_ASPECTS = {letter: aspect for aspect, letter in LETTERS.items()}


class UpstreamTravelEnv(Episode):
    """One trip. Score: the share of aspects whose best option was picked. Success: all of them.

    `user` is asked, `traveller` holds the wishes: they differ where a persona or a model words its replies.
    """

    env_id = ENV_ID

    def __init__(
        self,
        trip: Trip,
        user: User,
        traveller: Traveller,
        mind: Mind,
        *,
        texts: Mapping[str, str],
        rules: UpstreamRules,
        pays: bool,
    ) -> None:
        super().__init__(task_id=trip.task_id, max_turns=rules.max_steps, pays=pays)
        self._trip, self._user, self._traveller, self._mind = trip, user, traveller, mind
        self._texts, self._rules = texts, rules
        self._best = [part.best for part in trip.parts]  # still open
        self._correct = [option for part in trip.parts for option in part.correct]
        self._used: set[str] = set()  # letters
        self._elicited: set[str] = set()
        self._searched: set[str] = set()
        self._picked: set[str] = set()
        self._searches = 0

    def _open(self) -> Opening:
        return Opening(messages=self._trip.opening, hidden=tuple(wish.fact for wish in self._trip.wishes))

    async def outcome(self) -> Outcome:
        """The best options picked, of all."""
        count = len(self._trip.parts)
        return Outcome(score=(count - len(self._best)) / count, success=not self._best)

    def reference_answer(self) -> str | None:
        """The best options in the order of the opening, such as `F3, H5`."""
        return ", ".join(part.best for part in self._trip.parts)

    def state_key(self) -> str | None:
        """What has been searched, told and picked, whatever the order it happened in."""
        parts = (("searched", self._searched), ("known", self._elicited), ("chosen", self._picked))
        return ";".join(f"{name}:{','.join(sorted(items))}" for name, items in parts)

    async def _execute(self, action: Message) -> Result:
        parsed = read_action(action, strip=True, finish_in_any_case=True)
        if parsed.choice == "finish":
            elicited, total = len(self._elicited), len(self._elicited) + len(self._traveller.hidden)
            share = f"{100 * elicited / total if total else 0:.0f}"
            text = self._texts["finish"].format(elicited=elicited, total=total, share=share)
            return Result(text=text, kind="env", facts=TurnFacts(kind="finish"), done=True, truncated=False)
        if parsed.choice == "search":
            return await self._search(parsed.content)
        if parsed.choice == "action":
            return await self._ask(parsed.content)
        if parsed.choice == "answer":
            return self._answer(parsed.content)
        return self._result(self._texts["invalid"], TurnFacts(kind="invalid"))

    async def _search(self, query: str) -> Result:
        self._searches += 1
        interval = self._rules.search_failure_interval
        missed = TurnFacts(kind="search")
        if interval and self._searches % interval == 0:
            return self._result(self._texts["search_failed"], missed)
        found = await self._mind.search(query)
        part = self._trip.part(found)
        if part is None:
            return self._result(self._texts["search_bad" if found == REFUSED else "search_failed"], missed)
        if found in self._searched:
            text = self._texts["search_repeated"].format(aspect=found.replace("_", " "))
            return self._result(text, TurnFacts(kind="search", repeated=True))
        self._searched.add(found)
        facts = TurnFacts(kind="search", useful=True)
        return self._result(part.listing, facts, self._rules.search_correct_reward)

    async def _ask(self, text: str) -> Result:
        reply = await self._user.reply(tuple(self._messages), text)
        self._elicited.update(reply.revealed)
        facts = TurnFacts(kind="ask", revealed=reply.revealed, repeated=reply.repeated, useful=reply.useful)
        return self._result(reply.text, facts, self._rules.preference_correct_reward if reply.useful else 0.0)

    def _answer(self, text: str) -> Result:
        """A malformed id, or one of an aspect that was answered, zeroes the step; what came before it stays."""
        ids = [one.strip() for one in text.split(",")]
        if len(ids) > 1 and not self._rules.several_ids:
            return self._result(self._texts["bad_id"].format(option=text), TurnFacts(kind="act"))
        sums, best, fits, missed = 0.0, False, False, False
        for one in ids:
            if _OPTION_ID.fullmatch(one) is None:
                return self._result(self._texts["bad_id"].format(option=one), TurnFacts(kind="act"))
            if self._rules.one_choice_per_aspect and one[0] in self._used:
                facts = TurnFacts(kind="act", repeated=True)
                return self._result(self._texts["chosen"].format(letter=one[0]), facts)
            worth = self._pick(one)
            best, fits, missed = best or worth == "best", fits or worth == "fits", missed or worth == "missed"
            sums += {
                "best": self._rules.choice_best_reward,
                "fits": self._rules.choice_correct_reward,
                "missed": -self._rules.wrong_choice_penalty,
            }[worth]
        key = "best" if best else "fits" if fits else "none"
        text = self._texts[f"{key}_and_wrong" if missed and (best or fits) else key]
        facts = TurnFacts(kind="act", useful=best)
        return self._result(f"{text} {self._texts['recorded']}", facts, max(0.0, sums))

    def _pick(self, option: str) -> str:
        """Record one pick: `best`, `fits` or `missed`."""
        self._used.add(option[0])
        self._picked.add(option)
        if self._rules.one_choice_per_aspect:
            self._traveller.drop(_ASPECTS[option[0]])
        worth = "best" if option in self._best else "fits" if option in self._correct else "missed"
        for options in (self._best, self._correct):
            if option in options:
                options.remove(option)
        return worth

    def _result(self, text: str, facts: TurnFacts, reward: float = 0.0) -> Result:
        rules = self._rules
        answered = {LETTERS[part.aspect] for part in self._trip.parts} <= self._used
        over = answered and rules.one_choice_per_aspect and not rules.endless_misses
        return Result(
            text=text,
            kind="user" if facts.kind == "ask" else "tool" if facts.kind == "search" else "env",
            facts=facts,
            reward=rules.pay(reward, 1),
            done=not self._best or over,
            truncated=self._at_limit,
        )
