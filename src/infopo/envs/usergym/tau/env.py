"""The environment: talk to the customer, call tools, until the customer leaves."""

import json
from collections.abc import Mapping

from infopo.core import ActionKind, FeedbackKind, Message, Outcome, TurnFacts
from infopo.envs.base import Action, Opening, parse_action
from infopo.envs.episode import Episode, Result
from infopo.envs.usergym.tau.case import Case
from infopo.envs.usergym.tau.customer import Customer, says_stop
from infopo.envs.usergym.tau.options import ENV_ID, Rules
from infopo.envs.usergym.tau.task import Task
from infopo.envs.usergym.tau.texts import shown
from infopo.envs.usergym.tau.tools import Call, ToolError, described, read_call
from infopo.envs.usergym.upstream import read_action
from infopo.users import User


class TauEnv(Episode):
    """One case. Score: 1 where the database is as it should be and the customer knows what they asked for, else 0.

    `user` is talked to, `customer` decides when to leave: they differ where a persona or a model words the replies.
    """

    env_id = ENV_ID

    def __init__(
        self,
        task: Task,
        case: Case,
        user: User,
        customer: Customer,
        *,
        opening: tuple[Message, ...],
        texts: Mapping[str, tuple[str, ...]],
        nano: bool,
        rules: Rules,
        pays: bool,
    ) -> None:
        super().__init__(task_id=task.task_id, max_turns=rules.max_steps, pays=pays)
        self._task, self._case, self._user, self._customer = task, case, user, customer
        self._opening, self._texts, self._nano, self._rules = opening, texts, nano, rules
        self._known = set(task.told)
        self._said: set[str] = set()
        self._calls: set[str] = set()
        self._listed = False
        self._met_end = False  # the customer left, or the conversation was transferred

    async def start(self) -> Opening:
        """What the policy sees first; a customer who needs it is greeted before."""
        if self._phase == "new":
            await self._customer.begin()
        return await super().start()

    def _open(self) -> Opening:
        return Opening(messages=self._opening, hidden=self._task.hidden)

    async def outcome(self) -> Outcome:
        """Whether the case is settled as it should be."""
        right = self._right()
        return Outcome(score=float(right), success=right)

    def reference_answer(self) -> str | None:
        """The wanted writes as tool calls, or what has to be told."""
        return self._task.reference(nano=self._nano)

    def state_key(self) -> str | None:
        """What is known, was said, read, done and told, in whatever order."""
        case, listed = self._case, ["tools"] if self._listed else []
        done = [call.text(nano=False) for call in case.done]
        parts = (
            ("known", self._known),
            ("said", self._said),
            ("calls", [*self._calls, *listed]),
            ("done", done),
            ("told", case.told),
        )
        return ";".join(f"{name}:{'|'.join(sorted(items))}" for name, items in parts)

    def _right(self) -> bool:
        return self._case.right and (self._met_end or not self._rules.ends_must_be_met)

    async def _execute(self, action: Message) -> Result:
        parsed = read_action(action, strip=True) if self._rules.plain_prefixes else parse_action(action)
        if parsed.choice == "action":
            return await self._talk(parsed.content)
        if parsed.choice == "search":
            return self._search(parsed.content)
        if parsed.choice == "answer":
            return await self._call(parsed)
        if parsed.choice == "finish":
            return self._result(self._say("finish"), TurnFacts(kind="finish"), "env", done=True)
        return self._result(self._say("invalid"), TurnFacts(kind="invalid"), "env")

    async def _talk(self, text: str) -> Result:
        self._case.hear(text)
        self._said.add(" ".join(text.lower().split()))
        reply = await self._user.reply(tuple(self._messages), text)
        self._known.update(reply.revealed)
        self._met_end = self._customer.left or says_stop(reply.text)
        facts = TurnFacts(kind="ask", revealed=reply.revealed, repeated=reply.repeated, useful=reply.useful)
        return self._result(reply.text, facts, "user", done=self._met_end)

    def _search(self, text: str) -> Result:
        facts = TurnFacts(kind="search")
        if text.lower() == "help":
            return self._result(self._say("help"), facts, "env")
        if text.lower() != "tools":
            return self._result(self._say("unsupported"), facts, "env")
        if self._listed:
            return self._result(self._say("repeated_tools"), TurnFacts(kind="search", repeated=True), "env")
        self._listed = True
        return self._result(described(self._case.tools, bare=self._rules.bare_tool_list), facts, "tool")

    async def _call(self, action: Action) -> Result:
        try:
            call = read_call(action.content, self._case.tools, nano=self._nano)
        except ToolError as error:
            return self._result(self._say("bad_call", str(error)), TurnFacts(kind="act"), "env")
        if call.name == "respond":  # the published name for talking to the customer
            return await self._talk(str(call.arguments.get("content", "")))
        tool = self._case.tools.get(call.name)
        kind: ActionKind = "search" if tool and not tool.writes and not tool.ends else "act"
        try:
            result = self._case.execute(call)
        except ToolError as error:
            return self._result(self._say("error", str(error)), TurnFacts(kind=kind), "tool")
        self._met_end = self._case.tools[call.name].ends
        facts = self._facts_of(call, kind)
        return self._result(shown(result, nano=self._nano), facts, "tool", done=self._met_end)

    def _facts_of(self, call: Call, kind: ActionKind) -> TurnFacts:
        key = json.dumps([call.name, dict(call.arguments)], sort_keys=True)
        repeated = key in self._calls
        self._calls.add(key)
        if kind == "search":
            return TurnFacts(kind="search", repeated=repeated, useful=not repeated)
        return TurnFacts(kind="act", repeated=repeated, useful=not repeated and call in self._task.draft.gold)

    def _result(self, text: str, facts: TurnFacts, kind: FeedbackKind, *, done: bool = False) -> Result:
        over = done or self._at_limit
        return Result(
            text=text,
            kind=kind,
            facts=facts,
            reward=1.0 if over and self._right() else 0.0,
            done=done,
            truncated=self._at_limit if self._rules.both_flags else None,
        )

    def _say(self, key: str, value: str = "") -> str:
        return self._texts[key][0].format(v=value)
