"""The critic: it learns what it is told to predict, alone, and its state is saved and restored with everything else."""

import functools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file

from infopo import algorithms
from infopo.algorithms.base import Credit, CreditBatch, Method
from infopo.algorithms.group_stats import outcome_zscores, spread
from infopo.algorithms.loss_config import LossConfig
from infopo.core import Trajectory
from infopo.core.checkpoint_folders import CheckpointError
from infopo.samplers.load import load_policy
from infopo.training.config import CriticConfig, LoraConfig, TrainConfig
from infopo.training.critic import Critic
from infopo.training.loop import Trainer

from .conftest import MakeTrainer, assert_equal_weights, records, weights
from .test_resume import assert_one_run
from .test_update import play

CONFIG = TrainConfig(micro_batch_tokens=150, critic=CriticConfig(passes=5, learning_rate=1e-2))


def make_critic(folder: Path, **changes: Any) -> Critic:
    return Critic(Accelerator(), load_policy(str(folder)), TrainConfig(**({"critic": CONFIG.critic} | changes)))


def sampled(critic: Critic, episodes: list[Trajectory]) -> list[float]:
    rows = critic.values(episodes)
    return [v for one, row in zip(episodes, rows, strict=True) for v, s in zip(row, one.sampled, strict=True) if s]


@pytest.fixture(scope="module")
def episodes(slots_folder: Path, slots_options: dict[str, Any]) -> list[Trajectory]:
    return play(load_policy(str(slots_folder)), slots_options)


def test_values_lie_on_sampled_tokens_and_begin_at_zero(slots_folder: Path, episodes: list[Trajectory]) -> None:
    critic = make_critic(slots_folder)
    assert {value for row in critic.values(episodes) for value in row} == {0.0}
    critic.fit([1.0] * sum(sum(one.sampled) for one in episodes))
    rows = critic.values(episodes)
    for one, row in zip(episodes, rows, strict=True):
        assert [value != 0.0 for value in row] == list(one.sampled)


def test_values_do_not_depend_on_how_the_batch_is_cut(slots_folder: Path, episodes: list[Trajectory]) -> None:
    ends = []
    for tokens in (1, 100_000):
        critic = make_critic(slots_folder, micro_batch_tokens=tokens)
        for _ in range(3):
            values = sampled(critic, episodes)
            critic.fit([0.1 * (k % 7) for k in range(len(values))])
        ends.append(sampled(critic, episodes))
    assert ends[0] == pytest.approx(ends[1], abs=1e-4)


def test_it_learns_a_constant_return(slots_folder: Path, episodes: list[Trajectory]) -> None:
    critic = make_critic(slots_folder)
    for _ in range(20):
        found = critic.fit([0.7] * len(sampled(critic, episodes)))
        assert "critic/explained_variance" not in found, "a constant has no variance to explain"
    assert sampled(critic, episodes) == pytest.approx([0.7] * len(sampled(critic, episodes)), abs=0.05)
    assert found["critic/loss"] < 1e-3
    assert found["critic/value_mean"] == pytest.approx(0.7, abs=0.02)


def test_it_learns_what_tells_histories_apart(slots_folder: Path, episodes: list[Trajectory]) -> None:
    critic = make_critic(slots_folder)
    returns = [
        float(turn == 0) for one in episodes for turn, span in enumerate(one.turns) for _ in range(len(span.action))
    ]
    for _ in range(40):
        assert len(sampled(critic, episodes)) == len(returns)
        found = critic.fit(returns)
    assert found["critic/explained_variance"] > 0.8


def test_a_step_moves_values_no_further_than_the_clip(slots_folder: Path, episodes: list[Trajectory]) -> None:
    ends = {}
    for clip in (0.05, None):
        critic = make_critic(
            slots_folder, critic=CriticConfig(passes=200, learning_rate=1e-3), loss=LossConfig(value_clip=clip)
        )
        critic.fit([5.0] * len(sampled(critic, episodes)))
        ends[clip] = float(np.mean(sampled(critic, episodes)))
    assert ends[None] > 1
    assert 0.05 < ends[0.05] < 0.5, "beyond the clip there is no gradient, but Adam's momentum"


