"""One forward an episode: the recorded tokens once, every edited history as a branch beside them, under a tree mask.

Row: trunk, branch, branch, ... A branch sees the trunk up to the point where it left it, and itself, at its own
positions. Needs no cache, and so no policy that stood still. The mask is dense on sdpa and eager; on an accelerator
FlexAttention reads it in blocks.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from infopo.core import Trajectory
from infopo.gain.branches import Branch, Ids, by_row
from infopo.gain.forward import BATCH_TOKENS, MASK_LIMIT, States, batched, padded
from infopo.tokens.language_model import LanguageModel, base_of
from infopo.tokens.visibility import TreeMask

BLOCK = 128  # FlexAttention compiles once for each length: rows are filled up to a multiple of this


@dataclass(slots=True)
class _Row:
    """One episode and its branches, laid out. `before` and `own` as in `TreeMask`."""

    ids: list[int]
    positions: list[int]
    before: list[int]
    own: list[int]
    picks: list[tuple[int, list[int]]] = field(default_factory=list)


def tree_lengths(branches: Sequence[Branch]) -> dict[int, int]:
    """Tokens of the row of each episode: trunk and branches."""
    return {
        row: _trunk(members) + sum(branch.read for _, branch in members if not branch.real)
        for row, members in by_row(branches).items()
    }


def _trunk(members: Sequence[tuple[int, Branch]]) -> int:
    return max(branch.start + (branch.read if branch.real else 0) for _, branch in members)


def tree(
    model: LanguageModel, trajectories: Sequence[Trajectory], branches: Sequence[Branch], *, flex: bool | None = None
) -> States:
    """States that predict the scored tokens of every branch. `flex` None: FlexAttention on an accelerator."""
    blocks = model.device.type != "cpu" if flex is None else flex
    rows = [_row(trajectories[row].token_ids, members) for row, members in by_row(branches).items()]

    def fits(count: int, longest: int) -> bool:
        return count * longest <= BATCH_TOKENS and (blocks or count * longest**2 <= MASK_LIMIT)

    with _attention(model, "flex_attention" if blocks else None):
        for batch in batched([len(row.ids) for row in rows], fits):
            yield _read(model, [rows[index] for index in batch], multiple=BLOCK if blocks else 1)


def _row(token_ids: Ids, members: Sequence[tuple[int, Branch]]) -> _Row:
    end = _trunk(members)
    laid = _Row(list(token_ids[:end]), list(range(end)), [end] * end, [0] * end)
    for index, branch in members:
        start = branch.start if branch.real else len(laid.ids)
        laid.picks.append((index, [start + at for at in branch.predicting]))
        if not branch.real:
            laid.ids += branch.ids[: branch.read]
            laid.positions += branch.positions[: branch.read]
            laid.before += [branch.start] * branch.read
            laid.own += [start] * branch.read
    return laid


def _read(model: LanguageModel, rows: Sequence[_Row], *, multiple: int) -> list[tuple[int, torch.Tensor]]:
    longest = max(len(row.ids) for row in rows)
    width = -(-longest // multiple) * multiple

    def stack(parts: Sequence[list[int]], fill: int) -> torch.Tensor:
        return padded([[*part, *[fill] * (width - len(part))] for part in parts], fill, model.device)

    # Padding sees itself alone: nothing shared, and an own part that starts behind everything.
    mask = TreeMask(before=stack([row.before for row in rows], 0), own=stack([row.own for row in rows], width))
    positions = stack([row.positions for row in rows], 0)
    hidden = model.hidden(stack([row.ids for row in rows], 0), positions, mask, key_positions=positions)
    return [(index, hidden[place, picked]) for place, row in enumerate(rows) for index, picked in row.picks]


@contextmanager
def _attention(model: LanguageModel, kind: str | None) -> Iterator[None]:
    """Another attention inside; the model's own afterwards."""
    before = model.config._attn_implementation
    if kind is None or kind == before:
        yield
        return
    base = base_of(model.model)
    base.set_attn_implementation(kind)
    try:
        yield
    finally:
        base.set_attn_implementation(before)
