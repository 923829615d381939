"""The environment: search, ask, answer, once an aspect."""

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from infopo.core import Message, Outcome, TurnFacts, UserError, derive_random
from infopo.envs.base import Action, Opening, parse_action
from infopo.envs.episode import Episode, Result, answer_messages
from infopo.envs.usergym.travel.dialect import Dialect
from infopo.envs.usergym.travel.options import UPSTREAM_REWARDS, TravelOptions
from infopo.envs.usergym.travel.task import AspectTask, Preference, Task
from infopo.envs.usergym.travel.user import ScriptedUser
from infopo.envs.usergym.travel.vocabulary import vocabulary
from infopo.users.names import make_user

_OPTION_ID = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][0-9]+(?![A-Za-z0-9])")


class TravelEnv(Episode):
    """One travel dialogue. See the package's documentation for rules and rewards."""

    env_id = "usergym/travel"

    def __init__(
        self, task: Task, dialect: Dialect, *, seed: int, options: TravelOptions, user: str | None = None
    ) -> None:
        super().__init__(task_id=task.task_id, max_turns=options.turn_limit, pays=options.reward == "upstream")
        self._seed, self._options, self._dialect = seed, options, dialect
        self._task = _shuffled(task, derive_random(seed, "travel-order", task.task_id))
        self._script = ScriptedUser(self._task, dialect, seed=seed, unanswered=options.unanswered)
        self._user = make_user(user, self._script, task_id=task.task_id, seed=seed, brief=brief_of(task))
        self._known = set(task.revealed)
        self._choices: dict[str, str] = {}
        self._searched: set[str] = set()
        self._searches = 0

    def _open(self) -> Opening:
        """The user's request; hidden are the preferences that it does not state."""
        hidden = tuple(p.fact for p in self._task.preferences if p.fact not in self._task.revealed)
        return Opening(messages=self._dialect.opening(self._task, self._seed), hidden=hidden)

    async def alternatives(self, action: Message, draws: int) -> tuple[tuple[Message, ...], ...] | None:
        """See `Resampling`: only wishes that were not told are drawn again, each from the values still possible.

        What the user has wishes about counts as known. What else a search could have found is not: None.
        """
        if self._user is not self._script:
            raise UserError(f"{self.env_id}: only the plain scripted user knows what else it could have said")
        parsed = parse_action(action)
        if parsed.choice != "action":
            return None if parsed.choice == "search" else ()
        generator = derive_random(self._seed, "travel-alternatives", self.task_id, self._turns)
        texts = self._script.alternatives(parsed.content, draws, generator, self._possible)
        return tuple(answer_messages(action, text) for text in texts)

    async def outcome(self) -> Outcome:
        """Score: the share of aspects whose best option was chosen. Success: all of them."""
        best = sum(self._choices.get(part.aspect) == part.best.option_id for part in self._task.aspects)
        count = len(self._task.aspects)
        return Outcome(score=best / count, success=best == count)

    def reference_answer(self) -> str | None:
        """The best options in the order of the opening, such as `F3, H5`."""
        return ", ".join(part.best.option_id for part in self._task.aspects)

    def state_key(self) -> str | None:
        """What has been searched, told and chosen, whatever the order it happened in."""
        choices = [f"{aspect}={option}" for aspect, option in self._choices.items()]
        parts = (("searched", self._searched), ("known", self._known), ("chosen", choices))
        return ";".join(f"{name}:{','.join(sorted(items))}" for name, items in parts)

    def _possible(self, preference: Preference) -> Sequence[str]:
        """The values that a wish may have for somebody who has seen what was shown: before the search all of them.

        A listing pairs the wished value with one other, alike in every respect, so these two are its most frequent.
        """
        if preference.aspect not in self._searched:
            words = vocabulary(self._options.difficulty)[preference.aspect]
            return [value.name for value in words.topic(preference.topic).values]
        part = self._task.aspect(preference.aspect)
        column = part.preferences.index(preference)
        counts = Counter(option.values[column] for option in part.options if option.values[column] is not None)
        least = sorted(counts.values(), reverse=True)[:2][-1]
        return sorted(str(value) for value, count in counts.items() if count >= least or value == preference.value)

    async def _execute(self, action: Message) -> Result:
        return await self._act(parse_action(action))

    async def _act(self, action: Action) -> Result:
        if action.choice == "search":
            return self._search(action.content)
        if action.choice == "action":
            return await self._ask(action.content)
        if action.choice == "answer":
            return self._book(action.content)
        if action.choice == "finish":
            return Result(text=self._say("finish"), kind="env", facts=TurnFacts(kind="finish"), done=True)
        return Result(text=self._say("invalid"), kind="env", facts=TurnFacts(kind="invalid"))

    def _search(self, text: str) -> Result:
        self._searches += 1
        interval = self._options.search_failures
        missed = TurnFacts(kind="search")
        if interval and self._searches % interval == 0:
            return Result(text=self._say("search_failed"), kind="tool", facts=missed)
        aspect = self._dialect.search(text, self._task)
        if aspect is None:
            return Result(text=self._say("search_bad"), kind="tool", facts=missed)
        if aspect in self._searched:
            return Result(text=self._say("search_repeated"), kind="tool", facts=replace(missed, repeated=True))
        self._searched.add(aspect)
        listing = self._dialect.listing(self._task.aspect(aspect))
        facts = TurnFacts(kind="search", useful=True)
        return Result(text=listing, kind="tool", facts=facts, reward=UPSTREAM_REWARDS.search_correct)

    async def _ask(self, text: str) -> Result:
        reply = await self._user.reply(tuple(self._messages), text)
        self._known.update(reply.revealed)
        facts = TurnFacts(kind="ask", revealed=reply.revealed, repeated=reply.repeated, useful=reply.useful)
        reward = UPSTREAM_REWARDS.preference_correct if reply.useful else 0.0
        return Result(text=reply.text, kind="user", facts=facts, reward=reward)

    def _book(self, text: str) -> Result:
        """One id an answer, one answer an aspect; anything else changes nothing."""
        named = sorted({match.upper() for match in _OPTION_ID.findall(text)})
        part = self._part_with(named[0]) if len(named) == 1 else None
        facts = TurnFacts(kind="act")
        if part is None:
            return Result(text=self._say("no_option"), kind="env", facts=facts)
        if part.aspect in self._choices:
            return Result(text=self._say("chosen"), kind="env", facts=replace(facts, repeated=True))
        self._choices[part.aspect] = named[0]
        self._script.drop(part.aspect)
        best = named[0] == part.best.option_id
        fits = any(option.option_id == named[0] for option in part.fitting)
        rewards = UPSTREAM_REWARDS
        reward = rewards.choice_best if best else rewards.choice_correct if fits else 0.0
        return Result(
            text=self._dialect.say("saved", {"option": named[0]}),
            kind="env",
            facts=replace(facts, useful=best),
            reward=reward,
            done=len(self._choices) == len(self._task.aspects),
        )

    def _part_with(self, option_id: str) -> AspectTask | None:
        for part in self._task.aspects:
            if any(option.option_id == option_id for option in part.options):
                return part
        return None

    def _say(self, key: str) -> str:
        return self._dialect.say(key, {})


def brief_of(task: Task) -> str:
    """What a person who plays the user has to know."""
    return "You wish for " + ", ".join(f"{p.aspect} {p.topic}: {p.value}" for p in task.preferences) + "."


def _shuffled(task: Task, rng: random.Random) -> Task:
    """The same task with its options in another order."""
    parts = tuple(replace(part, options=tuple(rng.sample(part.options, len(part.options)))) for part in task.aspects)
    return replace(task, aspects=parts)
