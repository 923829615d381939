"""What a back-end is asked to read: histories that leave a recorded episode at one point. No torch here."""

from collections.abc import Sequence
from dataclasses import dataclass

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A history that shares `token_ids[:start]` with episode `row`, and then goes on with `ids` at `positions`.

    `scored` are the indices into `ids` of the tokens to be scored, each predicted by the token before it. A branch that
    is the recorded episode itself is `real`: it may be read anywhere along that episode.

    Worked example: prompt `P`, actions `a` and `b`, an answer block `o`, its counterfactual `x`::

        real    P P P a a o o o b b    start 7, ids o b b,   scored 1 2
        edited  P P P a a x x b b      start 5, ids x x b b, scored 2 3
    """

    row: int
    turn: int  # whose answer it replaces, or after whose answer it stands; for messages
    start: int
    ids: Ids
    positions: Ids
    scored: Ids
    real: bool = False

    @property
    def read(self) -> int:
        """How many of `ids` a model has to read: the last scored one predicts nothing that is scored."""
        return self.scored[-1]

    @property
    def predicting(self) -> list[int]:
        """Indices into `ids` of the tokens that predict the scored ones."""
        return [index - 1 for index in self.scored]

    @property
    def targets(self) -> list[int]:
        """The scored tokens."""
        return [self.ids[index] for index in self.scored]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredTurn:
    """One turn with a gain: the real history, and the edited ones with their weights (which sum to 1).

    An entry of `edited` is None where that counterfactual *is* the real history: nothing has to be read for it.
    """

    row: int
    turn: int
    real: Branch
    edited: tuple[Branch | None, ...]
    weights: tuple[float, ...]
    partial: bool  # the last scored action was cut at a token limit


def by_row(branches: Sequence[Branch]) -> dict[int, list[tuple[int, Branch]]]:
    """Branches with their indices, gathered by episode."""
    rows: dict[int, list[tuple[int, Branch]]] = {}
    for index, branch in enumerate(branches):
        rows.setdefault(branch.row, []).append((index, branch))
    return rows
