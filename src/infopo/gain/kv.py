"""The cheap way: only the placeholder block and the next action are read, behind the keys that the rollout left.

The real history is not read again: what the policy thought of its action is the behaviour log-prob it sampled with.
Valid only while weights and temperature are those of the rollout. All turns of an episode go in one row: each branch
sees the stored columns before its answer, and itself, at its natural positions.
"""

from collections.abc import Sequence

import torch

from infopo.core import Trajectory
from infopo.gain.forward import batched, padded, picked_logprobs
from infopo.gain.separate import Pair
from infopo.gain.turns import ScoredTurn
from infopo.tokens.language_model import LanguageModel
from infopo.tokens.slot_cache import CacheHandle

BATCH_COLUMNS = 16384  # key-value columns of one working copy, unless one row alone has more
BATCH_PAIRS = 1 << 24  # query-key pairs of one forward, likewise


def kv_problem(
    model: LanguageModel, trajectories: Sequence[Trajectory], turns: Sequence[ScoredTurn], handle: CacheHandle | None
) -> str | None:
    """Why these turns cannot be scored on this cache, or None where they can."""
    if handle is None:
        return "no cache was given"
    if handle.version != model.version:
        return f"the cache is of policy version {handle.version}, the model of version {model.version}"
    for turn in turns:
        trajectory = trajectories[turn.row]
        place = f"task {trajectory.task_id}, episode {trajectory.episode}"
        if trajectory.policy_version != model.version:
            return f"{place} was played by policy version {trajectory.policy_version}, the model is {model.version}"
        slot = handle.slots.get((trajectory.group_id, trajectory.episode))
        if slot is None:
            return f"{place} is not in the cache"
        if handle.stored[slot][: turn.start] != trajectory.token_ids[: turn.start]:
            return f"{place}: the cache does not hold the history before the answer of turn {turn.turn + 1}"
        if any(value is None for value in trajectory.logprobs[turn.action.start : turn.action.end]):
            return f"{place}: the action of turn {turn.turn + 2} has no log-probabilities"
    return None


def kv(
    model: LanguageModel, trajectories: Sequence[Trajectory], turns: Sequence[ScoredTurn], handle: CacheHandle
) -> list[Pair]:
    """Log-probs of every turn's next action behind both histories; `kv_problem` must have found none.

    The cache stays as it is: branches are written behind the end of a row, in a working copy that is dropped.
    """
    rows = sorted({turn.row for turn in turns})
    members = [[index for index, turn in enumerate(turns) if turn.row == row] for row in rows]
    slots = [handle.slots[trajectories[row].group_id, trajectories[row].episode] for row in rows]
    queries = [sum(_width(turns[index]) for index in part) for part in members]
    stored = max((len(handle.stored[slot]) for slot in slots), default=0)

    def fits(count: int, longest: int) -> bool:
        columns = count * max(handle.cache.capacity, stored + longest)
        return columns <= BATCH_COLUMNS and columns * longest <= BATCH_PAIRS

    edited: dict[int, list[float]] = {}
    for batch in batched(queries, fits):
        branches = [[turns[index] for index in members[row]] for row in batch]
        ids = [trajectories[rows[row]].token_ids for row in batch]
        scored = _forward(model, handle, [slots[row] for row in batch], ids, branches)
        order = [index for row in batch for index in members[row]]
        edited.update(zip(order, scored, strict=True))
    return [(_behaviour(trajectories[turn.row], turn), edited[index]) for index, turn in enumerate(turns)]


def _behaviour(trajectory: Trajectory, turn: ScoredTurn) -> list[float]:
    """Log-probs with which the next action was sampled."""
    return [value for value in trajectory.logprobs[turn.action.start : turn.action.end] if value is not None]


def _width(turn: ScoredTurn) -> int:
    """Tokens to read for one branch: the last one of the action predicts nothing that is scored."""
    return len(turn.block) + len(turn.action) - 1


def _forward(
    model: LanguageModel,
    handle: CacheHandle,
    slots: Sequence[int],
    ids: Sequence[Sequence[int]],
    branches: Sequence[Sequence[ScoredTurn]],
) -> list[list[float]]:
    """One forward over all branches of some episodes; log-probs per branch, in order."""
    device = model.device
    tokens, before, first, positions = _layout(ids, branches)
    ends = torch.tensor([len(handle.stored[slot]) for slot in slots], device=device)
    queries = padded(tokens, 0, device)
    columns = ends[:, None] + torch.arange(queries.shape[1], device=device)
    places = padded(positions, 0, device)
    working = handle.cache.take(torch.tensor(slots, device=device))
    working.aim(torch.arange(len(slots), device=device), columns)
    keys = torch.arange(working.limit, device=device)
    starts = padded(first, -1, device)
    # A padding query has no history and starts its own branch: it sees itself alone, so that nothing becomes NaN.
    own = torch.where(starts < 0, columns, ends[:, None] + starts)
    visible = keys < padded(before, 0, device)[:, :, None]
    visible |= (keys >= own[:, :, None]) & (keys <= columns[:, :, None])
    key_positions = keys.expand(len(slots), -1).scatter(1, columns, places)
    hidden = model.hidden(queries, places, visible, key_positions=key_positions, cache=working)
    picked, targets = [], []
    for row, part in enumerate(branches):
        start = 0
        for turn in part:
            lead = start + len(turn.block) - 1  # the last token of the block predicts the first of the action
            picked.append(hidden[row, lead : lead + len(turn.action)])
            targets.append(torch.tensor(list(ids[row][turn.action.start : turn.action.end]), device=device))
            start += _width(turn)
    return picked_logprobs(model, picked, targets)


def _layout(
    ids: Sequence[Sequence[int]], branches: Sequence[Sequence[ScoredTurn]]
) -> tuple[list[list[int]], list[list[int]], list[list[int]], list[list[int]]]:
    """Per row and query: the token, how many stored columns it sees, where its branch starts, its position."""
    tokens: list[list[int]] = []
    before: list[list[int]] = []
    first: list[list[int]] = []
    positions: list[list[int]] = []
    for row, part in zip(ids, branches, strict=True):
        for lists in (tokens, before, first, positions):
            lists.append([])
        for turn in part:
            width = _width(turn)
            first[-1].extend([len(tokens[-1])] * width)
            tokens[-1].extend([*turn.block, *row[turn.action.start : turn.action.end - 1]])
            before[-1].extend([turn.start] * width)
            positions[-1].extend(range(turn.start, turn.start + width))
    return tokens, before, first, positions
