"""The environment: talk about a function, then write it; tests decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infopo.core import Message, Outcome, TurnFacts
from infopo.envs.base import Opening, parse_action
from infopo.envs.colbench.answers import code_of, read_answer
from infopo.envs.colbench.checker import Checker, Verdict
from infopo.envs.colbench.options import ENV_ID, CodeOptions
from infopo.envs.episode import Episode, Result
from infopo.users import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What one episode is about, own or published. `told` of the `facts` are stated in the opening."""

    task_id: str
    opening: tuple[Message, ...]
    reference: str
    facts: Sequence[str] = ()
    told: Sequence[str] = ()


class CodeEnv(Episode):
    """One request. Score: the share of tests that the answer passes (or see option `score`). Success: all of them.

    `verdict` says which tests passed, and in what sandbox (`level`); None before the answer.
    """

    env_id = ENV_ID

    def __init__(
        self,
        problem: Problem,
        user: User,
        checker: Checker,
        *,
        texts: Mapping[str, tuple[str, ...]],
        options: CodeOptions,
    ) -> None:
        super().__init__(task_id=problem.task_id, max_turns=options.max_turns, pays=options.reward == "upstream")
        self._problem, self._user, self._checker = problem, user, checker
        self._texts, self._options = texts, options
        self._known = set(problem.told)
        self.verdict: Verdict | None = None

    def _open(self) -> Opening:
        hidden = tuple(name for name in self._problem.facts if name not in self._known)
        return Opening(messages=self._problem.opening, hidden=hidden)

    async def outcome(self) -> Outcome:
        """What the answer is worth; without one, nothing."""
        level = None if self.verdict is None else self.verdict.level
        return Outcome(score=self._score, success=self._success, sandbox=level)

    def reference_answer(self) -> str | None:
        """The reference as source text."""
        return self._problem.reference

    def state_key(self) -> str | None:
        """Which facts are known, in whatever order they became so."""
        return "known:" + ",".join(name for name in self._problem.facts if name in self._known)

    @property
    def _success(self) -> bool:
        return self.verdict is not None and all(self.verdict.passed)

    @property
    def _score(self) -> float:
        if self.verdict is None or self._options.score == "all":
            return float(self._success)
        return self.verdict.share

    async def _execute(self, action: Message) -> Result:
        parsed = parse_action(action)
        if parsed.choice == "finish":
            return Result(text=None, kind="none", facts=TurnFacts(kind="finish"), done=True)
        answer = read_answer(parsed, self._options.scope, last=self._at_limit)
        if answer is not None:
            self.verdict = await self._checker.check(code_of(answer, self._options.scope))
            facts = TurnFacts(kind="act", useful=self._success)
            return Result(text=None, kind="none", facts=facts, reward=self._score, done=True)
        if not parsed.content:
            return Result(text=self._texts["silence"][0], kind="user", facts=TurnFacts(kind="invalid"))
        reply = await self._user.reply(tuple(self._messages), parsed.content)
        self._known.update(reply.revealed)
        facts = TurnFacts(kind="ask", revealed=reply.revealed, repeated=reply.repeated, useful=reply.useful)
        return Result(text=reply.text, kind="user", facts=facts)
