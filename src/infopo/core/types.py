"""The types that travel between the rooms: frozen, slotted, keyword-only.

Worked example: a two-turn episode as one token sequence (`P` prompt, `a` action, `o` observation block)::

    token   P P P a a o o o a a
    index   0 1 2 3 4 5 6 7 8 9
    sampled . . . x x . . . x x

    turn 1: action [3, 5)  observation_block [5, 8)  observation ([6, 7),)   <- content only, inside the block
    turn 2: action [8, 10) observation_block None    observation ()          <- nobody answered the last action
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Role = Literal["system", "user", "assistant", "tool"]
FeedbackKind = Literal["user", "tool", "env", "none"]
ActionKind = Literal["ask", "search", "act", "finish", "invalid"]


class StopReason(StrEnum):
    """Why an episode ended."""

    DONE = "done"  # the environment said so
    TRUNCATED = "truncated"  # the environment's own limit
    TURN_LIMIT = "turn_limit"  # the rollout's limit on turns
    TOKEN_LIMIT = "token_limit"  # the sequence would not fit the model
    FAILED = "failed"  # infrastructure broke; see Trajectory.failure


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call that the policy asks for. `arguments` is the JSON text exactly as written."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One chat message. Only an assistant has `tool_calls`; only a tool has `tool_call_id`."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Half-open token range [start, end)."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"a span needs 0 <= start <= end, got [{self.start}, {self.end})")

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFacts:
    """What an action was, and what its answer brought to light. Recorded, never rendered."""

    kind: ActionKind
    revealed: tuple[str, ...] = ()  # ids of hidden facts first revealed by this turn's answer
    repeated: bool = False  # the same request was already answered
    useful: bool = False  # the answer moved the task forward


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One action of the policy and the answer to it. Spans index `Trajectory.token_ids`."""

    action: Span
    observation: tuple[Span, ...] = ()  # content tokens, one span per answering message
    observation_block: Span | None = None  # the whole block, template tokens included
    action_message: int  # index of the action in Trajectory.messages; its answers follow it
    reward: float | None = None  # None: not scored
    feedback_kind: FeedbackKind = "none"
    state_key: str | None = None
    facts: TurnFacts | None = None
    complete: bool = True  # False: the policy hit its token limit before it ended the action
    # Draws of what could have been answered under other hidden goals that fit the history. Empty: the environment
    # cannot say what else this answer could have been. None: nobody was asked.
    alternatives: tuple[tuple[Message, ...], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Infrastructure broke. Data, never a low reward: it enters no mean, no std, no group size."""

    kind: str  # "timeout" or the exception's class name
    where: str  # the stage: "start" | "step" | "outcome" | "policy" | "episode"
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The final verdict of an environment: `score` in [0, 1]."""

    score: float
    success: bool
    sandbox: str | None = None  # the level of isolation at which code of the policy ran; None: none ran


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """One finished episode. Shapes: `token_ids`, `sampled`, `logprobs` are `[L]`.

    `logprobs[k]` is None where token k was not sampled. `outcome` is None exactly where `failure` is set.
    `hidden` and `reference_answer` are private: they never reach a policy input or a renderer.
    """

    env: str
    task_id: str
    group_id: str
    episode: int
    seed: int
    policy_version: int
    messages: tuple[Message, ...]
    token_ids: tuple[int, ...]
    sampled: tuple[bool, ...]
    logprobs: tuple[float | None, ...]
    turns: tuple[Turn, ...]
    outcome: Outcome | None
    stop_reason: StopReason
    failure: Failure | None = None
    hidden: tuple[str, ...] = ()
    reference_answer: str | None = None

    def __post_init__(self) -> None:
        length = len(self.token_ids)
        if len(self.sampled) != length or len(self.logprobs) != length:
            raise ValueError(
                f"task {self.task_id}: token_ids, sampled and logprobs need one length, got "
                f"{length}, {len(self.sampled)}, {len(self.logprobs)}"
            )
        if (self.outcome is None) != (self.failure is not None):
            raise ValueError(f"task {self.task_id}: an episode has either an outcome or a failure")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """All episodes of one task under one policy. Failed episodes are kept here and counted, never averaged."""

    group_id: str
    trajectories: tuple[Trajectory, ...]

    @property
    def survivors(self) -> tuple[Trajectory, ...]:
        """The episodes that have an outcome."""
        return tuple(t for t in self.trajectories if t.failure is None)
