"""The clipped policy loss, as sums over tokens: the caller divides once, by the tokens of the whole optimiser step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from infopo.algorithms.loss_config import LossConfig
from infopo.core import Trajectory
from infopo.tokens.language_model import HEAD_CHUNK, decoder_of, logits_of

KL_BOUND = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroBatch:
    """B right-padded episodes. All tensors are `[B, L]`; `target` marks policy tokens (never column 0)."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    target: torch.Tensor
    old_logprobs: torch.Tensor
    advantages: torch.Tensor
    reference_logprobs: torch.Tensor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LossSums:
    """Sums over the policy tokens of a micro-batch; `loss` carries the gradient."""

    loss: torch.Tensor
    policy: float  # the clipped part of the loss alone
    tokens: int
    ratio_error: float  # max |ratio - 1|
    clipped: float
    kl_to_old: float
    kl_to_reference: float
    entropy: float


class TokenLogProbs(torch.nn.Module):
    """Log-probs and entropies `[N]` of the policy tokens of a padded batch: what Accelerate wraps.

    The head runs on chosen tokens only, in chunks. Entropies carry a gradient only where the loss pays for them.
    """

    def __init__(self, model: Any, temperature: float, *, entropy_gradient: bool = False) -> None:
        super().__init__()
        self.entropy_gradient = entropy_gradient
        self.model = model
        self.temperature = temperature

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, target: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """All inputs `[B, L]`; row-major order of `target`."""
        hidden = decoder_of(self.model)(
            input_ids=input_ids, attention_mask=attention_mask, use_cache=False
        ).last_hidden_state
        chosen = hidden[:, :-1][target[:, 1:]]
        tokens = input_ids[:, 1:][target[:, 1:]]
        logprobs, entropies = [], []
        for start in range(0, chosen.shape[0], HEAD_CHUNK):
            logits = logits_of(self.model, chosen[start : start + HEAD_CHUNK]) / self.temperature
            logprobs.append(-cross_entropy(logits, tokens[start : start + HEAD_CHUNK], reduction="none"))
            with torch.set_grad_enabled(self.entropy_gradient and torch.is_grad_enabled()):
                entropies.append(torch.special.entr(logits.softmax(-1)).sum(-1))
        if not logprobs:
            # A dummy batch keeps ranks in step: every weight, the head's too, must get its (zero) gradient.
            touched = hidden.sum() + logits_of(self.model, hidden[:1, 0]).sum()
            return touched * hidden.new_zeros(0), hidden.new_zeros(0)
        return torch.cat(logprobs), torch.cat(entropies)


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


def kl_k3(new: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """The k3 estimate of KL(new || reference) per token, `exp(-d) + d - 1` with d = new - reference, bounded at 10."""
    difference = new - reference
    return ((-difference).exp() + difference - 1).clamp(-KL_BOUND, KL_BOUND)


def loss_sums(module: Any, batch: MicroBatch, config: LossConfig) -> LossSums:
    """Forward one micro-batch; every figure is a sum over its policy tokens."""
    new, entropy = module(batch.input_ids, batch.attention_mask, batch.target)
    old = batch.old_logprobs[batch.target]
    token_loss, cut = policy_loss(new, old, batch.advantages[batch.target], config)
    loss = token_loss.sum()
    kl_reference = 0.0
    if batch.reference_logprobs is not None:
        kl = kl_k3(new, batch.reference_logprobs[batch.target])
        loss = loss + config.kl_coefficient * kl.sum()
        kl_reference = float(kl.detach().sum())
    if config.entropy_coefficient:
        loss = loss - config.entropy_coefficient * entropy.sum()
    with torch.no_grad():
        error = (new - old).exp().sub(1).abs()
        return LossSums(
            loss=loss,
            policy=float(token_loss.detach().sum()),
            tokens=int(new.numel()),
            ratio_error=float(error.max()) if error.numel() else 0.0,
            clipped=float(cut.sum()),
            kl_to_old=float(kl_k3(old, new).sum()),
            kl_to_reference=kl_reference,
            entropy=float(entropy.sum()),
        )


def collate(
    rows: Sequence[tuple[Trajectory, Sequence[float], Sequence[float] | None]], *, pad: int, device: Any
) -> MicroBatch:
    """Right-pad (trajectory, advantages `[L]`, reference log-probs `[L]` or None) to one micro-batch."""
    length = max(len(trajectory.token_ids) for trajectory, _, _ in rows)

    def stack(values: Sequence[Sequence[Any]], fill: Any, dtype: torch.dtype) -> torch.Tensor:
        return torch.tensor([[*row, *[fill] * (length - len(row))] for row in values], dtype=dtype, device=device)

    trajectories = [trajectory for trajectory, _, _ in rows]
    # What was not sampled has no log-prob; `target` keeps the stand-in from ever being read.
    old = [[0.0 if value is None else value for value in trajectory.logprobs] for trajectory in trajectories]
    references = [reference for _, _, reference in rows if reference is not None]
    return MicroBatch(
        input_ids=stack([t.token_ids for t in trajectories], pad, torch.long),
        attention_mask=stack([[1] * len(t.token_ids) for t in trajectories], 0, torch.long),
        target=stack([t.sampled for t in trajectories], False, torch.bool),
        old_logprobs=stack(old, 0.0, torch.float32),
        advantages=stack([advantages for _, advantages, _ in rows], 0.0, torch.float32),
        reference_logprobs=stack(references, 0.0, torch.float32) if len(references) == len(rows) else None,
    )


def micro_batches(lengths: Sequence[int], *, tokens: int) -> list[list[int]]:
    """Split row indexes into batches of at most `tokens` padded tokens, long rows together; a row alone may exceed it.

    >>> micro_batches([3, 9, 4, 8], tokens=18)
    [[1, 3], [2, 0]]
    """
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    batches: list[list[int]] = []
    for row in order:
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= tokens:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches
