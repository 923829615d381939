"""What the policy believes of the right answer, turn by turn: the signal of IGPO."""

import math
from collections.abc import Sequence

from infopo.core import InfopoError, Trajectory
from infopo.gain.branches import Branch
from infopo.gain.estimate import logprobs_of
from infopo.gain.read import read, usable_cache
from infopo.gain.spec import Backend
from infopo.tokens.language_model import LanguageModel, scoring
from infopo.tokens.slot_cache import CacheHandle

ANSWER = "[answer] "  # what a policy says in front of an answer


def answer_belief(
    model: LanguageModel,
    trajectories: Sequence[Trajectory],
    *,
    backend: Backend = "auto",
    cache: CacheHandle | None = None,
) -> list[list[float | None]]:
    """For every turn, the mean log-probability of the tokens of the reference answer, if the policy answered there.

    `belief[i][t]` stands before action t: entry 0 behind the opening alone, entry t behind the reply to action t - 1.
    None throughout for an episode without a reference answer. All turns are read in one pass on the rollout's `cache`
    or in one tree; back-ends as in `information_gain`. Raises `InfopoError`, with the task, for an empty answer and
    for a belief that is not finite. Defined in "IGPO" (arXiv 2510.14967), with `[answer]` in place of its answer tags.
    """
    branches = []
    for row, trajectory in enumerate(trajectories):
        if trajectory.reference_answer is not None:
            told = model.renderer.said(ANSWER, trajectory.reference_answer)
            if not len(told.content[0]):
                raise InfopoError(f"task {trajectory.task_id}: its reference answer is empty, and nothing to believe")
            for turn, recorded in enumerate(trajectory.turns):
                lead = recorded.action.start - 1  # the last token before the action predicts its first
                branches.append(
                    Branch(
                        row=row,
                        turn=turn - 1,
                        start=lead,
                        ids=(trajectory.token_ids[lead], *told.ids),
                        positions=tuple(range(lead, lead + 1 + len(told.ids))),
                        scored=tuple(1 + index for index in range(told.content[0].start, told.content[0].end)),
                    )
                )
    handle = usable_cache(model, trajectories, branches, backend, cache)
    found: list[list[float | None]] = [[None] * len(trajectory.turns) for trajectory in trajectories]
    with scoring(model):
        for batch in read(model, trajectories, branches, backend, handle):
            for index, values in logprobs_of(model, branches, batch).items():
                branch = branches[index]
                belief = math.fsum(values) / len(values)
                if not math.isfinite(belief):
                    raise InfopoError(
                        f"task {trajectories[branch.row].task_id}, episode {trajectories[branch.row].episode}, turn"
                        f" {branch.turn + 2}: the belief in the reference answer is {belief}"
                    )
                found[branch.row][branch.turn + 1] = belief
    return found
