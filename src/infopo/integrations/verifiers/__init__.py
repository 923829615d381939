"""An environment of this project as a `verifiers` environment, for its evaluation and for trainers that take those.

    verifiers.load_environment("infopo.integrations.verifiers", env="usergym/travel", tasks=50)

The user answers inside; every rollout of a task meets the same user, in the same mood. What breaks while the user
answers is an `InfraError` of the rollout, so that it can be told from a score of 0.
"""

import asyncio
import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import verifiers as vf
from datasets import Dataset
from verifiers.types import ToolMessage, UserMessage

from infopo.core import Message, ToolCall, boundary, derive_seed
from infopo.envs.base import Env, Opening
from infopo.envs.registry import Member, Split, make_env, members

__all__ = ["InfopoEnv", "load_environment"]


def load_environment(
    env: str = "usergym/travel", tasks: int = 100, seed: int = 0, user: str | None = None, **options: Any
) -> "InfopoEnv":
    """The first `tasks` tasks of each split (of a mixture: of each member), or all where there are fewer.

    `env`, `user` and `options` are as in `make_env`.
    """
    return InfopoEnv(env, tasks=tasks, seed=seed, user=user, **options)


class InfopoEnv(vf.MultiTurnEnv):
    """See `load_environment`. Its reward is the final score; `success` and `questions` are metrics beside it."""

    def __init__(self, env: str, *, tasks: int, seed: int, user: str | None, **options: Any) -> None:
        self._seed, self._user, self._tasks = seed, user, tasks
        self._members = {split: members(env, split, **options) for split in ("train", "test")}  # type: ignore[arg-type]
        rubric = vf.Rubric(funcs=[score])
        rubric.add_metric(success)
        rubric.add_metric(questions)
        super().__init__(dataset=lambda: self._rows("train"), eval_dataset=lambda: self._rows("test"), rubric=rubric)

    def _rows(self, split: Split) -> Dataset:
        with ThreadPoolExecutor(1) as thread:  # whoever asks may be inside an event loop already
            return Dataset.from_list(thread.submit(asyncio.run, self._all(split)).result())

    async def _all(self, split: Split) -> list[dict[str, Any]]:
        return [
            await self._row(place, member, task, split)
            for place, member in enumerate(self._members[split])
            for task in range(min(self._tasks, member.tasks))
        ]

    async def _row(self, place: int, member: Member, task: int, split: Split) -> dict[str, Any]:
        env = self._make(member, task, split)
        opening: Opening = await env.start()
        await env.close()
        info: dict[str, Any] = {"member": place, "index": task, "split": split, "env": member.env_id}
        if opening.tools:
            keys = ("name", "description", "parameters")
            info["tool_defs"] = [{key: tool["function"][key] for key in keys} for tool in opening.tools]
        return {"prompt": [_spoken(message) for message in opening.messages], "info": json.dumps(info)}

    def _make(self, member: Member, task: int, split: Split) -> Env:
        seed = derive_seed(self._seed, "verifiers", member.env_id, split, task)
        return make_env(member.env_id, task=task, split=split, seed=seed, user=self._user, **member.options)

    async def setup_state(self, state: vf.State) -> vf.State:
        """Begin the episode whose opening is the prompt."""
        info = state["info"]
        state["played"] = {"outcome": None, "questions": 0}
        with boundary("start") as caught:
            member = self._members[info["split"]][info["member"]]
            state["infopo"] = self._make(member, info["index"], info["split"])
            await state["infopo"].start()
        _raise(caught.failure)
        return state

    async def env_response(self, messages: list[Any], state: vf.State, **kwargs: Any) -> list[Any]:
        """What the environment answers to the last message; its last answer ends the rollout."""
        with boundary("step") as caught:
            step = await state["infopo"].step(_action(messages[-1]))
        _raise(caught.failure)
        state["played"]["questions"] += step.facts is not None and step.facts.kind == "ask"
        answers = [
            ToolMessage(tool_call_id=message.tool_call_id or "", content=message.content)
            if message.role == "tool"
            else UserMessage(content=message.content)
            for message in step.messages
        ]
        if step.done or step.truncated:
            state["final_env_response"] = answers
        return answers

    @vf.cleanup
    async def conclude(self, state: vf.State) -> None:
        """Ask for the verdict, also on an episode that ran out of tokens, and close."""
        env = state.get("infopo")
        if env is None:
            return
        with boundary("outcome") as caught:
            if state.get("error") is None:
                state["played"]["outcome"] = await env.outcome()
            await env.close()
        if caught.failure is not None and state.get("error") is None:
            state["error"] = vf.InfraError(str(caught.failure))
        del state["infopo"]


async def score(state: vf.State) -> float:
    """The final score."""
    outcome = state["played"]["outcome"]
    return 0.0 if outcome is None else float(outcome.score)


async def success(state: vf.State) -> float:
    """Whether the task was solved."""
    outcome = state["played"]["outcome"]
    return 0.0 if outcome is None else float(outcome.success)


async def questions(state: vf.State) -> float:
    """How many questions were asked."""
    return float(state["played"]["questions"])


def _raise(failure: Any) -> None:
    if failure is not None:
        raise vf.InfraError(str(failure))


def _action(message: Any) -> Message:
    """The model's message as an action of ours."""
    calls = tuple(
        ToolCall(id=call.id, name=call.name, arguments=call.arguments)
        for call in getattr(message, "tool_calls", None) or ()
    )
    content = message.content if isinstance(message.content, str) else ""
    return Message(role="assistant", content=content, tool_calls=calls)


def _spoken(message: Message) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(message).items() if value or name == "content"}
