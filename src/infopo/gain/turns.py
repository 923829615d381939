"""Which turns have a gain, and the histories that it compares. No torch here."""

from collections.abc import Sequence
from functools import cache

from infopo.core import InfopoError, Message, Span, Trajectory, UserError
from infopo.gain.branches import Branch, Ids, ScoredTurn
from infopo.gain.counterfactual import Block, Place, Write, answer_of, writer
from infopo.gain.spec import GainSpec
from infopo.tokens import Renderer


def scored_turns(renderer: Renderer, trajectories: Sequence[Trajectory], spec: GainSpec) -> list[ScoredTurn]:
    """Every turn that was answered (not with blanks alone), is followed by an action with something to score, and has
    a counterfactual; in order.

    Raises `UserError` where the renderer would not write the recorded answer as it stands in the ids.
    """
    write = writer(renderer, trajectories, spec)
    rendered = cache(lambda messages: renderer.observation(messages).ids)
    found = []
    for row, trajectory in enumerate(trajectories):
        for turn in range(len(trajectory.turns) - 1):
            answer = _answer(trajectory, turn)
            if answer is None:
                continue
            if spec.counterfactual not in ("fill", "drop"):  # these two keep the recorded ids
                _check_renderer(renderer, trajectory, turn, rendered(answer))
            scored = _scored_turn(renderer, trajectory, (row, turn), spec, write)
            if scored is not None:
                found.append(scored)
    return found


def _answer(trajectory: Trajectory, turn: int) -> tuple[Message, ...] | None:
    """What answered this action, if a gain can be asked for."""
    here, after = trajectory.turns[turn], trajectory.turns[turn + 1]
    block = here.observation_block
    if block is None or here.feedback_kind == "none" or not len(after.action):
        return None
    messages = answer_of(trajectory, here)
    if not any(message.content.strip() for message in messages):
        return None
    if after.action.start != block.end:
        raise InfopoError(
            f"{_place(trajectory, turn)}: the next action does not follow the answer; the record of this episode is"
            " broken"
        )
    return messages


def _check_renderer(renderer: Renderer, trajectory: Trajectory, turn: int, rendered: Ids) -> None:
    block = trajectory.turns[turn].observation_block
    assert block is not None, "only answered turns are scored"
    if rendered != trajectory.token_ids[block.start : block.end]:
        raise UserError(
            f"{_place(trajectory, turn)}: tokenizer {renderer.name!r} writes the recorded answer in other tokens; score"
            " with the tokenizer, chat template and template options that played. (A template that repeats the tools"
            " beside later messages cannot be scored.)"
        )


def _place(trajectory: Trajectory, turn: int) -> str:
    return f"task {trajectory.task_id}, episode {trajectory.episode}, turn {turn + 1}"


def _scored_turn(
    renderer: Renderer, trajectory: Trajectory, place: Place, spec: GainSpec, write: Write
) -> ScoredTurn | None:
    row, turn = place
    block = trajectory.turns[turn].observation_block
    assert block is not None, "only answered turns are scored"
    horizon = len(trajectory.turns) if spec.horizon == "all" else spec.horizon
    later = trajectory.turns[turn + 1 : turn + 1 + horizon]
    parts = [(_part(renderer, trajectory, one.action, spec), one.complete) for one in later]
    parts = [(part, complete) for part, complete in parts if part]
    if not parts:
        return None
    tail = Span(start=block.end, end=parts[-1][0].stop)
    # in the tail, whose first token is predicted by the last one of the block
    scored = [index - tail.start for part, _ in parts for index in part]
    blocks = list(write(place))
    if not blocks:
        return None
    ids = trajectory.token_ids
    lead = tail.start - 1
    real = Branch(
        row=row,
        turn=turn,
        start=lead,
        ids=ids[lead : tail.end],
        positions=tuple(range(lead, tail.end)),
        scored=tuple(index + 1 for index in scored),
        real=True,
    )
    edited = tuple(
        None
        if one.ids == ids[block.start : block.end]
        else _edited(place, block.start, one, ids[tail.start : tail.end], scored)
        for one, _ in blocks
    )
    return ScoredTurn(
        row=row,
        turn=turn,
        real=real,
        edited=edited,
        weights=tuple(weight for _, weight in blocks),
        partial=not parts[-1][1],
    )


def _edited(place: Place, start: int, block: Block, tail: Ids, scored: Sequence[int]) -> Branch:
    positions = [start + offset for offset in block.offsets]
    positions += [start + block.end + index for index in range(len(tail))]
    return Branch(
        row=place[0],
        turn=place[1],
        start=start,
        ids=block.ids + tail,
        positions=tuple(positions),
        scored=tuple(index + len(block.ids) for index in scored),
    )


def _part(renderer: Renderer, trajectory: Trajectory, action: Span, spec: GainSpec) -> range:
    """Positions of the tokens of this action that are scored."""
    skipped = 0
    if spec.score_part == "after-thought":
        skipped = renderer.thought_length(trajectory.token_ids[action.start : action.end])
    return range(action.start + skipped, action.end)
