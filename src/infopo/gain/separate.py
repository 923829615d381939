"""The reference: read the real history once, and every edited history from its start. Slow, and needs nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from infopo.core import Trajectory
from infopo.gain.branches import Branch, by_row
from infopo.gain.forward import BATCH_TOKENS, MASK_LIMIT, States, batched, padded
from infopo.tokens.language_model import LanguageModel
from infopo.tokens.visibility import position_problem


@dataclass(slots=True)
class _History:
    """One sequence from its start, and where in it the scored tokens of which branch are predicted."""

    ids: list[int]
    positions: list[int]
    picks: list[tuple[int, list[int]]] = field(default_factory=list)

    @property
    def plain(self) -> bool:
        """Whether it stands at positions 0, 1, 2, ..."""
        return self.positions[-1] == len(self.positions) - 1


def separate(model: LanguageModel, trajectories: Sequence[Trajectory], branches: Sequence[Branch]) -> States:
    """States that predict the scored tokens of every branch, each history read on its own."""
    histories = _histories(trajectories, branches)
    alone = position_problem(model.model) is not None  # else the longest history of a batch would change the others
    for plain in (True, False):  # a mask of our own only where tokens are missing from the history
        chosen = [history for history in histories if history.plain is plain]

        def fits(rows: int, longest: int, plain: bool = plain) -> bool:
            if alone:
                return rows == 1
            return rows * longest <= BATCH_TOKENS and (plain or rows * longest**2 <= MASK_LIMIT)

        for batch in batched([len(history.ids) for history in chosen], fits):
            yield _read(model, [chosen[index] for index in batch], plain=plain)


def _histories(trajectories: Sequence[Trajectory], branches: Sequence[Branch]) -> list[_History]:
    found = []
    for row, members in by_row(branches).items():
        token_ids = trajectories[row].token_ids
        real = [(index, branch) for index, branch in members if branch.real]
        if real:
            end = max(branch.start + branch.read for _, branch in real)
            picks = [(index, [branch.start + at for at in branch.predicting]) for index, branch in real]
            found.append(_History(list(token_ids[:end]), list(range(end)), picks))
        for index, branch in members:
            if not branch.real:
                ids = [*token_ids[: branch.start], *branch.ids[: branch.read]]
                positions = [*range(branch.start), *branch.positions[: branch.read]]
                found.append(_History(ids, positions, [(index, [branch.start + at for at in branch.predicting])]))
    return found


def _read(model: LanguageModel, histories: Sequence[_History], *, plain: bool) -> list[tuple[int, torch.Tensor]]:
    """One forward. Padding stands at the end, where no real token looks."""
    ids = padded([history.ids for history in histories], 0, model.device)
    columns = torch.arange(ids.shape[1], device=model.device)
    if plain:
        hidden = model.hidden(ids, columns.expand(len(histories), -1), None)
    else:
        positions = padded([history.positions for history in histories], 0, model.device)
        visible = (columns[None, :] <= columns[:, None]).expand(len(histories), -1, -1)
        hidden = model.hidden(ids, positions, visible, key_positions=positions)
    return [(index, hidden[row, picked]) for row, history in enumerate(histories) for index, picked in history.picks]
