"""Trainers on tiny policies, and ways to look at what they leave behind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from infopo import algorithms
from infopo.core import read_records
from infopo.rollout import RolloutConfig
from infopo.samplers.load import load_policy
from infopo.training.config import TrainConfig
from infopo.training.loop import Trainer
from infopo.training.run_folder import RunFolder

GOLDEN = Path(__file__).parents[3] / "shared" / "golden" / "golden_advantages.json"
MakeTrainer = Callable[..., Trainer]
_ALL = [algorithms.get(name) for name in algorithms.names()]
# Methods that learn on the toy environment, where single turns are paid, from as many groups as a step plays.
PLAYABLE = [one.name for one in _ALL if one.needs <= {"gain"} and "filter" not in one.defining]


@pytest.fixture(scope="session")
def golden() -> dict[str, Any]:
    if not GOLDEN.is_file():
        pytest.skip("the golden losses are not beside the checkout (../shared/golden/golden_advantages.json)")
    loaded: dict[str, Any] = json.loads(GOLDEN.read_text())
    return loaded


@pytest.fixture
def make_trainer(slots_folder: Path, slots_options: dict[str, Any], tmp_path: Path) -> MakeTrainer:
    """`make_trainer("a", steps=3)`: a trainer on `toy/slots` whose run folder is `tmp_path/a/run`.

    The run is opened, not created, where it is there already. Further keywords of the trainer go into `trainer`.
    """

    def make(name: str, *, trainer: dict[str, Any] | None = None, model: Path | None = None, **changes: Any) -> Trainer:
        config = TrainConfig(
            **{
                "env": "toy/slots",
                "env_options": slots_options | {"reward": "upstream"},
                "model": str(model or slots_folder),
                "steps": 3,
                "groups": 4,
                "group_size": 4,
                "learning_rate": 3e-3,
                "save_every": 100,
                "rollout": RolloutConfig(max_new_tokens=12),
                **changes,
            }
        )
        path = tmp_path / name / "run"
        folder = RunFolder.open(path, steps=config.steps) if path.exists() else RunFolder.create(path, config)
        policy = load_policy(
            config.model,
            temperature=config.rollout.temperature,
            lora_rank=config.lora.rank,
            lora_alpha=config.lora.alpha,
            lora_targets=config.lora.targets,
            dtype=config.dtype,
        )
        from transformers import AutoTokenizer

        assert config.learning_rate is not None
        return Trainer(
            config,
            policy,
            folder,
            tokenizer=AutoTokenizer.from_pretrained(config.model),
            learning_rate=config.learning_rate,
            **(trainer or {}),
        )

    return make


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in trainer.policy.model.named_parameters()}


def assert_equal_weights(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """The largest difference of any two weights."""
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


def records(trainer: Trainer, kind: str) -> list[dict[str, Any]]:
    return list(read_records(trainer.folder.path / f"{kind}.jsonl"))


def any_gain_matters(trainer: Trainer, step: int = 1) -> bool:
    """Whether the method reads the gain, and it matters in any group of a step."""
    method, scores = trainer.method, dict[str, list[float]]()
    for row in records(trainer, "trajectories"):
        if row["step"] == step:
            scores.setdefault(row["group_id"], []).append(row["score"])
    return "gain" in method.needs and any(method.gain_matters(np.array(group)) for group in scores.values())
