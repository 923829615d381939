"""Groups of episodes, turn by turn: the policy writes for all at once, environments and users work side by side.

The forward batch of a turn is every episode that is still live, in a fixed order. Who answered first changes nothing.
Limit: a deadline cuts code that awaits; an environment that blocks the thread is not cut.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from infopo.core import Failure, Group, Message, boundary, derive_seed
from infopo.envs import Env, Resampling, make_env
from infopo.rollout.config import RolloutConfig
from infopo.rollout.episode import Episode
from infopo.samplers.base import Request, Sampler, Session

if TYPE_CHECKING:  # it imports torch, which reading a configuration does not need
    from infopo.tokens.slot_cache import CacheHandle

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """One task to be played by a whole group. `seed` drives sampling and the environment's own generator."""

    env_id: str
    task: int
    split: str = "train"
    seed: int = 0
    user: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    group_id: str = ""

    def make(self, episode: int) -> Env:
        """A fresh environment for one episode of the group."""
        seed = derive_seed(self.seed, "env", episode)
        split: Any = self.split
        return make_env(self.env_id, task=self.task, split=split, seed=seed, user=self.user, **self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutBatch:
    """Finished groups, and the cache that scoring may use while the weights stay as they are."""

    groups: tuple[Group, ...]
    cache: "CacheHandle | None"


async def play_groups(
    sampler: Sampler,
    tasks: Sequence[TaskSpec],
    *,
    group_size: int,
    config: RolloutConfig,
    policy_version: int = 0,
    make: Callable[[TaskSpec, int], Env] = TaskSpec.make,
) -> RolloutBatch:
    """Play `group_size` episodes of every task. Broken episodes come back with a `Failure`; nothing is scored as zero.

    Every stage has its deadline, the batch has one for all of it. Raises what a person must fix (`UserError`) and
    what is our own fault; whatever an environment, user or judge raises becomes a `Failure`.
    """
    episodes = [
        Episode(
            env=make(task, index),
            env_id=task.env_id,
            group_id=task.group_id or f"{task.env_id}/{task.split}/{task.task}",
            index=index,
            seed=derive_seed(task.seed, "episode", index),
            renderer=sampler.renderer,
        )
        for task in tasks
        for index in range(group_size)
    ]
    session = sampler.open(len(episodes))
    await _Play(sampler, session, episodes, config).run()
    trajectories = [episode.freeze(policy_version) for episode in episodes]
    groups = tuple(
        Group(group_id=chunk[0].group_id, trajectories=tuple(chunk))
        for chunk in (trajectories[k : k + group_size] for k in range(0, len(trajectories), group_size))
    )
    return RolloutBatch(groups=groups, cache=_handle(session, episodes, policy_version))


def _handle(session: Session, episodes: Sequence[Episode], policy_version: int) -> "CacheHandle | None":
    if session.cache is None:
        return None
    from infopo.tokens.slot_cache import CacheHandle

    return CacheHandle(
        cache=session.cache,
        version=policy_version,
        slots={(episode.group_id, episode.index): slot for slot, episode in enumerate(episodes)},
        stored=tuple(session.stored(slot) for slot in range(len(episodes))),
    )


class _Play:
    """The stages of one batch."""

    def __init__(self, sampler: Sampler, session: Session, episodes: Sequence[Episode], config: RolloutConfig) -> None:
        self.sampler = sampler
        self.session = session
        self.episodes = episodes
        self.config = config
        self.gate = asyncio.Semaphore(config.concurrency)
        self.deadline = time.monotonic() + config.total_seconds

    async def run(self) -> None:
        """Start, turns with a verdict as soon as an episode is done, close: `close` is called whatever happened."""
        try:
            await asyncio.gather(*(self._start(episode) for episode in self.episodes))
            while live := [slot for slot, episode in enumerate(self.episodes) if episode.live]:
                await self._turn(live)
        finally:
            await asyncio.gather(*(self._close(episode) for episode in self.episodes))

    async def _turn(self, live: Sequence[int]) -> None:
        if time.monotonic() >= self.deadline:
            late = Failure(kind="timeout", where="episode", detail=f"batch ran over {self.config.total_seconds} s")
            for slot in live:
                self.episodes[slot].fail(late)
            return
        requests = [self._request(slot) for slot in live]
        generated = await self.session.generate(requests)
        acted: list[tuple[Episode, Message]] = []
        for slot, one in zip(live, generated, strict=True):
            if isinstance(one, Failure):
                self.episodes[slot].fail(one)
            else:
                acted.append((self.episodes[slot], self.episodes[slot].act(one)))
        await asyncio.gather(*(self._step(episode, action) for episode, action in acted))

    def _request(self, slot: int) -> Request:
        episode = self.episodes[slot]
        room = self.sampler.max_length - len(episode.token_ids)
        return Request(
            slot=slot,
            token_ids=episode.token_ids,
            messages=episode.messages,
            generator=episode.generator,
            max_new_tokens=max(1, min(self.config.max_new_tokens, room)),
            tools=episode.tools,
        )

    async def _start(self, episode: Episode) -> None:
        async def call() -> None:  # rendering inside: messages that no template can take are the environment's fault
            episode.begin(await episode.env.start(), token_limit=self.sampler.max_length)

        await self._guard(episode, "start", call, self.config.start_seconds)

    async def _step(self, episode: Episode, action: Message) -> None:
        limit = min(episode.env.max_turns, self.config.max_turns or episode.env.max_turns)

        async def call() -> None:
            env, own = episode.env, False
            others: tuple[tuple[Message, ...], ...] | None = None
            if self.config.alternatives and isinstance(env, Resampling):
                found = await env.alternatives(action, self.config.alternatives)
                others, own = tuple(found or ()), found is not None and not found
            step, state_key = await env.step(action), env.state_key()
            room = {"turn_limit": limit, "token_limit": self.sampler.max_length}
            # A reply that nothing hidden touches is its own only alternative.
            episode.answer(step, state_key, **room, alternatives=(step.messages,) if own else others)

        await self._guard(episode, "step", call, self.config.step_seconds)
        # Now, not after the last turn of the batch: a batch that runs out of time keeps the verdicts it has.
        if not episode.live and episode.failure is None:
            await self._outcome(episode)

    async def _outcome(self, episode: Episode) -> None:
        async def call() -> None:
            episode.judge(await episode.env.outcome(), episode.env.reference_answer())

        await self._guard(episode, "outcome", call, self.config.outcome_seconds)

    async def _close(self, episode: Episode) -> None:
        # A close that fails loses nothing that was measured: the verdict stands.
        with boundary("close"):
            await _in_time(episode.env.close(), self.config.step_seconds)

    async def _guard(
        self, episode: Episode, where: str, call: Callable[[], Coroutine[Any, Any, None]], seconds: float
    ) -> None:
        """Run one stage of foreign code under its deadline (and the batch's); on failure mark the episode."""
        async with self.gate:
            with boundary(where) as caught:
                await _in_time(call(), min(seconds, max(0.0, self.deadline - time.monotonic())))
        if caught.failure is not None:
            episode.fail(caught.failure)


async def _in_time(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """`asyncio.wait_for`, and a cancellation that nobody asked us for is the fault of whoever let it out."""
    try:
        return await asyncio.wait_for(work, seconds)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise RuntimeError("cancelled from inside") from error
