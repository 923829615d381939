"""An environment of this project as a Gymnasium environment: text in, text out.

Gymnasium waits for every step. The environment works on an event loop in a thread of its own, so that it can also be
used where a loop is running already, as in a notebook.
"""

import asyncio
import dataclasses
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import gymnasium
import numpy as np
from gymnasium import spaces

from infopo.core import Message, Outcome
from infopo.envs.base import Env, Step
from infopo.envs.registry import Split, make_env

T = TypeVar("T")
LONGEST = 1 << 20  # characters
PRINTABLE = "".join(map(chr, range(32, 127)))


class FreeText(spaces.Text):
    """Text of any characters; samples are short and printable."""

    def __init__(self) -> None:
        super().__init__(max_length=80, min_length=0, charset=PRINTABLE)

    def contains(self, x: Any) -> bool:
        """Whether it is a text of a length that anything could handle."""
        return isinstance(x, str) and len(x) <= LONGEST


class InfopoEnv(gymnasium.Env[str, str]):
    """Any id of `make_env`, mixtures too. `reset(seed=...)` draws a task, `reset(options={"task": 3})` names one.

    An observation is the text of what was said since the last action; `info["messages"]` holds it by role. The reward
    of a step is what the environment pays, and where it pays no steps, the final score at the end. The last `info` has
    `score` and `success`. `settings` are the environment's own options.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 1}  # noqa: RUF012 - Gymnasium's own form

    def __init__(
        self,
        env_id: str,
        *,
        split: Split = "train",
        user: str | None = None,
        render_mode: str | None = None,
        **settings: Any,
    ) -> None:
        self.observation_space = FreeText()
        self.action_space = FreeText()
        self.render_mode = render_mode
        self._env_id, self._split, self._user, self._settings = env_id, split, user, settings
        self._env: Env | None = None
        self._paid = self._closed = False
        self._transcript: list[Message] = []
        self._runner = asyncio.Runner()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=env_id)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Begin another episode, a pure function of the seed (and of how many began since it)."""
        super().reset(seed=seed)
        self._leave()
        drawn = int(self.np_random.integers(np.iinfo(np.int64).max))
        task = (options or {}).get("task")
        self._env = env = make_env(
            self._env_id, task=task, split=self._split, seed=drawn, user=self._user, **self._settings
        )
        opening = self._run(env.start())
        self._paid = False
        self._transcript = list(opening.messages)
        return _text(opening.messages), {"messages": _plain(opening.messages), "task_id": env.task_id}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Act; `gymnasium.error.ResetNeeded` before a reset."""
        if self._env is None:
            raise gymnasium.error.ResetNeeded("call reset before step")
        message = Message(role="assistant", content=action)
        step: Step = self._run(self._env.step(message))
        self._transcript += [message, *step.messages]
        self._paid = self._paid or step.reward is not None
        reward = step.reward or 0.0
        info: dict[str, Any] = {"messages": _plain(step.messages), "feedback_kind": step.feedback_kind}
        if step.facts is not None:
            info["action_kind"] = step.facts.kind
        if step.done or step.truncated:
            outcome: Outcome = self._run(self._env.outcome())
            info |= {"score": outcome.score, "success": outcome.success}
            reward = reward if self._paid else outcome.score
        return _text(step.messages), float(reward), step.done, step.truncated, info

    def render(self) -> str | None:  # type: ignore[override]
        """The conversation so far."""
        if self.render_mode != "ansi":
            return None
        return "\n".join(f"{message.role}: {message.content}" for message in self._transcript)

    def close(self) -> None:
        """Close the environment under way; may be called again."""
        self._leave()
        if not self._closed:
            self._closed = True
            self._thread.submit(self._runner.close).result()
            self._thread.shutdown()

    def _leave(self) -> None:
        env, self._env = self._env, None
        if env is not None:
            self._run(env.close())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._thread.submit(self._runner.run, work).result()


def register(env_id: str, **settings: Any) -> str:
    """Register an environment with Gymnasium; returns the id that `gymnasium.make` takes.

    >>> register("toy/slots", difficulty="nano")
    'infopo/toy-slots-v0'
    """
    from infopo.envs.mixtures import folder_name

    name = f"infopo/{folder_name(env_id)}-v0"
    gymnasium.register(
        name, entry_point="infopo.integrations.gymnasium:InfopoEnv", kwargs={"env_id": env_id, **settings}
    )
    return name


def _text(messages: tuple[Message, ...]) -> str:
    return "\n\n".join(message.content for message in messages)


def _plain(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    return [{name: value for name, value in dataclasses.asdict(one).items() if value} for one in messages]
