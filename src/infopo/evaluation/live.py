"""One episode at the terminal, with a person in it: shown as it is played, each gain as soon as there is one.

Covers one person and one episode at a time, who may think as long as they like: no stage has a deadline.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from infopo.core import Failure, Message, Trajectory, boundary
from infopo.evaluation.redundancy import said
from infopo.gain import GainSpec
from infopo.rollout.config import RolloutConfig
from infopo.rollout.episode import Episode
from infopo.samplers.base import Generated, Request, Session
from infopo.users.human import HumanLeft, Terminal

LEFT = Failure(kind="HumanLeft", where="user", detail="the person left before the end")


class PersonSession:
    """A person writes the actions: a `Session` of one episode, as tokens that the scoring model would have written."""

    cache = None

    def __init__(self, renderer: Any, terminal: Terminal) -> None:
        self._renderer, self._terminal = renderer, terminal

    def stored(self, slot: int) -> tuple[int, ...]:
        """Nothing is stored."""
        return ()

    async def generate(self, requests: Sequence[Request]) -> list[Generated]:
        """One line for every request. Raises `HumanLeft` at the end of the input."""
        found = []
        for request in requests:
            while (
                len(ids := self._renderer.encode_action(await self._terminal.ask("You act: "))) > request.max_new_tokens
            ):
                self._terminal.say(
                    f"{len(ids)} tokens, and there is room for {request.max_new_tokens}: shorter, please"
                )
            found.append(Generated(token_ids=ids, logprobs=(None,) * len(ids), stop="end"))
        return found


@dataclass(slots=True, kw_only=True)
class LiveEpisode:
    """An episode with what it takes to play it. `gains`: of the turns so far; None where there is none (yet).

    `policy` scores the replies; `session` writes the actions: the policy's, or a person's.
    """

    episode: Episode
    policy: Any
    session: Session
    config: RolloutConfig
    spec: GainSpec
    terminal: Terminal
    person_acts: bool
    gains: list[float | None] = field(default_factory=list)

    async def play(self) -> None:
        """Play to the end. A person who leaves, or an environment that breaks, ends the episode with a `Failure`."""
        try:
            await self._stages()
        finally:
            with boundary("close"):
                await self.episode.env.close()

    async def _stages(self) -> None:
        with boundary("start") as caught:
            self.episode.begin(await self.episode.env.start(), token_limit=self.policy.max_length)
            self._show(self.episode.messages)
        while caught.failure is None and self.episode.live:
            with boundary("step") as caught:
                await self._turn()
        if caught.failure is None:
            with boundary("outcome") as caught:
                self.episode.judge(await self.episode.env.outcome(), self.episode.env.reference_answer())
        if caught.failure is not None:
            self.episode.fail(LEFT if isinstance(caught.error, HumanLeft) else caught.failure)

    def freeze(self) -> tuple[Trajectory, list[float | None]]:
        """The episode as data, whatever state it is in, and one gain a turn."""
        if self.episode.outcome is None and self.episode.failure is None:
            self.episode.fail(LEFT)
        turns = len(self.episode.turns)
        return self.episode.freeze(self.policy.version), [*self.gains, *[None] * turns][:turns]

    async def _turn(self) -> None:
        action = self.episode.act(await self._written())
        if not self.person_acts:
            self.terminal.say(f"agent> {said(action)}")
        self._score()
        before = len(self.episode.messages)
        env = self.episode.env
        step = await env.step(action)
        most = min(env.max_turns, self.config.max_turns or env.max_turns)
        self.episode.answer(step, env.state_key(), turn_limit=most, token_limit=self.policy.max_length)
        if self.person_acts or step.feedback_kind != "user":
            self._show(self.episode.messages[before:])

    async def _written(self) -> Generated:
        room = self.policy.max_length - len(self.episode.token_ids)
        most = room if self.person_acts else min(self.config.max_new_tokens, room)
        request = Request(
            slot=0,
            token_ids=self.episode.token_ids,
            messages=self.episode.messages,
            generator=self.episode.generator,
            max_new_tokens=max(1, most),
        )
        (generated,) = await self.session.generate([request])
        return generated

    def _score(self) -> None:
        """The gain of the reply before this action."""
        from infopo.gain import information_gain

        if len(self.episode.turns) < 2:
            return
        under_way = Failure(kind="unfinished", where="episode", detail="still being played")
        trajectory = replace(self.episode, failure=under_way).freeze(self.policy.version)
        gain = information_gain(self.policy, [trajectory], spec=self.spec)[0][-2]
        self.gains.append(None if gain is None else gain.value)
        if gain is not None:
            self.terminal.say(f"        (gain of the reply before: {gain.value:+.3f} nats)")

    def _show(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.terminal.say(f"{message.role}> {message.content}")
