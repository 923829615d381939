"""The reference: read the real history once, and every edited history from its start. Slow, and needs nothing."""

from collections.abc import Sequence

from infopo.core import Span, Trajectory
from infopo.gain.forward import score
from infopo.gain.turns import ScoredTurn
from infopo.tokens.language_model import LanguageModel

Pair = tuple[list[float], list[float]]  # log-probs of the next action behind the real and the edited history


def separate(model: LanguageModel, trajectories: Sequence[Trajectory], turns: Sequence[ScoredTurn]) -> list[Pair]:
    """Log-probs of every turn's next action, behind both histories. Turns come in the order of episodes."""
    rows = sorted({turn.row for turn in turns})
    actions: list[list[Span]] = [[turn.action for turn in turns if turn.row == row] for row in rows]
    real = [trajectories[row].token_ids[: spans[-1].end] for row, spans in zip(rows, actions, strict=True)]
    edited = [turn.edited(trajectories[turn.row]) for turn in turns]
    scored = score(model, [*real, *edited], [*actions, *([turn.edited_action] for turn in turns)])
    with_answer = [values for row in scored[: len(rows)] for values in row]
    without = [values for row in scored[len(rows) :] for values in row]
    return list(zip(with_answer, without, strict=True))
