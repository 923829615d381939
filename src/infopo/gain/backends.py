"""Information gain: how much an answer changed what the policy did next."""

import math
from collections.abc import Collection, Sequence

import torch

from infopo.core import InfopoError, Trajectory
from infopo.gain.estimate import branches_of, exact_kl, sampled
from infopo.gain.kv import sampled_logprobs
from infopo.gain.read import read, usable_cache
from infopo.gain.spec import Backend, GainSpec, TurnGain
from infopo.gain.turns import scored_turns
from infopo.tokens.language_model import LanguageModel, scoring
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
    rows: Collection[int] | None = None,
) -> list[list[TurnGain | None]]:
    """The gain of every turn of every episode, in nats; None where there is none, which is not zero.

    Turn t's gain is the log-probability of the next action behind the answer, less that behind the same history with
    the answer replaced (`spec.counterfactual`). It exists where the turn was answered, another action followed, and
    there is something to put in the answer's place; an answer that is its own counterfactual has a gain of exactly 0.
    Both are scored at the model's temperature. `rows`: the episodes that are scored, by default all; the others still
    lend their replies to the counterfactuals of these.

    `separate` re-reads every history and is the reference. `tree` reads each episode once, all counterfactuals beside
    it. `kv` reads placeholder and next action alone, on the `cache` that the rollout left; it raises `UserError` where
    that cache is of another policy version or of other episodes. `auto` is `kv` where the cache is good, else `tree`,
    and `separate` for episodes whose tree mask would pass `MASK_LIMIT` and models whose layers follow no mask.
    Raises `InfopoError`, with task and turn, for a gain that is not finite. Defined in "InfoPO" (arXiv 2603.00656).
    """
    turns = scored_turns(model.renderer, trajectories, spec)
    if rows is not None:
        turns = [turn for turn in turns if turn.row in rows]
    branches, owners = branches_of(turns)
    handle = usable_cache(model, trajectories, branches, backend, cache)
    exact = spec.estimator == "exact-kl"
    known: dict[int, list[float]] = {}
    if handle is not None and not exact:  # what the policy thought of its own action need not be read
        for number, turn in enumerate(turns):
            values = sampled_logprobs(trajectories[turn.row], turn.real)
            known[number] = [value for value in values if value is not None]
        unread = [index for index, branch in enumerate(branches) if not branch.real]
        branches, owners = [branches[index] for index in unread], [owners[index] for index in unread]
    found: list[list[TurnGain | None]] = [[None] * len(trajectory.turns) for trajectory in trajectories]
    with scoring(model):
        states = read(model, trajectories, branches, backend, handle)
        if exact:
            gains = exact_kl(model, turns, owners, states, spec=spec)
        else:
            gains = sampled(model, turns, branches, owners, states, known=known, spec=spec)
    for turn, gain in zip(turns, gains, strict=True):
        if not math.isfinite(gain.sum):
            trajectory = trajectories[turn.row]
            raise InfopoError(
                f"task {trajectory.task_id}, episode {trajectory.episode}, turn {turn.turn + 1}: the information gain"
                f" is {gain.sum}; the model gives log-probabilities that are not finite"
            )
        found[turn.row][turn.turn] = gain
    return found


def check_backends(
    model: LanguageModel,
    trajectories: Sequence[Trajectory],
    *,
    spec: GainSpec = _DEFAULT,
    backend: Backend = "auto",
    cache: CacheHandle | None,
    rows: Collection[int] | None = None,
) -> float | None:
    """The largest difference between `backend` and `separate`, in nats a token, over these episodes (or those `rows`).

    None where no turn is scored: nothing was checked. Raises `InfopoError` where it exceeds `AGREEMENT` and the
    weights are float32 (a coarser type differs by rounding alone: judge the number), and what `information_gain`
    raises.
    """
    reference = information_gain(model, trajectories, spec=spec, backend="separate", rows=rows)
    cheap = information_gain(model, trajectories, spec=spec, backend=backend, cache=cache, rows=rows)
    largest: float | None = None
    for trajectory, expected, found in zip(trajectories, reference, cheap, strict=True):
        for turn, (one, other) in enumerate(zip(expected, found, strict=True)):
            if one is None or other is None:
                continue
            difference = abs(one.mean - other.mean)
            largest = max(largest or 0.0, difference)
            if difference > AGREEMENT and next(model.model.parameters()).dtype == torch.float32:
                raise InfopoError(
                    f"task {trajectory.task_id}, turn {turn + 1}: gain {other.mean:.6f} from the cheap back-end,"
                    f" {one.mean:.6f} from re-reading; this model's attention cannot be trusted with it, set"
                    " gain_backend to 'separate'"
                )
    return largest
