"""Scoring whole episodes: what a forward says of their sampled tokens, batch by batch, without gradients."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import torch

from infopo.core import Trajectory
from infopo.gain.forward import batched, padded
from infopo.tokens.language_model import LanguageModel
from infopo.tokens.sampled_tokens import TokenLogProbs

Read = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def episode_batches(trajectories: Sequence[Trajectory], tokens: int) -> Iterator[list[int]]:
    """Indexes in batches of at most `tokens` padded tokens, long episodes together; one alone may exceed it."""
    return batched([len(one.token_ids) for one in trajectories], lambda rows, longest: rows * longest <= tokens)


def read_sampled(
    trajectories: Sequence[Trajectory], read: Read, *, tokens: int, device: torch.device
) -> list[torch.Tensor]:
    """What `read(input_ids, target)` says of the sampled tokens `[N, ...]`, by episode.

    Its arguments are `[B, L]`, right-padded; its answer is in row-major order of `target`. `tokens` bounds a batch.
    """
    found: dict[int, torch.Tensor] = {}
    with torch.no_grad():
        for chunk in episode_batches(trajectories, tokens):
            rows = [trajectories[index] for index in chunk]
            ids = padded([row.token_ids for row in rows], 0, device)
            target = padded([row.sampled for row in rows], False, device)
            found |= zip(chunk, torch.split(read(ids, target), target.sum(1).tolist()), strict=True)
    return [found[index] for index in range(len(trajectories))]


def reference_logprobs(
    policy: LanguageModel, reference: Any, trajectories: Sequence[Trajectory], *, tokens: int
) -> list[list[float]]:
    """Log-probs `[L]` of each episode's sampled tokens under the model `reference`; 0.0 where nothing was sampled.

    `reference` None means: the policy itself with its adapters off.
    """
    model = policy.model if reference is None else reference
    module = TokenLogProbs(model, policy.temperature)
    with model.disable_adapter() if reference is None else nullcontext():
        found = read_sampled(trajectories, lambda *batch: module(*batch)[0], tokens=tokens, device=policy.device)
    return [onto(one, values.tolist()) for one, values in zip(trajectories, found, strict=True)]


def onto(trajectory: Trajectory, values: Sequence[float]) -> list[float]:
    """One value a sampled token, laid over all tokens `[L]`; 0.0 elsewhere."""
    left = iter(values)
    return [next(left) if flag else 0.0 for flag in trajectory.sampled]
