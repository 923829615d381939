"""One episode: drives the benchmark's orchestrator step by step, without its threads, and scores it with its evaluator.

Uses no private name of the orchestrator: its loop's two limits are checked here by the same rule.
"""

import hashlib
import importlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from .scripted_user import make_user

STOPPED = "agent_stop"  # the reason under which an episode that ran out of budget is scored, where that is asked for


def judged(task: Any) -> bool:
    """Whether a task's reward needs a language model as a judge."""
    criteria = task.evaluation_criteria
    return criteria is not None and bool(criteria.nl_assertions) and _NL in {one.value for one in criteria.reward_basis}


_NL = "NL_ASSERTION"


class Session:
    """Answers the requests of one connection. `package` is a `Package`, `tasks` those of the domain."""

    def __init__(self, package: Any, domain: str, tasks: "list[Any]") -> None:
        self.package, self.domain, self.tasks = package, domain, tasks
        self.seconds = 0.0  # inside the benchmark's own calls
        self.rules: dict[str, Any] = {}
        self.simulation: Any = None

    def answer(self, request: "dict[str, Any]") -> "dict[str, Any]":
        """One request by its name; whatever it raises is the caller's to report."""
        name = request.pop("request")
        known: dict[str, Callable[..., dict[str, Any]]] = {
            "catalogue": self.catalogue,
            "start": self.start,
            "act": self.act,
            "outcome": self.outcome,
            "inspect": self.inspect,
        }
        return known[name](**request)

    def catalogue(self, *, judge: bool) -> "dict[str, Any]":
        """The tasks in order, their splits, and whether one needs a judge; with `judge`: what the judge lacks."""
        loader = self.package.registry.get_task_splits_loader(self.domain)
        splits = loader() if loader is not None else {}
        return {
            "tasks": [{"id": task.id, "judged": judged(task)} for task in self.tasks],
            "splits": {name: splits.get(name, []) for name in ("train", "test")},
            "lacks": self._missing_keys() if judge else [],
        }

    def _missing_keys(self) -> "list[str]":
        model = importlib.import_module("tau2.config").DEFAULT_LLM_NL_ASSERTIONS
        found = importlib.import_module("litellm").validate_environment(model=model)
        return [] if found["keys_in_environment"] else list(found["missing_keys"]) or [f"a key for {model}"]

    def start(self, *, task_id: str, seed: int, user: "dict[str, Any] | None", **rules: Any) -> "dict[str, Any]":
        """Begin an episode. `user` None: scripted, else arguments of the benchmark's own; `rules`: see `Tau2Options`.

        Replies with prompt, tools and what was said before the agent's first turn.
        """
        self.rules, self.began = rules, datetime.now().isoformat()
        self.task = next(task for task in self.tasks if task.id == task_id)
        with self.inside():
            self.environment = self.package.registry.get_env_constructor(self.domain)()
            tools = self.environment.get_tools()
            self.agent = make_agent(self.package, tools, self.environment.get_policy())
            self.user = self._user(user)
            self.orchestrator = self.package.orchestrator.Orchestrator(
                domain=self.domain,
                agent=self.agent,
                user=self.user,
                environment=self.environment,
                task=self.task,
                max_steps=rules["max_hops"],
                max_errors=rules["max_errors"],
                seed=seed,
            )
            self.orchestrator.initialize()
            schemas = [tool.openai_schema for tool in tools]
        self.advance()
        prompts = self.package.agent
        system = prompts.SYSTEM_PROMPT.format(
            domain_policy=self.environment.get_policy(), agent_instruction=prompts.AGENT_INSTRUCTION
        )
        said = [
            {"role": one.role, "content": one.content or ""}
            for one in self.orchestrator.trajectory
            if one.role in ("assistant", "user") and not one.tool_calls
        ]
        script = getattr(self.user, "script", None)
        return {"system": system, "said": said, "tools": schemas, "hidden": list(script.hidden) if script else []}

    def _user(self, user: "dict[str, Any] | None") -> Any:
        if user is None:
            return make_user(self.package, self.task, lambda: self.orchestrator.trajectory)
        try:
            tools = self._user_tools()
        except ValueError:  # how the benchmark says that customers of this domain have none
            tools = None
        return self.package.user_simulator(
            tools=tools or None, instructions=str(self.task.user_scenario), llm=user["llm"], llm_args=user["llm_args"]
        )

    def _user_tools(self) -> Any:
        named = getattr(self.task, "user_tools", None)
        if named is None:
            return self.environment.get_user_tools()
        return self.environment.get_user_tools(include=named)

    def act(self, *, text: str, calls: "list[dict[str, Any]]") -> "dict[str, Any]":
        """One turn of the agent: say `text` to the customer, or make calls, always as the agent.

        Replies with the results in the order of the calls, or what the customer said, and whether it is over.
        """
        orchestrator, message = self.orchestrator, self.package.message
        before = len(orchestrator.trajectory)
        if not orchestrator.done:
            made = [
                message.ToolCall(id=f"agent_{before}_{place}", requestor="assistant", **call)
                for place, call in enumerate(calls)
            ]
            self.agent.queued = message.AssistantMessage(
                role="assistant", content=text or None, tool_calls=made or None
            )
            self.hop()
            self.advance()
        new = orchestrator.trajectory[before + 1 :]
        results = [one for one in new if one.role == "tool" and one.requestor == "assistant"]
        said = [one.content for one in new if one.role == "user" and not one.tool_calls]
        return {
            "results": [{"content": one.content or "", "error": bool(one.error)} for one in results],
            "kinds": [self._kind(call["name"]) for call in calls],
            "said": said,
            "reason": orchestrator.termination_reason.value if orchestrator.done else None,
            "revealed": self._revealed(),
        }

    def _kind(self, name: str) -> "str | None":
        tools = self.environment.tools
        return str(tools.tool_type(name).value) if name in tools.tools else None

    def _revealed(self) -> "list[str]":
        found = getattr(self.user, "revealed", [])
        self.user.revealed = []
        return list(found)

    def hop(self) -> None:
        """One step of the orchestrator, and its limits, which do not count while a call waits for its result."""
        orchestrator = self.orchestrator
        with self.inside():
            orchestrator.step()
        reasons = self.package.simulation.TerminationReason
        if orchestrator.to_role == self.package.orchestrator.Role.ENV:
            return
        if orchestrator.step_count >= orchestrator.max_steps:
            orchestrator.done, orchestrator.termination_reason = True, reasons.MAX_STEPS
        if orchestrator.num_errors >= orchestrator.max_errors:
            orchestrator.done, orchestrator.termination_reason = True, reasons.TOO_MANY_ERRORS

    def advance(self) -> None:
        """Everything up to the agent's next turn, or the end."""
        while not self.orchestrator.done and self.orchestrator.to_role != self.package.orchestrator.Role.AGENT:
            self.hop()

    def outcome(self) -> "dict[str, Any]":
        """The reward by the benchmark's evaluator. An episode that is not over has run out of its budget."""
        orchestrator = self.orchestrator
        reason = orchestrator.termination_reason.value if orchestrator.done else "max_steps"
        scored = STOPPED if reason == "max_steps" and self.rules["on_budget"] == "evaluate" else reason
        with self.inside():
            self.simulation = self.package.simulation.SimulationRun(
                id=f"{self.domain}-{hashlib.sha256(self.task.id.encode()).hexdigest()[:12]}-{os.getpid()}",
                task_id=self.task.id,
                start_time=self.began,
                end_time=datetime.now().isoformat(),
                duration=self.seconds,
                termination_reason=scored,
                messages=orchestrator.get_trajectory(),
            )
            info = self.package.evaluator.evaluate_simulation(
                simulation=self.simulation,
                task=self._task_to_score(),
                evaluation_type=self.package.evaluator.EvaluationType.ALL,
                solo_mode=False,
                domain=self.domain,
            )
        parts = {part.value: value for part, value in (info.reward_breakdown or {}).items()}
        return {"reward": info.reward, "parts": parts, "reason": reason}

    def _task_to_score(self) -> Any:
        """The task; without its judged part where nobody judges."""
        if self.rules["judge"] == "official" or not judged(self.task):
            return self.task
        task = self.task.model_copy(deep=True)
        task.evaluation_criteria.reward_basis = [p for p in task.evaluation_criteria.reward_basis if p.value != _NL]
        return task

    def inspect(self) -> "dict[str, Any]":
        """For whoever checks the scoring: the recorded run, hashes of both databases, seconds in the benchmark."""
        with self.inside():
            record = {
                "simulation": None if self.simulation is None else self.simulation.model_dump(mode="json"),
                "agent_db": self.environment.get_db_hash(),
                "user_db": self.environment.get_user_db_hash(),
            }
        return {**record, "task": self.task.id, "seconds": self.seconds}

    @contextmanager
    def inside(self) -> "Iterator[None]":
        """Counts the time spent in the benchmark."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - began


def make_agent(package: Any, tools: Any, policy: str) -> Any:
    """An agent of the benchmark's own kind that says what is queued for it, and never ends a conversation."""

    class ExternalAgent(package.agent_base):  # type: ignore[misc]
        queued: Any = None

        def get_init_state(self, message_history: Any = None) -> Any:
            return {}

        def generate_next_message(self, heard: Any, state: Any) -> Any:
            return self.queued, state

        def stop(self, message: Any = None, state: Any = None) -> None:
            """Nothing to release."""

        def set_seed(self, seed: int) -> None:
            """Nothing is drawn."""

        @classmethod
        def is_stop(cls, message: Any) -> bool:
            return False

    return ExternalAgent(tools=tools, domain_policy=policy)
