"""One optimiser step: micro-batches, token weights of the whole step, the same number of forwards on every rank."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch

from infopo.algorithms.loss_config import LossConfig
from infopo.gain.episodes import episode_batches
from infopo.tokens.language_model import LanguageModel
from infopo.tokens.sampled_tokens import TokenLogProbs
from infopo.training.loss import MicroBatch, Row, collate, loss_sums, token_weight

SUMS = ("policy", "tokens", "clipped", "kl_to_old", "kl_to_reference", "entropy")


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
        batches = list(self._batches(self._weighted(rows)))
        needed = int(self._max(float(len(batches))))
        totals = dict.fromkeys(("loss", *SUMS), 0.0)
        worst = 0.0
        self._set_learning_rate(update_index)
        self.optimizer.zero_grad()
        for index in range(needed):
            batch = batches[index] if index < len(batches) else self._dummy()
            with nullcontext() if index == needed - 1 else self.accelerator.no_sync(self.module):
                sums = loss_sums(self.module, batch, loss_config)
                self.accelerator.backward(sums.loss * self.accelerator.num_processes)  # ranks are averaged
            totals["loss"] += float(sums.loss.detach())
            totals |= {name: totals[name] + getattr(sums, name) for name in SUMS}
            worst = max(worst, sums.ratio_error)
        norm = self.accelerator.clip_grad_norm_(self.module.parameters(), self.config.max_grad_norm) if needed else 0.0
        totals = dict(zip(totals, self._sum(list(totals.values())), strict=True))
        finite = bool(torch.isfinite(torch.as_tensor([float(norm), totals["loss"]])).all())
        if needed and finite:
            self.optimizer.step()
        self.optimizer.zero_grad()
        figures = {
            "loss/total": totals["loss"],
            "loss/policy": totals["policy"],
            "optimizer/grad_norm": float(norm),
            "optimizer/learning_rate": self.optimizer.param_groups[0]["lr"],
        }
        worst = self._max(worst)
        if tokens := totals["tokens"]:  # else nothing was forwarded, and nothing was measured
            figures |= {
                "loss/clip_fraction": totals["clipped"] / tokens,
                "loss/kl_to_old": totals["kl_to_old"] / tokens,
                "loss/entropy": totals["entropy"] / tokens,
                "loss/ratio_error": worst,
            }
            if loss_config.kl_coefficient and loss_config.kl_in == "loss":
                figures["loss/kl_to_reference"] = totals["kl_to_reference"] / tokens
        return figures, finite

    def _weighted(self, rows: Sequence[Row]) -> list[Row]:
        lengths = [sum(row.trajectory.sampled) for row in rows]
        tokens, episodes = self._sum([float(sum(lengths)), float(sum(length > 0 for length in lengths))])
        weights = [token_weight(n, tokens=tokens, episodes=episodes, config=self.config.loss) for n in lengths]
        return [replace(row, weight=weight) for row, weight in zip(rows, weights, strict=True)]

    def _batches(self, rows: Sequence[Row]) -> Iterator[MicroBatch]:
        """Rows without any advantage have no gradient, unless KL or entropy give one: they are counted, not run."""
        config: LossConfig = self.config.loss
        regularised = config.entropy_coefficient or (config.kl_coefficient and config.kl_in == "loss")
        used = [row for row in rows if regularised or any(row.advantages)]
        device = self.accelerator.device
        for chunk in episode_batches([row.trajectory for row in used], self.config.micro_batch(device)):
            yield collate([used[k] for k in chunk], device=device)

    def _dummy(self) -> MicroBatch:
        """A forward that teaches nothing: keeps a rank with fewer micro-batches in step with the others."""
        zeros = torch.zeros(1, 2, device=self.accelerator.device)
        return MicroBatch(
            input_ids=zeros.long(),
            target=zeros.bool(),
            old_logprobs=zeros,
            advantages=zeros,
            weights=zeros,
            reference_logprobs=None,
        )

    def _set_learning_rate(self, update_index: int) -> None:
        warmup = max(1, self.config.warmup_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * min(1.0, (update_index + 1) / warmup)

    def _sum(self, values: list[float]) -> list[float]:
        tensor = torch.tensor(values, dtype=torch.float64, device=self.accelerator.device)
        total: list[float] = self.accelerator.reduce(tensor, reduction="sum").tolist()
        return total

    def _max(self, value: float) -> float:
        tensor = torch.tensor([value], dtype=torch.float64, device=self.accelerator.device)
        return float(self.accelerator.gather(tensor).max())
