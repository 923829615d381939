"""The clipped policy loss, as sums of weighted tokens: weights are those of the whole optimiser step, on all ranks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from infopo.algorithms.loss_config import KLEstimator, LossConfig
from infopo.core import Trajectory

KL_BOUND = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One episode to learn from: per-token advantages `[L]`, log-probs under the reference `[L]`, token weight."""

    trajectory: Trajectory
    advantages: list[float]
    reference: list[float] | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroBatch:
    """B right-padded episodes. Tensors are `[B, L]`; `target` marks policy tokens (never column 0)."""

    input_ids: torch.Tensor
    target: torch.Tensor
    old_logprobs: torch.Tensor
    advantages: torch.Tensor
    weights: torch.Tensor
    reference_logprobs: torch.Tensor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LossSums:
    """One micro-batch. `loss` carries the gradient; it and its clipped part `policy` are weighted sums, the others are
    plain ones over policy tokens; `ratio_error` is max |ratio - 1|."""

    loss: torch.Tensor
    policy: float
    tokens: int
    ratio_error: float
    clipped: float
    kl_to_old: float
    kl_to_reference: float
    entropy: float


def policy_loss(
    new: torch.Tensor, old: torch.Tensor, advantages: torch.Tensor, config: LossConfig
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token losses `[N]` and which of them the clip cut (bool `[N]`).

    `max(-A r, -A clip(r))`, and for A < 0 at most `-A * dual_clip` (arXiv 1707.06347; dual clip: arXiv 1912.09729).

    >>> import math
    >>> ratio = torch.tensor([1.1, 1.5, 0.5, 0.5, 5.0])
    >>> loss, cut = policy_loss(ratio.log(), torch.zeros(5), torch.tensor([1.0, 1.0, 1.0, -0.5, -0.5]), LossConfig())
    >>> [round(x, 4) for x in loss.tolist()]
    [-1.1, -1.2, -0.5, 0.4, 1.5]
    """
    ratio = (new - old).exp()
    plain = -advantages * ratio
    clipped = -advantages * ratio.clamp(1 - config.clip_low, 1 + config.clip_high)
    loss = torch.maximum(plain, clipped)
    cut = clipped > plain
    if config.dual_clip is not None:
        bound = -advantages * config.dual_clip
        bounded = torch.where(advantages < 0, torch.minimum(loss, bound), loss)
        cut = cut | (bounded < loss)
        loss = bounded
    return loss, cut


def kl_estimate(new: torch.Tensor, reference: torch.Tensor, estimator: KLEstimator) -> torch.Tensor:
    """An estimate of KL(new || reference) per token `[N]`, from tokens that `new` sampled; d = new - reference.

    `k1` d; `k2` d^2 / 2; `k3` exp(-d) + d - 1, bounded at 10; `abs` |d|. The mean of k1 and of k3 is the divergence.
    In a loss k1 has no gradient in the mean, k2 has that of the divergence (Schulman, "Approximating KL divergence").

    >>> [round(float(kl_estimate(torch.tensor(0.5), torch.tensor(0.0), name)), 4) for name in ("k1", "k2", "k3")]
    [0.5, 0.125, 0.1065]
    """
    difference = new - reference
    if estimator == "k1":
        return difference
    if estimator == "k2":
        return difference.square() / 2
    if estimator == "abs":
        return difference.abs()
    return ((-difference).exp() + difference - 1).clamp(-KL_BOUND, KL_BOUND)


def token_weight(length: int, *, tokens: float, episodes: float, config: LossConfig) -> float:
    """What each token counts of an episode with `length` policy tokens, in a step of `tokens` in `episodes`.

    >>> token_weight(2, tokens=5, episodes=2, config=LossConfig(aggregation="seq-mean-token-mean"))
    0.25
    """
    if config.aggregation == "token-mean":
        return 1 / max(tokens, 1)
    if config.aggregation == "seq-mean-token-sum-norm":
        return 1 / config.normaliser_length
    share = max(length, 1) if config.aggregation == "seq-mean-token-mean" else 1
    return 1 / (max(episodes, 1) * share)


def aggregate(losses: torch.Tensor, mask: torch.Tensor, config: LossConfig) -> torch.Tensor:
    """The loss of a whole step from its token losses `[N, L]`, as `config.aggregation` says; `mask` is bool.

    >>> losses = torch.tensor([[1.0, 2.0, 3.0], [5.0, 0.0, 0.0]])
    >>> mask = torch.tensor([[True, True, True], [True, False, False]])
    >>> aggregate(losses, mask, LossConfig()), aggregate(losses, mask, LossConfig(aggregation="seq-mean-token-mean"))
    (tensor(2.7500), tensor(3.5000))
    """
    lengths = [int(row.sum()) for row in mask]
    sizes = {"tokens": sum(lengths), "episodes": sum(length > 0 for length in lengths)}
    weights = [token_weight(length, **sizes, config=config) for length in lengths]
    return (losses * losses.new_tensor(weights)[:, None])[mask].sum()


def value_loss(new: torch.Tensor, old: torch.Tensor, returns: torch.Tensor, clip: float | None) -> torch.Tensor:
    """Half the squared error of a critic's values, per token `[N]`; the worse one of `new` and of `new` kept within
    `clip` of `old` (arXiv 1707.06347, as in released code).

    >>> value_loss(torch.tensor([1.0]), torch.tensor([0.0]), torch.tensor([1.0]), 0.2)
    tensor([0.3200])
    """
    plain = (new - returns).square()
    if clip is None:
        return plain / 2
    return torch.maximum(plain, (old + (new - old).clamp(-clip, clip) - returns).square()) / 2


def loss_sums(module: Any, batch: MicroBatch, config: LossConfig) -> LossSums:
    """Forward one micro-batch and add up its policy tokens."""
    new, entropy = module(batch.input_ids, batch.target)
    old, weights = batch.old_logprobs[batch.target], batch.weights[batch.target]
    token_loss, cut = policy_loss(new, old, batch.advantages[batch.target], config)
    policy = loss = (weights * token_loss).sum()
    kl_reference = 0.0
    if batch.reference_logprobs is not None:
        kl = kl_estimate(new, batch.reference_logprobs[batch.target], config.kl_estimator)
        loss = loss + config.kl_coefficient * (weights * kl).sum()
        kl_reference = float(kl.detach().sum())
    if config.entropy_coefficient:
        loss = loss - config.entropy_coefficient * (weights * entropy).sum()
    with torch.no_grad():
        error = (new - old).exp().sub(1).abs()
        return LossSums(
            loss=loss,
            policy=float(policy.detach()),
            tokens=int(new.numel()),
            ratio_error=float(error.max()) if error.numel() else 0.0,
            clipped=float(cut.sum()),
            kl_to_old=float(kl_estimate(old, new, "k3").sum()),
            kl_to_reference=kl_reference,
            entropy=float(entropy.sum()),
        )


def collate(rows: Sequence[Row], *, device: Any, pad: int = 0) -> MicroBatch:
    """Right-pad rows to one micro-batch; it has reference log-probs where every row has them."""
    trajectories = [row.trajectory for row in rows]
    length = max(len(trajectory.token_ids) for trajectory in trajectories)

    def stack(values: Sequence[Sequence[Any]], fill: Any, dtype: torch.dtype) -> torch.Tensor:
        return torch.tensor([[*row, *[fill] * (length - len(row))] for row in values], dtype=dtype, device=device)

    # What was not sampled has no log-prob; `target` keeps the stand-in from ever being read.
    old = [[0.0 if value is None else value for value in trajectory.logprobs] for trajectory in trajectories]
    references = [row.reference for row in rows if row.reference is not None]
    return MicroBatch(
        input_ids=stack([t.token_ids for t in trajectories], pad, torch.long),
        target=stack([t.sampled for t in trajectories], False, torch.bool),
        old_logprobs=stack(old, 0.0, torch.float32),
        advantages=stack([row.advantages for row in rows], 0.0, torch.float32),
        weights=torch.tensor([[row.weight] for row in rows], device=device).expand(-1, length),
        reference_logprobs=stack(references, 0.0, torch.float32) if len(references) == len(rows) else None,
    )
