"""One episode: messages from the environment, ids from the sampler, spans that say which is which."""

import random
from dataclasses import dataclass, field
from typing import Any

from infopo.core import (
    Failure,
    FeedbackKind,
    InfopoError,
    Message,
    Outcome,
    Span,
    StopReason,
    Trajectory,
    Turn,
    TurnFacts,
    derive_random,
)
from infopo.envs import Env, Opening, Step
from infopo.samplers.base import Generated
from infopo.tokens import Renderer


@dataclass(slots=True)
class _OpenTurn:
    """A turn while its answer is still on its way."""

    action: Span
    action_message: int
    complete: bool
    observation: tuple[Span, ...] = ()
    observation_block: Span | None = None
    reward: float | None = None
    feedback_kind: FeedbackKind = "none"
    state_key: str | None = None
    facts: TurnFacts | None = None
    alternatives: tuple[tuple[Message, ...], ...] | None = None


@dataclass(slots=True)
class Episode:
    """An episode in progress. Ids only ever grow at the end; `freeze` makes the trajectory of it."""

    env: Env
    env_id: str
    group_id: str
    index: int
    seed: int
    renderer: Renderer
    token_ids: list[int] = field(default_factory=list)
    sampled: list[bool] = field(default_factory=list)
    logprobs: list[float | None] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    turns: list[_OpenTurn] = field(default_factory=list)
    tools: tuple[dict[str, Any], ...] = ()
    hidden: tuple[str, ...] = ()
    outcome: Outcome | None = None
    reference_answer: str | None = None
    stop_reason: StopReason | None = None
    failure: Failure | None = None
    generator: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.generator = derive_random(self.seed, "sampling")

    @property
    def live(self) -> bool:
        """Whether the policy is to act next."""
        return self.stop_reason is None

    def fail(self, failure: Failure) -> None:
        """Infrastructure broke: the episode ends without an outcome."""
        self.failure, self.stop_reason = failure, StopReason.FAILED

    def begin(self, opening: Opening, *, token_limit: int) -> None:
        """Render the opening. Raises `InfopoError` for one that leaves no room to act."""
        self.tools, self.hidden = opening.tools, opening.hidden
        self.messages.extend(opening.messages)
        self._append(self.renderer.opening(opening.messages, opening.tools).ids)
        if len(self.token_ids) >= token_limit:
            raise InfopoError(f"the opening has {len(self.token_ids)} tokens, the model takes {token_limit}")

    def act(self, generated: Generated) -> Message:
        """Take over a sampled action exactly as it was sampled; returns it as the message the environment sees."""
        start = len(self.token_ids)
        self.token_ids.extend(generated.token_ids)
        self.sampled.extend([True] * len(generated.token_ids))
        self.logprobs.extend(generated.logprobs)
        message = self.renderer.action(generated.token_ids, tools=bool(self.tools))
        self.turns.append(
            _OpenTurn(
                action=Span(start=start, end=len(self.token_ids)),
                action_message=len(self.messages),
                complete=generated.stop == "end",
            )
        )
        self.messages.append(message)
        return message

    def answer(
        self,
        step: Step,
        state_key: str | None,
        *,
        turn_limit: int,
        token_limit: int,
        alternatives: tuple[tuple[Message, ...], ...] | None = None,
    ) -> None:
        """Take over the environment's answer; its block is rendered only if the policy acts again."""
        turn = self.turns[-1]
        turn.reward, turn.feedback_kind, turn.facts = step.reward, step.feedback_kind, step.facts
        turn.state_key = state_key
        self.messages.extend(step.messages)
        if step.done:
            self.stop_reason = StopReason.DONE
        elif step.truncated:
            self.stop_reason = StopReason.TRUNCATED
        elif len(self.turns) >= turn_limit:
            self.stop_reason = StopReason.TURN_LIMIT
        else:
            action_ids = self.token_ids[turn.action.start : turn.action.end]
            closing = self.renderer.close_action(action_ids)
            block = self.renderer.observation(step.messages, tools=self.tools)
            if len(self.token_ids) + len(closing) + len(block.ids) >= token_limit:
                self.stop_reason = StopReason.TOKEN_LIMIT
                return
            self._append(closing)
            start = len(self.token_ids)
            self._append(block.ids)
            turn.observation_block = Span(start=start, end=len(self.token_ids))
            turn.alternatives = alternatives
            turn.observation = tuple(Span(start=start + s.start, end=start + s.end) for s in block.content)

    def judge(self, outcome: Outcome, reference_answer: str | None) -> None:
        """Take over the environment's verdict."""
        self.outcome, self.reference_answer = outcome, reference_answer

    def freeze(self, policy_version: int) -> Trajectory:
        """The finished episode as data."""
        return Trajectory(
            env=self.env_id,
            task_id=self.env.task_id,
            group_id=self.group_id,
            episode=self.index,
            seed=self.seed,
            policy_version=policy_version,
            messages=tuple(self.messages),
            token_ids=tuple(self.token_ids),
            sampled=tuple(self.sampled),
            logprobs=tuple(self.logprobs),
            turns=tuple(
                Turn(
                    action=turn.action,
                    observation=turn.observation,
                    observation_block=turn.observation_block,
                    action_message=turn.action_message,
                    reward=turn.reward,
                    feedback_kind=turn.feedback_kind,
                    state_key=turn.state_key,
                    facts=turn.facts,
                    complete=turn.complete,
                    alternatives=turn.alternatives,
                )
                for turn in self.turns
            ),
            outcome=self.outcome,
            stop_reason=self.stop_reason or StopReason.FAILED,
            failure=self.failure,
            hidden=self.hidden,
            reference_answer=self.reference_answer,
        )

    def _append(self, ids: tuple[int, ...]) -> None:
        self.token_ids.extend(ids)
        self.sampled.extend([False] * len(ids))
        self.logprobs.extend([None] * len(ids))
