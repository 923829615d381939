"""The critic: a small value head on what the policy's own layers make of an episode.

The head sees hidden states but sends no gradient back: the policy's step stays a function of the advantages alone, so a
method with a critic differs from one without in nothing else, and adapters need no case of their own. A model of its
own would double the memory. The price: values are no better than what the policy's last layer shows. The states of
one step are kept (bytes of the model's number type x hidden size x sampled tokens), so learning from them costs no
further forward, and several passes over them are cheap. Optimiser and gradient clipping are the head's own: with Adam
a coefficient of the value loss would change nothing.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch

from infopo.core import Trajectory
from infopo.gain.episodes import onto, read_sampled
from infopo.tokens.guard import own_random_state
from infopo.tokens.language_model import HEAD_CHUNK, LanguageModel
from infopo.tokens.sampled_tokens import sampled_states
from infopo.training.loss import value_loss


class Critic:
    """`values` before credit is given, `fit` on the returns afterwards; both on this rank's episodes, in one order.

    A token's value is that of the history before it. All ranks begin with one head and make the same steps.
    """

    def __init__(self, accelerator: Any, policy: LanguageModel, config: Any) -> None:
        self.accelerator = accelerator
        self.policy = policy
        self.config = config
        size, width = policy.config.hidden_size, config.critic.width
        with own_random_state(config.seed):
            last = torch.nn.Linear(width, 1)
            self.head = torch.nn.Sequential(
                torch.nn.LayerNorm(size), torch.nn.Linear(size, width), torch.nn.Tanh(), last
            ).to(accelerator.device)
        torch.nn.init.zeros_(last.weight)  # all values begin at 0
        torch.nn.init.zeros_(last.bias)
        self.optimizer = torch.optim.Adam(self.head.parameters(), lr=config.critic.learning_rate)
        self._states = torch.empty(0, size)
        self._old = torch.empty(0)

    def values(self, trajectories: Sequence[Trajectory]) -> list[list[float]]:
        """Values `[L]` of every episode, 0.0 where nothing was sampled."""
        device = self.accelerator.device
        states = read_sampled(
            trajectories,
            lambda *batch: sampled_states(self.policy.model, *batch)[1],
            tokens=self.config.micro_batch(device),
            device=device,
        )
        self._states = torch.cat([self._states[:0].to(device), *states])
        with torch.no_grad():
            self._old = torch.cat([self._value(part) for part in self._states.split(HEAD_CHUNK)])
        per_episode = self._old.split([len(part) for part in states])
        return [onto(one, found.tolist()) for one, found in zip(trajectories, per_episode, strict=True)]

    def fit(self, returns: Sequence[float]) -> dict[str, float]:
        """Move the values of the sampled tokens, in the order of `values`, towards these returns; what it found.

        A gradient that is not finite leaves the head as it was, on every rank.
        """
        target = torch.tensor(returns, dtype=torch.float32, device=self.accelerator.device)
        stats = self._stats(target)
        count = max(stats.pop("tokens"), 1.0)
        for _ in range(self.config.critic.passes):
            self.optimizer.zero_grad()
            for part, old, wanted in zip(
                *(x.split(HEAD_CHUNK) for x in (self._states, self._old, target)), strict=True
            ):
                loss = value_loss(self._value(part), old, wanted, self.config.loss.value_clip).sum() / count
                loss.backward()
            self._share_gradients()
            norm = torch.nn.utils.clip_grad_norm_(self.head.parameters(), self.config.max_grad_norm)
            if not math.isfinite(float(norm)):
                stats["critic/skipped"] = 1.0
                break
            self.optimizer.step()
        self._states, self._old = self._states[:0].clone(), self._old[:0].clone()  # gives the memory back
        return stats

    def _value(self, states: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(states.float())[:, 0]
        return found

    def _share_gradients(self) -> None:
        weights = list(self.head.parameters())
        flat = torch.cat([torch.zeros_like(w).flatten() if w.grad is None else w.grad.flatten() for w in weights])
        shared = self.accelerator.reduce(flat, reduction="sum")
        for weight, part in zip(weights, shared.split([w.numel() for w in weights]), strict=True):
            weight.grad = part.view_as(weight).clone()

    def _stats(self, target: torch.Tensor) -> dict[str, float]:
        """How good the values were that credit was given with, over all ranks."""
        wanted, error = target.double(), (target - self._old).double()
        sums = [wanted.sum(), wanted.square().sum(), error.sum(), error.square().sum(), self._old.double().sum()]
        first = torch.stack([wanted.new_tensor(len(target)), *sums])
        n, total, squares, errors, error_squares, values = self.accelerator.reduce(first, reduction="sum").tolist()
        if not n:
            return {"tokens": 0.0}
        stats = {"tokens": n, "critic/value_mean": values / n, "critic/loss": error_squares / (2 * n)}
        spread = squares / n - (total / n) ** 2
        if spread > 1e-12:  # else there is nothing to explain
            stats["critic/explained_variance"] = 1 - (error_squares / n - (errors / n) ** 2) / spread
        return stats
