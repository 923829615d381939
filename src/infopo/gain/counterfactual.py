"""The block that stands in place of an answer, for every kind of counterfactual. No torch here."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from infopo.core import Message, Span, Trajectory, Turn, UserError, derive_random
from infopo.gain.branches import Ids
from infopo.gain.spec import GainSpec
from infopo.tokens import Renderer

Messages = tuple[Message, ...]
Place = tuple[int, int]  # row of the episode, index of the turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Ids in place of the answer's block. `offsets` from its start: where they stand, and where what follows stands."""

    ids: Ids
    offsets: Ids  # of `ids`
    end: int  # of the first token that follows


Write = Callable[[Place], list[tuple[Block, float]]]  # blocks with weights; none: the turn has no gain


def answer_of(trajectory: Trajectory, turn: Turn) -> Messages:
    """The messages that answered this action and that the policy read."""
    first = turn.action_message + 1
    return trajectory.messages[first : first + len(turn.observation)]


def fill(placeholder: Sequence[int], length: int) -> Ids:
    """`length` ids that say the placeholder: its last id repeated, or its end cut off, as the released code does.

    >>> fill((101, 102, 103), 5), fill((101, 102, 103), 2)
    ((101, 102, 103, 103, 103), (101, 102))
    """
    return tuple(placeholder[min(index, len(placeholder) - 1)] for index in range(length))


def writer(renderer: Renderer, trajectories: Sequence[Trajectory], spec: GainSpec) -> Write:
    """How this spec replaces the answer at a place."""
    if spec.counterfactual == "fill":
        return _fill(renderer, trajectories, spec)
    if spec.counterfactual == "drop":
        return lambda place: [(_without(trajectories[place[0]].turns[place[1]], trajectories[place[0]].token_ids), 1.0)]
    others: Callable[[Place], Sequence[Messages]]
    if spec.counterfactual == "message":
        others = _placeholders(trajectories, spec)
    elif spec.counterfactual == "swap":
        others = _swaps(trajectories, spec)
    else:
        others = _alternatives(trajectories)
    # Few answers differ once they are replaced, so that most of the rendering is done once.
    ids_of = cache(lambda messages: renderer.observation(messages).ids)

    def write(place: Place) -> list[tuple[Block, float]]:
        drawn = Counter(others(place))  # replies drawn more than once are read once
        return [(_block(ids_of(messages)), count / drawn.total()) for messages, count in drawn.items()]

    return write


def _block(ids: Ids) -> Block:
    return Block(ids=ids, offsets=tuple(range(len(ids))), end=len(ids))


def _placeholders(trajectories: Sequence[Trajectory], spec: GainSpec) -> Callable[[Place], Sequence[Messages]]:
    def others(place: Place) -> list[Messages]:
        trajectory = trajectories[place[0]]
        answer = answer_of(trajectory, trajectory.turns[place[1]])
        return [tuple(replace(message, content=text) for message in answer) for text in spec.placeholders]

    return others


def _alternatives(trajectories: Sequence[Trajectory]) -> Callable[[Place], Sequence[Messages]]:
    offered = any(turn.alternatives is not None for trajectory in trajectories for turn in trajectory.turns)

    def others(place: Place) -> list[Messages]:
        if not offered:  # only where a turn needs them: a batch in which nobody was asked anything is no mistake
            raise UserError(
                "gain.counterfactual 'resample' needs the replies under other hidden goals, and these episodes have"
                " none; play with rollout.alternatives above 0 in an environment that offers them, or use 'message'"
            )
        trajectory = trajectories[place[0]]
        turn = trajectory.turns[place[1]]
        answer = answer_of(trajectory, turn)
        return [_contents(answer, other) for other in turn.alternatives or () if len(other) == len(answer)]

    return others


def _swaps(trajectories: Sequence[Trajectory], spec: GainSpec) -> Callable[[Place], Sequence[Messages]]:
    """Replies of other tasks, to the same kind of question; where there is none, to the same kind of action.

    Never of the same task: its episodes share one hidden goal, so that their replies erase just what is sought.
    """
    donors: dict[tuple[object, ...], list[tuple[str, Messages]]] = defaultdict(list)
    for trajectory in trajectories:
        for turn in trajectory.turns:
            if turn.observation_block is not None:
                for kind in _kinds(trajectory, turn):
                    donors[kind].append((trajectory.task_id, answer_of(trajectory, turn)))

    def others(place: Place) -> list[Messages]:
        trajectory = trajectories[place[0]]
        turn = trajectory.turns[place[1]]
        answer = answer_of(trajectory, turn)
        for kind in _kinds(trajectory, turn):
            foreign = [messages for task_id, messages in donors[kind] if task_id != trajectory.task_id]
            if foreign:
                generator = derive_random(trajectory.seed, "swap", place[1])
                chosen = generator.sample(foreign, min(spec.draws, len(foreign)))
                return [_contents(answer, other) for other in chosen]
        return []

    return others


def _kinds(trajectory: Trajectory, turn: Turn) -> Iterator[tuple[object, ...]]:
    """Keys of what was asked, the finest first."""
    answer = answer_of(trajectory, turn)
    rough = (trajectory.env, turn.feedback_kind, turn.facts and turn.facts.kind, len(answer))
    if turn.facts and turn.facts.revealed:
        yield (*rough, turn.facts.revealed)
    yield rough


def _contents(answer: Messages, other: Messages) -> Messages:
    """The answer with the contents of another one: roles and call ids stay."""
    return tuple(replace(message, content=new.content) for message, new in zip(answer, other, strict=True))


def _fill(renderer: Renderer, trajectories: Sequence[Trajectory], spec: GainSpec) -> Write:
    placeholders = [renderer.text(text) for text in spec.placeholders]

    def write(place: Place) -> list[tuple[Block, float]]:
        trajectory = trajectories[place[0]]
        block = trajectory.turns[place[1]].observation_block
        assert block is not None, "only answered turns are scored"
        found = []
        for placeholder in placeholders:
            ids = list(trajectory.token_ids)
            for span in trajectory.turns[place[1]].observation:
                ids[span.start : span.end] = fill(placeholder, len(span))
            found.append((_block(tuple(ids[block.start : block.end])), 1 / len(placeholders)))
        return found

    return write


def _without(turn: Turn, ids: Ids) -> Block:
    """The block without its content; everything else stays at the position where it was."""
    block = turn.observation_block
    assert block is not None, "only answered turns are scored"
    kept = [index for index in range(block.start, block.end) if not _inside(index, turn.observation)]
    return Block(
        ids=tuple(ids[index] for index in kept),
        offsets=tuple(index - block.start for index in kept),
        end=len(block),
    )


def _inside(index: int, spans: Sequence[Span]) -> bool:
    return any(span.start <= index < span.end for span in spans)
