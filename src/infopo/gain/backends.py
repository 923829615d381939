"""Information gain: how much an answer changed what the policy did next."""

import math
from collections.abc import Sequence

import torch

from infopo.core import InfopoError, Trajectory, UserError
from infopo.gain.forward import scoring
from infopo.gain.kv import kv, kv_problem
from infopo.gain.separate import Pair, separate
from infopo.gain.spec import Backend, GainSpec, TurnGain
from infopo.gain.turns import ScoredTurn, scored_turns, turn_gain
from infopo.tokens.language_model import LanguageModel
from infopo.tokens.slot_cache import CacheHandle

AGREEMENT = 1e-4  # nats a token by which back-ends may differ in float32
_DEFAULT = GainSpec()


def information_gain(
    model: LanguageModel,
    trajectories: Sequence[Trajectory],
    *,
    spec: GainSpec = _DEFAULT,
    backend: Backend = "auto",
    cache: CacheHandle | None = None,
) -> list[list[TurnGain | None]]:
    """The gain of every turn of every episode, in nats; None where there is none, which is not zero.

    Turn t's gain is the log-probability of the next action behind the answer, less that behind the same history with
    the answer replaced (`spec.counterfactual`). It exists where the turn was answered and another action followed; an
    answer that already says the placeholder has a gain of exactly 0. Both are scored at the model's temperature.

    `separate` re-reads every history and is the reference. `kv` reads placeholder and next action alone, on the `cache`
    that the rollout left; it raises `UserError` where that cache is of another policy version or of other episodes.
    `auto` is `kv` where the cache is good, else `separate`. Raises `InfopoError`, with task and turn, for a gain that
    is not finite. Defined in "InfoPO" (arXiv 2603.00656).
    """
    if backend not in ("auto", "separate", "kv"):
        raise UserError(f"gain backend must be 'auto', 'separate' or 'kv', got {backend!r}")
    turns = scored_turns(model.renderer, trajectories, spec)
    changed = [turn for turn in turns if not turn.unchanged]
    pairs = _pairs(model, trajectories, changed, backend, cache)
    found: list[list[TurnGain | None]] = [[None] * len(trajectory.turns) for trajectory in trajectories]
    for turn in turns:
        nothing = [0.0] * len(turn.action)
        real, edited = pairs.get((turn.row, turn.turn), (nothing, nothing))
        gain = turn_gain(real, edited, spec=spec, partial=turn.partial)
        if not math.isfinite(gain.sum):
            trajectory = trajectories[turn.row]
            raise InfopoError(
                f"task {trajectory.task_id}, episode {trajectory.episode}, turn {turn.turn + 1}: the information gain"
                f" is {gain.sum}; the model gives log-probabilities that are not finite"
            )
        found[turn.row][turn.turn] = gain
    return found


def _pairs(
    model: LanguageModel,
    trajectories: Sequence[Trajectory],
    turns: Sequence[ScoredTurn],
    backend: Backend,
    cache: CacheHandle | None,
) -> dict[tuple[int, int], Pair]:
    problem = None if backend == "separate" else kv_problem(model, trajectories, turns, cache)
    if backend == "kv" and problem is not None:
        raise UserError(f"gain backend 'kv': {problem}; pass the cache of this very rollout, or use 'separate'")
    if not turns:
        return {}
    with scoring(model):
        if backend == "separate" or problem is not None or cache is None:
            scored = separate(model, trajectories, turns)
        else:
            scored = kv(model, trajectories, turns, cache)
    return {(turn.row, turn.turn): pair for turn, pair in zip(turns, scored, strict=True)}


def check_backends(
    model: LanguageModel, trajectories: Sequence[Trajectory], *, spec: GainSpec = _DEFAULT, cache: CacheHandle | None
) -> float:
    """The largest difference between `kv` and `separate`, in nats a token, over these episodes.

    0 where no turn is scored, and without a cache: then only `separate` is ever used.
    Raises `InfopoError` where it exceeds `AGREEMENT` and the weights are float32 (a coarser type differs by rounding
    alone: judge the number), and what `information_gain` raises.
    """
    if cache is None:
        return 0.0
    reference = information_gain(model, trajectories, spec=spec, backend="separate")
    cheap = information_gain(model, trajectories, spec=spec, backend="kv", cache=cache)
    largest = 0.0
    for trajectory, expected, found in zip(trajectories, reference, cheap, strict=True):
        for turn, (one, other) in enumerate(zip(expected, found, strict=True)):
            if one is None or other is None:
                continue
            difference = abs(one.mean - other.mean)
            largest = max(largest, difference)
            if difference > AGREEMENT and next(model.model.parameters()).dtype == torch.float32:
                raise InfopoError(
                    f"task {trajectory.task_id}, turn {turn + 1}: gain {other.mean:.6f} from the cache, {one.mean:.6f}"
                    f" from re-reading; this model's cache cannot be trusted, set gain_backend to 'separate'"
                )
    return largest
