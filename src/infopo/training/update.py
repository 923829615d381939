"""One optimiser step: micro-batches with one global token normaliser, the same number of forwards on every rank."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from infopo.algorithms.loss_config import LossConfig
from infopo.core import Trajectory
from infopo.tokens.language_model import LanguageModel
from infopo.training.loss import LossSums, MicroBatch, TokenLogProbs, collate, loss_sums, micro_batches


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One episode to learn from: per-token advantages `[L]`."""

    trajectory: Trajectory
    advantages: list[float]
    reference: list[float] | None = None


class Updater:
    """Owns the wrapped module and the optimiser. `step` makes one optimiser step and returns its figures."""

    def __init__(self, accelerator: Any, policy: LanguageModel, config: Any, learning_rate: float) -> None:
        self.accelerator = accelerator
        self.policy = policy
        self.config = config
        self.learning_rate = learning_rate
        trained = [weight for weight in policy.model.parameters() if weight.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=learning_rate, weight_decay=config.weight_decay)
        paid = bool(config.loss.entropy_coefficient)
        module = TokenLogProbs(policy.model, policy.temperature, entropy_gradient=paid)
        self.module, self.optimizer = accelerator.prepare(module, optimizer)

    def step(self, rows: Sequence[Row], update_index: int) -> tuple[dict[str, float], bool]:
        """One optimiser step on this rank's rows. Returns figures over all ranks, and False where it was skipped.

        A non-finite loss or gradient skips the step on every rank and leaves the weights as they were.
        """
        loss_config: LossConfig = self.config.loss
        tokens = self._sum([float(sum(sum(row.trajectory.sampled) for row in rows))])[0]
        batches = list(self._batches(rows))
        needed = int(self._max(float(len(batches))))
        totals = [0.0] * 7
        worst = 0.0
        self._set_learning_rate(update_index)
        self.optimizer.zero_grad()
        for index in range(needed):
            batch = batches[index] if index < len(batches) else self._dummy()
            with self._synchronise(index == needed - 1):
                sums = loss_sums(self.module, batch, loss_config)
                scale = self.accelerator.num_processes / max(tokens, 1.0)
                self.accelerator.backward(sums.loss * scale)
            totals = [a + b for a, b in zip(totals, _figures(sums), strict=True)]
            worst = max(worst, sums.ratio_error)
        norm = self.accelerator.clip_grad_norm_(self.module.parameters(), self.config.max_grad_norm) if needed else 0.0
        totals = self._sum(totals)
        finite = bool(torch.isfinite(torch.as_tensor([float(norm), totals[0]])).all())
        if needed and finite:
            self.optimizer.step()
        self.optimizer.zero_grad()
        figures = {
            "loss/total": totals[0] / max(tokens, 1.0),
            "loss/policy": totals[6] / max(tokens, 1.0),
            "optimizer/grad_norm": float(norm),
            "optimizer/learning_rate": self.optimizer.param_groups[0]["lr"],
        }
        worst = self._max(worst)
        if totals[1]:  # else nothing was forwarded, and nothing was measured; over the rows with a gradient
            figures |= {
                "loss/clip_fraction": totals[2] / totals[1],
                "loss/kl_to_old": totals[3] / totals[1],
                "loss/entropy": totals[5] / totals[1],
                "loss/ratio_error": worst,
            }
        if loss_config.kl_coefficient and totals[1]:
            figures["loss/kl_to_reference"] = totals[4] / totals[1]
        return figures, finite

    def _batches(self, rows: Sequence[Row]) -> Iterator[MicroBatch]:
        """Rows without any advantage have no gradient, unless KL or entropy give one: they are counted, not run."""
        regularised = self.config.loss.kl_coefficient or self.config.loss.entropy_coefficient
        used = [row for row in rows if regularised or any(row.advantages)]
        lengths = [len(row.trajectory.token_ids) for row in used]
        for chunk in micro_batches(lengths, tokens=self.config.micro_batch_tokens):
            picked = [(used[k].trajectory, used[k].advantages, used[k].reference) for k in chunk]
            yield collate(picked, pad=0, device=self.accelerator.device)

    def _dummy(self) -> MicroBatch:
        """A forward that teaches nothing: keeps a rank with fewer micro-batches in step with the others."""
        zeros = torch.zeros(1, 2, device=self.accelerator.device)
        return MicroBatch(
            input_ids=zeros.long(),
            attention_mask=zeros.long() + 1,
            target=zeros.bool(),
            old_logprobs=zeros,
            advantages=zeros,
            reference_logprobs=None,
        )

    def _set_learning_rate(self, update_index: int) -> None:
        warmup = max(1, self.config.warmup_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * min(1.0, (update_index + 1) / warmup)

    @contextmanager
    def _synchronise(self, last: bool) -> Iterator[None]:
        if last:
            yield
        else:
            with self.accelerator.no_sync(self.module):
                yield

    def _sum(self, values: list[float]) -> list[float]:
        tensor = torch.tensor(values, dtype=torch.float64, device=self.accelerator.device)
        total: list[float] = self.accelerator.reduce(tensor, reduction="sum").tolist()
        return total

    def _max(self, value: float) -> float:
        tensor = torch.tensor([value], dtype=torch.float64, device=self.accelerator.device)
        return float(self.accelerator.gather(tensor).max())


def _figures(sums: LossSums) -> list[float]:
    return [
        float(sums.loss.detach()),
        float(sums.tokens),
        sums.clipped,
        sums.kl_to_old,
        sums.kl_to_reference,
        sums.entropy,
        sums.policy,
    ]


def reference_logprobs(policy: LanguageModel, reference: Any, rows: Sequence[Row], tokens: int) -> list[list[float]]:
    """Log-probs `[L]` of each row's sampled tokens under the reference (0.0 where nothing was sampled).

    `reference` None means: the policy itself with its adapters off.
    """
    out: list[list[float]] = [[] for _ in rows]
    lengths = [len(row.trajectory.token_ids) for row in rows]
    model = policy.model if reference is None else reference
    module = TokenLogProbs(model, policy.temperature)
    with torch.no_grad(), _adapters_off(model, reference is None):
        for chunk in micro_batches(lengths, tokens=tokens):
            picked = [(rows[k].trajectory, rows[k].advantages, None) for k in chunk]
            batch = collate(picked, pad=0, device=policy.device)
            logprobs, _ = module(batch.input_ids, batch.attention_mask, batch.target)
            full = torch.zeros(batch.target.shape, device=policy.device)
            full[batch.target] = logprobs
            for index, k in enumerate(chunk):
                out[k] = full[index, : lengths[k]].tolist()
    return out


@contextmanager
def _adapters_off(model: Any, off: bool) -> Iterator[None]:
    if off:
        with model.disable_adapter():
            yield
    else:
        yield
