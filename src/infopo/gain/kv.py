"""The cheap way: only the placeholder block and the next action are read, behind the keys that the rollout left.

The real history is not read again: what the policy thought of its action is the behaviour log-prob it sampled with.
Valid only while weights and temperature are those of the rollout. Branches that leave an episode near each other go in
one row: each sees the stored columns before the point where it left, and itself, at its own positions. A row holds no
column behind the last such point, so that early branches do not pay for a long episode.
"""

import math
from collections.abc import Iterator, Sequence

import torch

from infopo.core import Trajectory
from infopo.gain.branches import Branch, by_row
from infopo.gain.forward import States, batched, padded
from infopo.tokens.language_model import LanguageModel
from infopo.tokens.slot_cache import CacheHandle
from infopo.tokens.visibility import branching_problem

BATCH_COLUMNS = 16384  # key-value columns of one working copy, unless one row alone has more
BATCH_PAIRS = 1 << 24  # query-key pairs of one forward, likewise
CPU_PART = 4  # a CPU reads this part of both at a time: the working copy then stays in its cache
ROW_TOKENS = 160  # of the branches in a row, about: each is a masked key to all others

Members = Sequence[tuple[int, Branch]]


def kv_problem(
    model: LanguageModel, trajectories: Sequence[Trajectory], branches: Sequence[Branch], handle: CacheHandle | None
) -> str | None:
    """Why these branches cannot be read on this cache, or None where they can."""
    if handle is None:
        return "no cache was given"
    if handle.version != model.version:
        return f"the cache is of policy version {handle.version}, the model of version {model.version}"
    if handle.cache.temperature != model.temperature:
        return (
            f"the cache was sampled at temperature {handle.cache.temperature}, the model scores at {model.temperature}"
        )
    for branch in branches:
        trajectory = trajectories[branch.row]
        place = f"task {trajectory.task_id}, episode {trajectory.episode}"
        if trajectory.policy_version != model.version:
            return f"{place} was played by policy version {trajectory.policy_version}, the model is {model.version}"
        slot = handle.slots.get(_key(trajectory))
        if slot is None:
            return f"{place} is not in the cache"
        if handle.stored[slot][: branch.start] != trajectory.token_ids[: branch.start]:
            return f"{place}: the cache does not hold the history before the answer of turn {branch.turn + 1}"
        if branch.real and any(value is None for value in sampled_logprobs(trajectory, branch)):
            return f"{place}: the action of turn {branch.turn + 2} has no log-probabilities"
    return branching_problem(model.model)


def sampled_logprobs(trajectory: Trajectory, real: Branch) -> list[float | None]:
    """Log-probs with which the scored tokens of a real branch were sampled."""
    return [trajectory.logprobs[real.start + index] for index in real.scored]


def kv(
    model: LanguageModel, trajectories: Sequence[Trajectory], branches: Sequence[Branch], handle: CacheHandle
) -> States:
    """States that predict the scored tokens of every branch; `kv_problem` must have found none.

    The cache stays as it is: branches are written behind the end of a row, in a working copy that is dropped.
    """
    rows = [
        (handle.slots[_key(trajectories[row])], part)
        for row, members in by_row(branches).items()
        for part in _parts(members)
    ]
    columns = [_end(members) + _queries(members) for _, members in rows]

    part = CPU_PART if model.device.type == "cpu" else 1

    def fits(count: int, longest: int) -> bool:
        # of the row with the most columns; a row has about as many queries as any other
        size = count * longest * part
        return size <= BATCH_COLUMNS and size * ROW_TOKENS <= BATCH_PAIRS

    for batch in batched(columns, fits):
        yield _read(model, handle, [rows[index] for index in batch])


def _parts(members: Members) -> Iterator[Members]:
    """Branches by the point where they left, as many together as fit a row, spread evenly over the rows."""
    room = _queries(members) / math.ceil(_queries(members) / ROW_TOKENS)
    part: list[tuple[int, Branch]] = []
    for index, branch in sorted(members, key=lambda member: member[1].start):
        if part and _queries(part) + branch.read / 2 > room:
            yield part
            part = []
        part.append((index, branch))
    yield part


def _end(members: Members) -> int:
    """How many stored columns these branches look at."""
    return max(branch.start for _, branch in members)


def _queries(members: Members) -> int:
    return sum(branch.read for _, branch in members)


def _key(trajectory: Trajectory) -> tuple[str, int]:
    return trajectory.group_id, trajectory.episode


def _read(
    model: LanguageModel, handle: CacheHandle, rows: Sequence[tuple[int, Members]]
) -> list[tuple[int, torch.Tensor]]:
    """One forward over some rows of branches."""
    device = model.device
    slots = torch.tensor([slot for slot, _ in rows], device=device)
    tokens, before, first, places = (padded(part, fill, device) for part, fill in _layout(rows))
    ends = torch.tensor([_end(members) for _, members in rows], device=device)
    columns = ends[:, None] + torch.arange(tokens.shape[1], device=device)
    working = handle.cache.take(slots, columns=int(columns.max()) + 1)
    working.aim(torch.arange(len(rows), device=device), columns)
    keys = torch.arange(working.limit, device=device)
    # A padding query has no history and starts its own branch: it sees itself alone, so that nothing becomes NaN.
    own = torch.where(first < 0, columns, ends[:, None] + first)
    visible = keys < before[:, :, None]
    visible |= (keys >= own[:, :, None]) & (keys <= columns[:, :, None])
    key_positions = keys.expand(len(rows), -1).scatter(1, columns, places)
    hidden = model.hidden(tokens, places, visible, key_positions=key_positions, cache=working)
    found = []
    for row, (_, members) in enumerate(rows):
        start = 0
        for index, branch in members:
            found.append((index, hidden[row, [start + at for at in branch.predicting]]))
            start += branch.read
    return found


def _layout(rows: Sequence[tuple[int, Members]]) -> list[tuple[list[list[int]], int]]:
    """Per row and query, with its filling: the token, how many stored columns it sees, where its branch starts, its
    position."""
    tokens: list[list[int]] = [[] for _ in rows]
    before: list[list[int]] = [[] for _ in rows]
    first: list[list[int]] = [[] for _ in rows]
    positions: list[list[int]] = [[] for _ in rows]
    for row, (_, members) in enumerate(rows):
        for _, branch in members:
            first[row] += [len(tokens[row])] * branch.read
            tokens[row] += branch.ids[: branch.read]
            before[row] += [branch.start] * branch.read
            positions[row] += branch.positions[: branch.read]
    return [(tokens, 0), (before, 0), (first, -1), (positions, 0)]
