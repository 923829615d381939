"""The environment: ask and argue until the believer disagrees."""

from collections.abc import Mapping

from infopo.core import FeedbackKind, Message, Outcome, TurnFacts
from infopo.envs.base import Action, Opening, parse_action
from infopo.envs.episode import Episode, Result, resampled
from infopo.envs.usergym.persuade.options import ENV_ID, LAST, STANCES, Rules, worth
from infopo.envs.usergym.persuade.user import Mind, is_question
from infopo.envs.usergym.upstream import read_action, spoken_to_the_user
from infopo.users import User


class PersuadeEnv(Episode):
    """One believer. Score: how far the stance ever came, of the whole way. Success: it came all the way."""

    env_id = ENV_ID

    def __init__(
        self,
        user: User,
        mind: Mind,
        *,
        task_id: str,
        opening: Opening,
        reference: str,
        texts: Mapping[str, tuple[str, ...]],
        rules: Rules,
        pays: bool,
    ) -> None:
        super().__init__(task_id=task_id, max_turns=rules.max_steps, pays=pays)
        self._user, self._mind, self._opening, self._reference = user, mind, opening, reference
        self._texts, self._rules = texts, rules
        self._stance = self._best = STANCES[0]
        self._known: set[str] = set()
        self._heard: set[str] = set()

    def _open(self) -> Opening:
        return self._opening

    async def outcome(self) -> Outcome:
        """The stance that was farthest from the first."""
        return Outcome(score=STANCES.index(self._best) / LAST, success=self._best == STANCES[LAST])

    def reference_answer(self) -> str | None:
        """What the belief stands on."""
        return self._reference

    def state_key(self) -> str | None:
        """Where the believer stands, what they have said of their reasons, and what they have heard."""
        heard = "|".join(sorted(self._heard))
        return f"stance:{self._stance};known:{','.join(sorted(self._known))};heard:{heard}"

    async def alternatives(self, action: Message, draws: int) -> tuple[tuple[Message, ...], ...]:
        """See `Resampling`: the reasons are drawn again, with their order, from all that fit what was said."""
        return resampled(self.env_id, self._user, action, self._read(action), draws, self._turns)

    def _read(self, action: Message) -> Action:
        if self._rules.bare_arguments:
            return spoken_to_the_user(read_action(action, strip=False))
        return parse_action(action)

    async def _execute(self, action: Message) -> Result:
        parsed = self._read(action)
        if parsed.choice == "finish":
            return self._result(self._texts["finish"][0], TurnFacts(kind="finish"), done=True)
        if parsed.choice in ("action", "answer"):
            return await self._say(parsed.content)
        return self._result(self._texts["invalid"][0], TurnFacts(kind="invalid"))

    async def _say(self, text: str) -> Result:
        rules = self._rules
        reply = await self._user.reply(tuple(self._messages), text)
        reward, moved = 0.0, self._mind.stance
        if moved not in STANCES and not rules.any_label:
            moved = None
        if moved is not None:
            reward = worth(self._stance if rules.pays_every_rise else self._best, moved)
            self._stance = moved
            if worth(self._best, moved) > 0.0:
                self._best = moved
        self._known.update(reply.revealed)
        self._heard.add(" ".join(text.lower().split()))
        useful = reply.useful or reward > 0.0
        facts = TurnFacts(
            kind="ask" if is_question(text) else "act",
            revealed=reply.revealed,
            repeated=reply.repeated,
            useful=useful,
        )
        return self._result(reply.text, facts, reward, done=moved == STANCES[LAST])

    def _result(self, text: str, facts: TurnFacts, reward: float = 0.0, *, done: bool = False) -> Result:
        kind: FeedbackKind = "user" if facts.kind in ("ask", "act") else "env"
        return Result(text=text, kind=kind, facts=facts, reward=self._rules.pay(reward, 1), done=done)
