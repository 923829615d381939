"""Environments that break, hang or dawdle on purpose, for tests of whatever drives environments.

Hand them to a rollout by its `make`:

    def make(task, episode):
        return FaultyEnv(task.make(episode), stage="step", kind="hang")

    play_groups(sampler, tasks, make=make, ...)
"""

import asyncio
import random
from typing import Literal

from infopo.core import Message, Outcome, derive_random
from infopo.envs import Env, Opening, Step

Stage = Literal["start", "step", "state_key", "outcome", "reference_answer", "close"]
Kind = Literal["raise", "hang", "delay", "cancel"]
STAGES: tuple[Stage, ...] = ("start", "step", "state_key", "outcome", "reference_answer", "close")

FOREVER = 3600.0


class Broken(Exception):
    """What a `FaultyEnv` raises: nothing that anybody knows of."""


class FaultyEnv:
    """The environment `env`, except that `stage` goes wrong, once.

    `kind`: `raise` (`error`, by default a `Broken`), `hang` (asleep until cancelled), `delay` (asleep for `seconds`,
    then right), `cancel` (lets out an `asyncio.CancelledError` that nobody asked for). `state_key` and
    `reference_answer` do not await, so they can only raise. `turn` (from 0) says which call of `step` or `state_key`
    it is. `closed` counts the calls of `close`.
    """

    def __init__(
        self,
        env: Env,
        *,
        stage: Stage,
        kind: Kind = "raise",
        turn: int = 0,
        seconds: float = 0.01,
        error: Exception | None = None,
    ) -> None:
        if stage in ("state_key", "reference_answer") and kind != "raise":
            raise ValueError(f"{stage} does not await: it can only raise")
        self.env = env
        self.env_id, self.task_id, self.max_turns = env.env_id, env.task_id, env.max_turns
        self.closed = 0
        self._stage, self._kind, self._turn, self._seconds = stage, kind, turn, seconds
        self._error = error or Broken(f"injected into {stage}")
        self._calls = dict.fromkeys(STAGES, 0)

    async def start(self) -> Opening:
        """The opening, unless this is the stage that goes wrong."""
        await self._pass("start")
        return await self.env.start()

    async def step(self, action: Message) -> Step:
        """The answer, unless this is the stage that goes wrong."""
        await self._pass("step")
        return await self.env.step(action)

    async def outcome(self) -> Outcome:
        """The verdict, unless this is the stage that goes wrong."""
        await self._pass("outcome")
        return await self.env.outcome()

    async def close(self) -> None:
        """Counted, then closed, unless this is the stage that goes wrong."""
        self.closed += 1
        await self._pass("close")
        await self.env.close()

    def reference_answer(self) -> str | None:
        """The reference answer, unless this is the stage that goes wrong."""
        if self._now("reference_answer"):
            raise self._error
        return self.env.reference_answer()

    def state_key(self) -> str | None:
        """The state key, unless this is the stage that goes wrong."""
        if self._now("state_key"):
            raise self._error
        return self.env.state_key()

    def _now(self, stage: Stage) -> bool:
        call = self._calls[stage]
        self._calls[stage] += 1
        return stage == self._stage and call == (self._turn if stage in ("step", "state_key") else 0)

    async def _pass(self, stage: Stage) -> None:
        if not self._now(stage):
            return
        if self._kind == "raise":
            raise self._error
        if self._kind == "cancel":
            raise asyncio.CancelledError
        await asyncio.sleep(FOREVER if self._kind == "hang" else self._seconds)


class DelayedEnv:
    """The environment `env`, each awaited stage after a random nap. What it answers is unchanged."""

    def __init__(self, env: Env, *, generator: random.Random, most_seconds: float) -> None:
        self.env = env
        self.env_id, self.task_id, self.max_turns = env.env_id, env.task_id, env.max_turns
        self._generator, self._most_seconds = generator, most_seconds

    async def start(self) -> Opening:
        """The opening, later."""
        await self._nap()
        return await self.env.start()

    async def step(self, action: Message) -> Step:
        """The answer, later."""
        await self._nap()
        return await self.env.step(action)

    async def outcome(self) -> Outcome:
        """The verdict, later."""
        await self._nap()
        return await self.env.outcome()

    async def close(self) -> None:
        """Closed, later."""
        await self._nap()
        await self.env.close()

    def reference_answer(self) -> str | None:
        """As it is."""
        return self.env.reference_answer()

    def state_key(self) -> str | None:
        """As it is."""
        return self.env.state_key()

    async def _nap(self) -> None:
        await asyncio.sleep(self._generator.random() * self._most_seconds)


def random_delays(env: Env, seed: int, *, most_seconds: float = 0.004) -> DelayedEnv:
    """`env` with naps of up to `most_seconds`: another `seed`, another order of arrival."""
    return DelayedEnv(env, generator=derive_random(seed, "delays", env.task_id), most_seconds=most_seconds)
