"""The environment: ask until nothing is missing."""

from collections.abc import Mapping

from infopo.core import Message, Outcome, TurnFacts
from infopo.envs.base import Action, Opening, parse_action
from infopo.envs.episode import Episode, Result, resampled
from infopo.envs.usergym.intention.options import ENV_ID, IMPORTANCE_REWARDS, Rules
from infopo.envs.usergym.intention.task import Task
from infopo.envs.usergym.intention.user import Coverage
from infopo.envs.usergym.upstream import read_action, spoken_to_the_user
from infopo.users import User


class IntentionEnv(Episode):
    """One request. Score: what the questions were worth, of what they could have been. Success: nothing is missing."""

    env_id = ENV_ID

    def __init__(
        self,
        task: Task,
        user: User,
        coverage: Coverage,
        *,
        opening: tuple[Message, ...],
        texts: Mapping[str, tuple[str, ...]],
        rules: Rules,
        pays: bool,
    ) -> None:
        super().__init__(task_id=task.task_id, max_turns=rules.max_steps, pays=pays)
        self._task, self._user, self._coverage, self._rules = task, user, coverage, rules
        self._opening, self._texts = opening, texts
        self._remaining = [detail for detail in task.details if detail.fact not in task.told]
        self._best = sum(IMPORTANCE_REWARDS[detail.importance] for detail in self._remaining)
        self._total = len(self._remaining)
        self._covered = 0
        self._earned = 0.0
        self._known = set(task.told)
        self._asked: set[str] = set()

    def _open(self) -> Opening:
        return Opening(messages=self._opening, hidden=tuple(detail.fact for detail in self._remaining))

    async def outcome(self) -> Outcome:
        """What was earned, of the best that was possible."""
        score = min(1.0, self._earned / self._best) if self._best else 1.0
        return Outcome(score=score, success=not self._remaining)

    def reference_answer(self) -> str | None:
        """What the user has in mind, detail by detail."""
        return ", ".join(detail.value or detail.description for detail in self._task.details)

    def state_key(self) -> str | None:
        """Which details are clear, and what was asked, in whatever order."""
        return f"known:{','.join(sorted(self._known))};asked:{'|'.join(sorted(self._asked))}"

    async def alternatives(self, action: Message, draws: int) -> tuple[tuple[Message, ...], ...]:
        """See `Resampling`: what is not clear yet is drawn again. How much a detail matters is never said."""
        return resampled(self.env_id, self._user, action, self._read(action), draws, self._turns)

    def _read(self, action: Message) -> Action:
        if self._rules.bare_questions:
            return spoken_to_the_user(read_action(action, strip=True, finish_in_any_case=True))
        return parse_action(action)

    async def _execute(self, action: Message) -> Result:
        parsed = self._read(action)
        if parsed.choice == "finish":
            text = self._say("finish").format(covered=self._covered, total=self._total)
            return Result(text=text, kind="env", facts=TurnFacts(kind="finish"), done=True, truncated=False)
        if parsed.choice in ("action", "answer"):
            return await self._ask(parsed.content)
        return self._result(self._say("invalid"), TurnFacts(kind="invalid"), 0.0)

    async def _ask(self, question: str) -> Result:
        rules = self._rules
        self._asked.add(" ".join(question.lower().split()))
        reply = await self._user.reply(tuple(self._messages), question)
        indices = list(await self._coverage.covered(question, self._remaining, reply))
        if not rules.duplicates_count:
            indices = list(dict.fromkeys(indices))
        worth = rules.worth([self._remaining[index].importance for index in indices])
        revealed = tuple(dict.fromkeys(self._remaining[index].fact for index in indices))
        self._covered += len(indices)
        self._earned += worth
        self._known.update(revealed)
        self._remaining = [detail for detail in self._remaining if detail.fact not in revealed]
        facts = TurnFacts(kind="ask", revealed=revealed, repeated=reply.repeated, useful=bool(revealed))
        return self._result(reply.text, facts, worth)

    def _result(self, text: str, facts: TurnFacts, worth: float) -> Result:
        rules, left = self._rules, bool(self._remaining)
        return Result(
            text=text,
            kind="user" if facts.kind == "ask" else "env",
            facts=facts,
            reward=rules.pay(worth, 1),
            done=not left or (self._at_limit and rules.both_flags),
            truncated=left and self._at_limit,
        )

    def _say(self, key: str) -> str:
        return self._texts[key][0]
