"""Gyms of one form: ask yes/no questions, then say what is hidden. The one step logic of Telepathy and Turtle."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from infopo.core import Message, Outcome, TurnFacts
from infopo.envs.base import Action, Env, Opening, parse_action
from infopo.envs.episode import Episode, Marginal, Result, resampled
from infopo.envs.registry import Canary, Split
from infopo.envs.usergym.upstream import Settings, read_action
from infopo.users import User

TOLERANCE = 1e-9
_TAG = len("[action]")


@dataclass(frozen=True, slots=True, kw_only=True)
class GuessRules(Settings):
    """The published settings, and the quirks: each flag is one way in which the published gyms differ."""

    success_threshold: float = 1.0
    exact_threshold: bool = False  # full marks whose weights add up to 0.9999... are not enough
    free_answers: bool = True  # an answer that misses costs nothing but a step
    bare_questions: bool = False  # whatever has no tag, or another one, is a question without its first 8 characters
    both_flags: bool = False  # an episode that ends at the limit is truncated as well


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What an answer is worth (None: nobody could say) and what is said about it."""

    score: float | None
    text: str


class Ruler(Protocol):
    """Rules on answers."""

    async def rule(self, answer: str) -> Ruling: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Riddle:
    """What a task of this form is to the environment. `texts`: its fixed replies `invalid` and `finish`."""

    env_id: str
    task_id: str
    opening: tuple[Message, ...]
    hidden: tuple[str, ...]
    reference: str
    texts: Mapping[str, str]


class GuessEnv(Episode):
    """One riddle. Score: that of the best answer so far. Success: one reached the threshold."""

    def __init__(self, riddle: Riddle, user: User, ruler: Ruler, *, rules: GuessRules, pays: bool) -> None:
        super().__init__(task_id=riddle.task_id, max_turns=rules.max_steps, pays=pays)
        self.env_id = riddle.env_id
        self._riddle, self._user, self._ruler, self._rules = riddle, user, ruler, rules
        self._best = 0.0
        self._solved = False
        self._known: set[str] = set()
        self._heard: dict[str, str] = {}  # question -> reply, where it was news
        self._foreign = False  # a ruling was said that the script does not know

    def _open(self) -> Opening:
        return Opening(messages=self._riddle.opening, hidden=self._riddle.hidden)

    async def outcome(self) -> Outcome:
        """The best answer so far."""
        return Outcome(score=min(1.0, self._best), success=self._solved)

    def reference_answer(self) -> str | None:
        """What would be right."""
        return self._riddle.reference

    def state_key(self) -> str | None:
        """What the replies have settled, whatever the order they came in."""
        heard = sorted(f"{question}={reply}" for question, reply in self._heard.items())
        return f"known:{','.join(sorted(self._known))};heard:{'|'.join(heard)};best:{self._best:.6f}"

    async def alternatives(self, action: Message, draws: int) -> tuple[tuple[Message, ...], ...] | None:
        """See `Resampling`: what is thought of is drawn again from all that would have got the same replies.

        None from the first answer on that somebody else than the script rules on.
        """
        read = self._read(action)
        others = resampled(self.env_id, self._user, action, read, draws, self._turns)
        judged = read.choice == "answer" and not isinstance(self._ruler, Marginal)
        return None if self._foreign or judged else others

    def _read(self, action: Message) -> Action:
        if not self._rules.bare_questions:
            return parse_action(action)
        parsed = read_action(action, strip=False)
        if parsed.choice in ("finish", "answer"):
            return parsed
        return Action(choice="action", content=parsed.content if parsed.choice else parsed.content[_TAG:].strip())

    async def _execute(self, action: Message) -> Result:
        parsed = self._read(action)
        if parsed.choice == "finish":
            facts = TurnFacts(kind="finish")
            return self._result(self._riddle.texts["finish"], facts=facts, done=True)
        if parsed.choice == "answer":
            return await self._answer(parsed.content)
        if parsed.choice == "action":
            return await self._ask(parsed.content)
        return self._result(self._riddle.texts["invalid"], facts=TurnFacts(kind="invalid"))

    async def _ask(self, question: str) -> Result:
        reply = await self._user.reply(tuple(self._messages), question)
        self._known.update(reply.revealed)
        if reply.useful:
            self._heard[" ".join(question.lower().split())] = reply.text
        facts = TurnFacts(kind="ask", revealed=reply.revealed, repeated=reply.repeated, useful=reply.useful)
        return self._result(reply.text, facts=facts)

    async def _answer(self, answer: str) -> Result:
        rules = self._rules
        self._foreign = not isinstance(self._ruler, Marginal)
        ruling = await self._ruler.rule(answer)
        score = ruling.score or 0.0
        gain = max(0.0, score - self._best)
        self._best = max(score, self._best)
        slack = 0.0 if rules.exact_threshold else TOLERANCE
        solved = ruling.score is not None and score >= rules.success_threshold - slack
        self._solved = self._solved or solved
        facts = TurnFacts(kind="act", useful=gain > 0.0)
        return self._result(ruling.text, facts=facts, reward=gain, done=solved or not rules.free_answers)

    def _result(self, text: str, *, facts: TurnFacts, reward: float = 0.0, done: bool = False) -> Result:
        return Result(
            text=text,
            kind="user" if facts.kind in ("ask", "act") else "env",
            facts=facts,
            reward=self._rules.pay(reward, self._turns),
            done=done,
            truncated=self._at_limit if self._rules.both_flags else None,
        )


def answer_canary(build: Callable[[int, Split, int, str | None, Any], Env]) -> Callable[[int, Any], Canary]:
    """The canary of a gym of this form, for its spec: an ordinary task. Users say yes and no, so nobody but the agent
    may ever say the whole answer."""

    def canary(seed: int, options: Any) -> Canary:
        env = build(seed, "train", seed, None, options)
        return Canary(env=env, secrets={"the answer": (str(env.reference_answer()),)})

    return canary
