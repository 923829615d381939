"""The scheme of the released code, for comparison: two full forwards a scored turn, and a head on every token.

Each pair reads the episode up to the end of the next action, once as it is and once with the answer overwritten by a
filling of equal length. Batches of four rows, in order, padded on the left; logits and log-softmax of all positions;
the log-probs that the sampler had are not used.
"""

from collections.abc import Sequence

import torch

from infopo.core import Trajectory
from infopo.gain import GainSpec
from infopo.gain.branches import ScoredTurn
from infopo.gain.turns import scored_turns
from infopo.tokens.language_model import LanguageModel, scoring

ROWS = 4
FILL = GainSpec(counterfactual="fill")


def released_gain(
    policy: LanguageModel, trajectories: Sequence[Trajectory], *, rows: int = ROWS, last: bool = False
) -> list[list[float | None]]:
    """The gain of every turn, or of each episode's `last` scored one; None where there is none."""
    found: list[list[float | None]] = [[None] * len(trajectory.turns) for trajectory in trajectories]
    turns = scored_turns(policy.renderer, trajectories, FILL)
    if last:
        turns = list({turn.row: turn for turn in turns}.values())
    with scoring(policy):
        for start in range(0, len(turns), rows):
            chunk = turns[start : start + rows]
            histories = [trajectories[turn.row].token_ids[: turn.real.positions[-1] + 1] for turn in chunk]
            known = _read(policy, chunk, histories)
            without = _read(policy, chunk, [_filled(*pair) for pair in zip(chunk, histories, strict=True)])
            for turn, one, other in zip(chunk, known, without, strict=True):
                found[turn.row][turn.turn] = float((one - other).mean())
    return found


def _filled(turn: ScoredTurn, ids: tuple[int, ...]) -> tuple[int, ...]:
    edited = turn.edited[0]
    return ids if edited is None else ids[: edited.start] + edited.ids


def _read(
    policy: LanguageModel, turns: Sequence[ScoredTurn], histories: Sequence[tuple[int, ...]]
) -> list[torch.Tensor]:
    """Log-probs of the scored tokens of each history."""
    width = max(map(len, histories))
    ids = torch.tensor([[0] * (width - len(row)) + list(row) for row in histories], device=policy.device)
    present = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in histories], device=policy.device)
    logprobs = policy.model(input_ids=ids, attention_mask=present, use_cache=False).logits.float().log_softmax(-1)
    found = []
    for row, (turn, history) in enumerate(zip(turns, histories, strict=True)):
        offset = width - len(history) + turn.real.start
        places = torch.tensor([offset + index for index in turn.real.scored], device=policy.device)
        found.append(logprobs[row, places - 1, ids[row, places]])
    return found
