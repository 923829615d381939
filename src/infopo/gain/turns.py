"""Which turns have a gain, what the history would be without their answer, and the final arithmetic. No torch."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from infopo.core import InfopoError, Message, Span, Trajectory, UserError
from infopo.gain.spec import GainSpec, TurnGain
from infopo.tokens import Renderer

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredTurn:
    """One turn with a gain. Both histories share `ids[:start]` of episode `row`, and the next action.

    Worked example: prompt `P`, actions `a` and `b`, an answer block `o`, its counterfactual `x`::

        real    P P P a a o o o b b    start 5, block (x, x), action [8, 10)
        edited  P P P a a x x b b      the next action moves with the length of the block
    """

    row: int
    turn: int
    start: int
    block: Ids  # the counterfactual ids
    action: Span  # of the next action, in the real history
    unchanged: bool  # the answer already says the placeholder: both histories are one
    partial: bool  # the next action was cut at a token limit

    def edited(self, trajectory: Trajectory) -> Ids:
        """The edited history, next action included."""
        ids = trajectory.token_ids
        return ids[: self.start] + self.block + ids[self.action.start : self.action.end]

    @property
    def edited_action(self) -> Span:
        """Where the next action stands in the edited history."""
        start = self.start + len(self.block)
        return Span(start=start, end=start + len(self.action))


def scored_turns(renderer: Renderer, trajectories: Sequence[Trajectory], spec: GainSpec) -> list[ScoredTurn]:
    """Every turn that was answered (not with blanks alone) and followed by an action of at least one token, in order.

    Raises `UserError` where the renderer would not write the recorded answer as it stands in the ids.
    """
    found = []
    # Few answers differ once their contents are the placeholder, so that half of the rendering is done once.
    write = cache(lambda messages: renderer.counterfactual(messages, spec.placeholder).ids)
    for row, trajectory in enumerate(trajectories):
        for turn in range(len(trajectory.turns) - 1):
            scored = _scored_turn(renderer, trajectory, row, turn, write)
            if scored is not None:
                found.append(scored)
    return found


def _scored_turn(
    renderer: Renderer, trajectory: Trajectory, row: int, turn: int, write: Callable[[tuple[Message, ...]], Ids]
) -> ScoredTurn | None:
    here, after = trajectory.turns[turn], trajectory.turns[turn + 1]
    block = here.observation_block
    if block is None or here.feedback_kind == "none" or not len(after.action):
        return None
    first = here.action_message + 1
    messages = trajectory.messages[first : first + len(here.observation)]
    if not any(message.content.strip() for message in messages):
        return None
    place = f"task {trajectory.task_id}, episode {trajectory.episode}, turn {turn + 1}"
    if after.action.start != block.end:
        raise InfopoError(f"{place}: the next action does not follow the answer; the record of this episode is broken")
    real = trajectory.token_ids[block.start : block.end]
    if renderer.observation(messages).ids != real:
        raise UserError(
            f"{place}: tokenizer {renderer.name!r} writes the recorded answer in other tokens; score with the"
            " tokenizer, chat template and template options that played. (A template that repeats the tools beside"
            " later messages cannot be scored.)"
        )
    edited = write(tuple(replace(message, content="") for message in messages))
    return ScoredTurn(
        row=row,
        turn=turn,
        start=block.start,
        block=edited,
        action=after.action,
        unchanged=edited == real,
        partial=not after.complete,
    )


def turn_gain(with_answer: Sequence[float], without: Sequence[float], *, spec: GainSpec, partial: bool) -> TurnGain:
    """The gain from log-probs `[n]` of the next action behind the real and the edited history.

    >>> gain = turn_gain([-0.1, -0.5, -0.2], [-0.6, -0.4, -1.3], spec=GainSpec(), partial=False)
    >>> round(gain.sum, 6), round(gain.value, 6), gain.tokens
    (1.5, 0.5, 3)
    """
    tokens = len(with_answer)
    total = math.fsum(real - edited for real, edited in zip(with_answer, without, strict=True))
    mean = total / tokens
    return TurnGain(
        value=mean if spec.reduction == "mean" else total, mean=mean, sum=total, tokens=tokens, partial=partial
    )
