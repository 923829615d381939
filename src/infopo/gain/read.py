"""Which back-end reads some branches: the one asked for, or the cheapest that is right for this model and cache."""

from collections.abc import Iterator, Sequence
from itertools import chain

import torch

from infopo.core import Trajectory, UserError
from infopo.gain.branches import Branch
from infopo.gain.forward import MASK_LIMIT, States
from infopo.gain.kv import kv, kv_problem
from infopo.gain.separate import separate
from infopo.gain.spec import Backend
from infopo.gain.tree import tree, tree_lengths
from infopo.tokens.language_model import LanguageModel
from infopo.tokens.slot_cache import CacheHandle
from infopo.tokens.visibility import branching_problem

BACKENDS = ("auto", "separate", "tree", "kv")


def usable_cache(
    model: LanguageModel,
    trajectories: Sequence[Trajectory],
    branches: Sequence[Branch],
    backend: Backend,
    cache: CacheHandle | None,
) -> CacheHandle | None:
    """The cache if these branches are to be read on it, else None. Raises `UserError` where `kv` was asked for and
    cannot be, and for a back-end that does not exist."""
    if backend not in BACKENDS:
        raise UserError(f"gain backend must be 'auto', 'separate', 'tree' or 'kv', got {backend!r}")
    if backend in ("separate", "tree"):
        return None
    problem = kv_problem(model, trajectories, branches, cache)
    if problem is not None and backend == "kv":
        raise UserError(f"gain backend 'kv': {problem}; pass the cache of this very rollout, or use another back-end")
    return cache if problem is None else None


def read(
    model: LanguageModel,
    trajectories: Sequence[Trajectory],
    branches: Sequence[Branch],
    backend: Backend,
    cache: CacheHandle | None,
) -> States:
    """States that predict the scored tokens of every branch; `cache` as `usable_cache` gave it."""
    if cache is not None:
        return kv(model, trajectories, branches, cache)
    problem = branching_problem(model.model)
    if backend == "tree" and problem is not None:
        raise UserError(f"gain backend 'tree': {type(model.model).__name__}: {problem}; use 'separate'")
    if backend == "separate" or problem is not None:
        return separate(model, trajectories, branches)
    if backend == "tree":
        return tree(model, trajectories, branches)
    dense = model.device.type == "cpu"  # FlexAttention on an accelerator builds no mask
    wide = {row for row, length in tree_lengths(branches).items() if dense and length**2 > MASK_LIMIT}
    parts = []
    for run, chosen in ((tree, False), (separate, True)):
        indices = [index for index, branch in enumerate(branches) if (branch.row in wide) is chosen]
        parts.append(_renumbered(run(model, trajectories, [branches[index] for index in indices]), indices))
    return chain.from_iterable(parts)


def _renumbered(states: States, indices: Sequence[int]) -> Iterator[list[tuple[int, torch.Tensor]]]:
    for batch in states:
        yield [(indices[index], hidden) for index, hidden in batch]
