"""Everything a training run depends on, as typed data. The resolved form is saved with the run."""

import math
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal

from infopo.algorithms.loss_config import LossConfig
from infopo.core import UserError
from infopo.gain.spec import Backend, GainSpec
from infopo.rollout.config import RolloutConfig

Preset = Literal["matched", "as-published"]
FilterKind = Literal["none", "std", "std_rev", "dynamic"]
LEAST = {
    0: "steps max_sampling_rounds warmup_steps weight_decay lora.rank",
    1: "groups save_every keep_checkpoints lora.alpha critic.width critic.passes",
    2: "group_size",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraConfig:
    """Low-rank adapters by peft; rank 0 trains all weights. No dropout: the policy that samples is the one trained."""

    rank: int = 0
    alpha: int = 32
    targets: str = "all-linear"


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticConfig:
    """The value head of methods that need one: `width` of its hidden layer, `passes` over a step's episodes."""

    width: int = 256
    passes: int = 10
    learning_rate: float = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """One training run.

    A step plays `groups` tasks, `group_size` episodes each, and makes `updates` optimiser steps on them.
    """

    env: str = "usergym/travel"
    env_options: dict[str, Any] = field(default_factory=dict)
    user: str | None = None
    algo: str = "infopo"
    algo_options: dict[str, Any] = field(default_factory=dict)
    preset: Preset = "matched"  # one loss for all methods, no filter; or each method with those it was published with
    filter: FilterKind = "none"  # of groups: those whose outcomes vary most (std), least (std_rev), at all (dynamic)
    filter_keep: float = 0.25  # share of groups that std and std_rev keep
    max_sampling_rounds: int = 3  # further rounds of tasks in a step, in place of what filter dynamic drops
    model: str = "nano"  # nano, nano:ENV (warm-started on ENV, a mixture too), a transformers folder or a hub name
    steps: int = 30
    seed: int = 0
    groups: int = 8
    group_size: int = 8
    updates: int = 1  # optimiser steps a batch; groups are never split between them
    learning_rate: float | None = None  # None: 1e-6, or the rate that the model folder itself recommends
    warmup_steps: int = 0
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    micro_batch_tokens: int | None = None  # padded tokens in one forward with gradients; None: 1024 on a CPU, else 8192
    dtype: str = "float32"
    save_every: int = 20
    keep_checkpoints: int = 2
    trackers: tuple[str, ...] = ()
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    gain: GainSpec = field(default_factory=GainSpec)
    gain_backend: Backend = "auto"
    loss: LossConfig = field(default_factory=LossConfig)
    critic: CriticConfig = field(default_factory=CriticConfig)
    lora: LoraConfig = field(default_factory=LoraConfig)

    def __post_init__(self) -> None:
        checks = {
            "updates": 1 <= self.updates <= max(1, self.groups),
            "filter_keep": 0 < self.filter_keep <= 1,
            "micro_batch_tokens": self.micro_batch_tokens is None or self.micro_batch_tokens >= 1,
            "learning_rate": self.learning_rate is None or 0 < self.learning_rate < math.inf,
            "max_grad_norm": self.max_grad_norm > 0,
            "dtype": self.dtype in ("float32", "bfloat16"),
            "rollout.temperature": self.rollout.temperature > 0,
            "critic.learning_rate": 0 < self.critic.learning_rate < math.inf,
        }
        for least, names in LEAST.items():
            checks |= {name: least <= attrgetter(name)(self) < math.inf for name in names.split()}
        if self.dtype != "float32" and self.lora.rank == 0:
            raise UserError(
                f"config: dtype {self.dtype} with lora.rank 0 would train in {self.dtype}, where small updates round to"
                " nothing; use dtype float32, or adapters (lora.rank 16)"
            )
        for name, good in checks.items():
            if not good:
                raise UserError(f"config: {name} is out of range, got {attrgetter(name)(self)!r}")

    def micro_batch(self, device: Any) -> int:
        """Padded tokens in one forward with gradients on a `torch.device`; a CPU is quick on what its cache holds."""
        return self.micro_batch_tokens or (1024 if device.type == "cpu" else 8192)