def test_returns_that_are_not_finite_leave_the_head_alone(slots_folder: Path, episodes: list[Trajectory]) -> None:
    critic = make_critic(slots_folder)
    before = {name: weight.clone() for name, weight in critic.head.state_dict().items()}
    returns = [1.0] * len(sampled(critic, episodes))
    found = critic.fit([math.nan, *returns[1:]])
    assert found["critic/skipped"] == 1.0
    assert_equal_weights(dict(critic.head.state_dict()), before)


def actor_critic(name: str = "actor-critic") -> Method:
    """Outcome less value on every token; the critic is to predict the outcome."""

    def credit(batch: CreditBatch) -> Credit:
        assert batch.values is not None
        outcome = spread(batch.outcome, batch.sampled)
        stats = {"adv/value": float(batch.values[batch.sampled].mean())}
        advantages = np.where(batch.sampled, outcome - batch.values, 0.0)
        return Credit(advantages=advantages, returns=outcome, stats=stats)

    return Method(name=name, summary="for tests", credit=credit, needs=frozenset({"critic"}))


@pytest.fixture
def with_critic(make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch) -> MakeTrainer:
    """A trainer of a method that needs a critic."""
    monkeypatch.setattr(algorithms, "get", lambda name, **options: actor_critic())
    return functools.partial(make_trainer, groups=2)


@pytest.mark.parametrize("rank", [0, 2])
def test_a_run_with_a_critic_resumes_bit_by_bit(with_critic: MakeTrainer, rank: int) -> None:
    lora = LoraConfig(rank=rank)
    whole = with_critic("whole", steps=4, lora=lora)
    whole.run()
    first = with_critic("parts", steps=2, lora=lora)
    first.run()
    first.folder.close()
    second = with_critic("parts", steps=4, lora=lora)
    second.resume()
    second.run()
    assert_one_run(second, whole)
    assert whole.critic is not None
    head = load_file(whole.folder.checkpoints / "step_000004" / "critic.safetensors")
    assert_equal_weights(head, dict(whole.critic.head.state_dict()))
    lines = records(whole, "metrics")
    assert lines[0]["adv/value"] == 0.0 != lines[1]["adv/value"]
    assert all("critic/loss" in line for line in lines)


def test_a_checkpoint_without_a_critic_does_not_fit_a_method_with_one(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_trainer("a", steps=1, groups=2, algo="grpo")
    first.run()
    first.folder.close()
    monkeypatch.setattr(algorithms, "get", lambda name, **options: actor_critic())
    with pytest.raises(CheckpointError, match="without a critic"):
        make_trainer("a", steps=2, groups=2, algo="grpo").resume()


def test_the_policy_s_step_is_that_of_its_advantages_alone(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same advantages, with a critic that learns beside them and without one: the same weights, bit by bit."""

    def method(needs: Any, name: str, **options: Any) -> Method:
        def credit(batch: CreditBatch) -> Credit:
            scores = spread(outcome_zscores(batch.group, batch.outcome), batch.sampled)
            return Credit(advantages=scores, returns=spread(batch.outcome, batch.sampled), stats={})

        return Method(name=name, summary="for tests", credit=credit, needs=frozenset(needs))

    ends: list[Trainer] = []
    for name, needs in (("with", {"critic"}), ("without", set())):
        monkeypatch.setattr(algorithms, "get", functools.partial(method, needs))
        trainer = make_trainer(name, groups=2)
        trainer.run()
        ends.append(trainer)
    assert ends[1].critic is None
    assert ends[0].critic is not None
    assert any(bool(weight.any()) for weight in ends[0].critic.head[3].parameters())
    assert_equal_weights(weights(ends[0]), weights(ends[1]))
    assert torch.is_grad_enabled()
