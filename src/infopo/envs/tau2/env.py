"""The environment: the policy is the agent of the benchmark, with its tools, its policy and its customer."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from infopo.core import ActionKind, Message, Outcome, TurnFacts
from infopo.envs.base import Opening, Step
from infopo.envs.tau2.client import Connection, Place, Tau2Error
from infopo.envs.tau2.guards import BadCallError, read_arguments, spoken
from infopo.envs.tau2.options import Tau2Options

TRANSFER_TOOL = "transfer_to_human_agents"
OUT_OF_BUDGET = ("max_steps", "too_many_errors", "timeout")
EMPTY = "Write to the customer, or call a tool: this message did neither."
MALFORMED = "This tool call could not be read, so nothing was done and nothing was said to the customer."
UNREAD = "Nothing was done: another call of this message could not be read."


class Tau2Env:
    """One episode of one task, in a process of its own.

    `user` None: the scripted customer, else the arguments of the benchmark's own simulator. What the policy is shown is
    what the benchmark shows its agent; scenario and answer key stay in the other process.
    """

    def __init__(
        self,
        domain: str,
        upstream_id: str,
        *,
        task_id: str,
        seed: int,
        user: Mapping[str, Any] | None,
        options: Tau2Options,
        place: Place,
    ) -> None:
        self.env_id, self.task_id, self.max_turns = f"tau2/{domain}", task_id, options.max_turns
        self._domain, self._upstream_id, self._seed = domain, upstream_id, seed
        self._user, self._options, self._place = user, options, place
        self._phase = "new"  # new, running, over
        self._connection: Connection | None = None
        self._turns = 0
        self._done_before: set[str] = set()
        self._last_said = ""

    async def start(self) -> Opening:
        """The benchmark's prompt, its greeting, the customer's first words. `RuntimeError` on a second call."""
        if self._phase != "new":
            raise RuntimeError(f"{self.task_id}: an environment starts once; make a new one for another episode")
        self._phase = "running"
        options = self._options
        self._connection = await Connection.open(self._place, self._domain, seconds=options.call_seconds)
        reply = await self._call(
            "start",
            task_id=self._upstream_id,
            seed=self._seed % (1 << 31),  # what endpoints take
            user=self._user,
            max_hops=options.max_hops,
            max_errors=options.max_errors,
            on_budget=options.on_budget,
            judge=options.judge,
        )
        said = [Message(role=one["role"], content=one["content"]) for one in reply["said"]]
        self._last_said = said[-1].content
        return Opening(
            messages=(Message(role="system", content=reply["system"]), *said),
            tools=tuple(reply["tools"]),
            hidden=tuple(reply["hidden"]),
        )

    async def step(self, action: Message) -> Step:
        """Say something or call tools; `RuntimeError` before the start and after the end."""
        if self._phase != "running":
            when = "has not started" if self._phase == "new" else "is over; make a new environment for another one"
            raise RuntimeError(f"{self.task_id}: the episode {when}")
        self._turns += 1
        step = await (self._use(action) if action.tool_calls else self._say(action.content))
        if not step.done and (step.truncated or self._turns >= self.max_turns):
            step = Step(messages=step.messages, feedback_kind=step.feedback_kind, truncated=True, facts=step.facts)
        if step.done or step.truncated:
            self._phase = "over"
        return step

    async def _say(self, content: str) -> Step:
        try:
            text = spoken(content)
        except BadCallError:
            return self._refusal(MALFORMED)
        if not text:
            return self._refusal(EMPTY)
        repeated = text in self._done_before
        self._done_before.add(text)
        reply = await self._call("act", text=text, calls=[])
        self._last_said = "\n".join(reply["said"])
        revealed = tuple(reply["revealed"])
        facts = TurnFacts(kind="ask", revealed=revealed, repeated=repeated and not revealed, useful=bool(revealed))
        return self._answer((Message(role="user", content=self._last_said),), "user", facts, reply["reason"])

    async def _use(self, action: Message) -> Step:
        problems: list[str] = []
        calls: list[dict[str, Any]] = []
        for call in action.tool_calls:
            try:
                calls.append({"name": call.name, "arguments": read_arguments(call)})
                problems.append(UNREAD)
            except BadCallError as error:
                problems.append(f"Error: {error}")
        if len(calls) < len(action.tool_calls):  # a half-understood message must change nothing
            return Step(messages=_results(action, problems), feedback_kind="env", facts=TurnFacts(kind="invalid"))
        try:
            text = spoken(action.content)
        except BadCallError:
            text = ""
        keys = [json.dumps(call, sort_keys=True) for call in calls]
        repeated = all(key in self._done_before for key in keys)
        self._done_before.update(keys)
        reply = await self._call("act", text=text, calls=calls)
        results = reply["results"]
        facts = TurnFacts(
            kind=_kind([call["name"] for call in calls], reply["kinds"]),
            repeated=repeated,
            useful=not repeated and any(not result["error"] for result in results),
        )
        messages = _results(action, [result["content"] for result in results])
        return self._answer(messages, "tool", facts, reply["reason"])

    def _answer(self, messages: tuple[Message, ...], kind: Any, facts: TurnFacts, reason: str | None) -> Step:
        cut = reason in OUT_OF_BUDGET
        return Step(
            messages=messages, feedback_kind=kind, done=reason is not None and not cut, truncated=cut, facts=facts
        )

    def _refusal(self, text: str) -> Step:
        """The customer hears nothing of it."""
        return Step(
            messages=(Message(role="user", content=text),), feedback_kind="env", facts=TurnFacts(kind="invalid")
        )

    async def outcome(self) -> Outcome:
        """The reward by the benchmark's evaluator; success is a reward of 1."""
        reward = float((await self._call("outcome"))["reward"])
        return Outcome(score=min(1.0, max(0.0, reward)), success=reward > 1 - 1e-6)

    async def close(self) -> None:
        """End the process of the episode."""
        self._phase = "over"
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def reference_answer(self) -> str | None:
        """None: the answer key stays where the policy cannot reach it."""
        return None

    def state_key(self) -> str | None:
        """What was done so far, in whatever order, and what the customer said last."""
        state = json.dumps([sorted(self._done_before), self._last_said])
        return hashlib.blake2b(state.encode(), digest_size=16).hexdigest()

    async def inspect(self) -> dict[str, Any]:
        """The benchmark's record of the episode and the states of its databases: for checks, not for a policy."""
        return await self._call("inspect")

    async def _call(self, request: str, **fields: Any) -> dict[str, Any]:
        if self._connection is None:
            raise RuntimeError(f"{self.task_id}: the episode is not open")
        try:
            return await self._connection.call(request, **fields)
        except Tau2Error as error:  # an endpoint may have repeated the key in what it answered
            key = (self._user or {}).get("llm_args", {}).get("api_key")
            raise Tau2Error(str(error).replace(key, "***") if key else str(error)) from None


def _results(action: Message, contents: Sequence[str]) -> tuple[Message, ...]:
    return tuple(
        Message(role="tool", content=content, tool_call_id=call.id, name=call.name)
        for call, content in zip(action.tool_calls, contents, strict=True)
    )


def _kind(names: Sequence[str], kinds: Sequence[str | None]) -> ActionKind:
    if TRANSFER_TOOL in names:
        return "finish"
    if all(kind is None for kind in kinds):
        return "invalid"
    return "act" if "write" in kinds else "search"
