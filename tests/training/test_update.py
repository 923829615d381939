"""One optimiser step: the same whatever the micro-batches, right where it matters, and harmless where it breaks."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator

from infopo.algorithms.loss_config import LossConfig
from infopo.core import Trajectory
from infopo.gain.episodes import reference_logprobs
from infopo.rollout import RolloutConfig, TaskSpec, play_groups
from infopo.samplers.hf import HFSampler
from infopo.samplers.load import load_policy
from infopo.tokens.language_model import LanguageModel
from infopo.tokens.sampled_tokens import TokenLogProbs
from infopo.training.config import TrainConfig
from infopo.training.loss import Row, aggregate, collate, loss_sums, policy_loss
from infopo.training.update import Updater

CONFIG = TrainConfig(micro_batch_tokens=150, learning_rate=1e-3)


def play(policy: LanguageModel, options: dict[str, Any], count: int = 12) -> list[Trajectory]:
    tasks = [TaskSpec(env_id="toy/slots", task=k, seed=k, options=options) for k in range(count)]
    config = RolloutConfig(max_new_tokens=12)
    batch = asyncio.run(play_groups(HFSampler(policy), tasks, group_size=1, config=config))
    return [trajectory for group in batch.groups for trajectory in group.trajectories]


def rows_of(trajectories: list[Trajectory], *, zero: tuple[int, ...] = ()) -> list[Row]:
    """Advantages that differ by episode and token; rows `zero` have none at all."""
    rows = []
    for index, one in enumerate(trajectories):
        sign = 0.0 if index in zero else (-1.0) ** index
        advantages = [sign * (1.0 + 0.1 * k) if flag else 0.0 for k, flag in enumerate(one.sampled)]
        rows.append(Row(trajectory=one, advantages=advantages))
    return rows


class Setup:
    """A fresh policy and its updater."""

    def __init__(self, folder: Path, config: TrainConfig = CONFIG, **options: Any) -> None:
        self.policy = load_policy(str(folder), **options)
        self.updater = Updater(Accelerator(), self.policy, config, config.learning_rate or 1e-3)

    def weights(self) -> dict[str, torch.Tensor]:
        return {name: weight.detach().clone() for name, weight in self.policy.model.named_parameters()}


@pytest.fixture(scope="module")
def episodes(slots_folder: Path, slots_options: dict[str, Any]) -> list[Trajectory]:
    found = play(load_policy(str(slots_folder)), slots_options | {"slots": 2, "values": 3})
    assert len({len(one.token_ids) for one in found}) > 3
    return found


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    return max(float((one[name] - other[name]).abs().max()) for name in one)


def captured_gradients(setup: Setup, rows: list[Row]) -> dict[str, torch.Tensor]:
    """What the optimiser would be given (before clipping), by an update with a learning rate of nothing."""
    found: dict[str, torch.Tensor] = {}
    clip = setup.updater.accelerator.clip_grad_norm_

    def keep(parameters: Any, most: float) -> Any:
        found.update({name: w.grad.clone() for name, w in setup.policy.model.named_parameters() if w.grad is not None})
        return clip(parameters, most)

    setup.updater.accelerator.clip_grad_norm_ = keep
    setup.updater.step(rows, 0)
    return found


def test_the_gradient_of_micro_batches_is_that_of_one_batch(slots_folder: Path, episodes: list[Trajectory]) -> None:
    rows = rows_of(episodes)
    model = load_policy(str(slots_folder)).model
    batch = collate(rows, device="cpu")
    sums = loss_sums(TokenLogProbs(model, 1.0), batch, LossConfig())
    (sums.loss / sums.tokens).backward()
    expected = {name: weight.grad for name, weight in model.named_parameters()}
    scale = max(float(gradient.abs().max()) for gradient in expected.values())
    for tokens in (1, 100, 100_000):
        found = captured_gradients(Setup(slots_folder, replace(CONFIG, micro_batch_tokens=tokens)), rows)
        assert found.keys() == expected.keys()
        for name, gradient in expected.items():
            torch.testing.assert_close(found[name], gradient, atol=1e-6 * scale, rtol=1e-6, msg=name)


def test_rows_without_advantage_are_not_run_but_counted(slots_folder: Path, episodes: list[Trajectory]) -> None:
    zero = (0, 3, 4, 7)
    rows = rows_of(episodes, zero=zero)
    model = load_policy(str(slots_folder)).model
    batch = collate(rows, device="cpu")
    sums = loss_sums(TokenLogProbs(model, 1.0), batch, LossConfig())
    (sums.loss / sums.tokens).backward()
    scale = max(float(weight.grad.abs().max()) for weight in model.parameters())
    setup = Setup(slots_folder)
    assert sum(len(part.input_ids) for part in setup.updater._batches(rows)) == len(rows) - len(zero)
    found = captured_gradients(setup, rows)
    for name, weight in model.named_parameters():
        torch.testing.assert_close(found[name], weight.grad, atol=1e-6 * scale, rtol=1e-6, msg=name)
    regularised = Setup(slots_folder, replace(CONFIG, loss=LossConfig(entropy_coefficient=0.1)))
    assert sum(len(part.input_ids) for part in regularised.updater._batches(rows)) == len(rows)


def test_weights_do_not_depend_on_the_size_of_micro_batches(slots_folder: Path, episodes: list[Trajectory]) -> None:
    rows = rows_of(episodes)
    ends = []
    for tokens in (1, 120, 100_000):
        # Adam turns a rounding error in a gradient near zero into a part of the learning rate: a small one here.
        setup = Setup(slots_folder, replace(CONFIG, micro_batch_tokens=tokens, learning_rate=3e-4))
        for index in range(3):
            setup.updater.step(rows, index)
        ends.append(setup.weights())
    assert distance(ends[0], Setup(slots_folder).weights()) > 5e-4
    assert distance(ends[0], ends[2]) < 1e-6
    assert distance(ends[1], ends[2]) < 1e-6


@pytest.mark.parametrize("aggregation", ["seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm"])
def test_no_aggregation_depends_on_how_the_batch_is_cut(
    slots_folder: Path, episodes: list[Trajectory], aggregation: Any
) -> None:
    """Against the loss of the whole batch at once, a row without advantage included."""
    loss = LossConfig(aggregation=aggregation, normaliser_length=50)
    rows = rows_of(episodes, zero=(1, 5))
    model = load_policy(str(slots_folder)).model
    batch = collate(rows, device="cpu")
    new, _ = TokenLogProbs(model, 1.0)(batch.input_ids, batch.target)
    losses = torch.zeros(batch.target.shape)
    losses[batch.target] = policy_loss(new, batch.old_logprobs[batch.target], batch.advantages[batch.target], loss)[0]
    expected = aggregate(losses, batch.target, loss)
    expected.backward()
    scale = max(float(weight.grad.abs().max()) for weight in model.parameters())
    for tokens in (1, 100, 100_000):
        setup = Setup(slots_folder, replace(CONFIG, micro_batch_tokens=tokens, loss=loss))
        found = captured_gradients(setup, rows)
        for name, weight in model.named_parameters():
            torch.testing.assert_close(found[name], weight.grad, atol=2e-6 * scale, rtol=2e-6, msg=name)
    figures, _ = Setup(slots_folder, replace(CONFIG, loss=loss)).updater.step(rows, 0)
    assert figures["loss/policy"] == pytest.approx(float(expected.detach()), rel=1e-4, abs=1e-6)


def test_nothing_to_learn_changes_nothing(slots_folder: Path, episodes: list[Trajectory]) -> None:
    setup = Setup(slots_folder)
    before = setup.weights()
    for rows in ([], rows_of(episodes, zero=tuple(range(len(episodes))))):
        figures, finite = setup.updater.step(rows, 0)
        assert finite
        assert distance(setup.weights(), before) == 0.0
        assert figures["optimizer/grad_norm"] == 0.0
    assert not setup.updater.optimizer.state


def test_an_update_moves_log_probs_where_the_advantages_point(slots_folder: Path, episodes: list[Trajectory]) -> None:
    setup = Setup(slots_folder)
    rows = rows_of(episodes)

    def logprobs() -> torch.Tensor:
        batch = collate(rows, device="cpu")
        with torch.no_grad():
            new, _ = TokenLogProbs(setup.policy.model, 1.0)(batch.input_ids, batch.target)
        return (new * batch.advantages[batch.target]).sum()

    before = logprobs()
    setup.updater.step(rows, 0)
    assert logprobs() > before


def test_the_ratio_is_one_at_the_first_update_and_only_there(slots_folder: Path, episodes: list[Trajectory]) -> None:
    setup = Setup(slots_folder)
    first, _ = setup.updater.step(rows_of(episodes), 0)
    second, _ = setup.updater.step(rows_of(episodes), 1)
    assert first["loss/ratio_error"] < 1e-5
    assert first["loss/clip_fraction"] == 0.0
    assert first["loss/kl_to_old"] < 1e-7
    assert second["loss/ratio_error"] > 1e-3


def test_the_ratio_is_one_at_any_temperature(slots_folder: Path, slots_options: dict[str, Any]) -> None:
    setup = Setup(slots_folder, temperature=0.5)
    figures, _ = setup.updater.step(rows_of(play(setup.policy, slots_options)), 0)
    assert figures["loss/ratio_error"] < 1e-5


def test_warm_up_and_clipping(slots_folder: Path, episodes: list[Trajectory]) -> None:
    setup = Setup(slots_folder, replace(CONFIG, warmup_steps=4, learning_rate=1e-3))
    rates = [setup.updater.step(rows_of(episodes), index)[0]["optimizer/learning_rate"] for index in range(6)]
    assert rates == pytest.approx([2.5e-4, 5e-4, 7.5e-4, 1e-3, 1e-3, 1e-3])
    tight, loose = (Setup(slots_folder, replace(CONFIG, max_grad_norm=most)) for most in (1e-4, 1e4))
    one, two = tight.updater.step(rows_of(episodes), 0)[0], loose.updater.step(rows_of(episodes), 0)[0]
    assert one["optimizer/grad_norm"] == pytest.approx(two["optimizer/grad_norm"]), "as it was before clipping"
    moments = [setup.updater.optimizer.state for setup in (tight, loose)]
    sizes = [sum(float((state["exp_avg"] ** 2).sum()) for state in states.values()) ** 0.5 for states in moments]
    assert sizes[0] == pytest.approx(0.1 * 1e-4, rel=1e-3)
    assert sizes[1] == pytest.approx(0.1 * one["optimizer/grad_norm"], rel=1e-3)


@pytest.mark.parametrize("where", ["advantage", "old log-prob", "weight"])
def test_what_is_not_finite_leaves_weights_and_optimiser_alone(
    slots_folder: Path, episodes: list[Trajectory], where: str
) -> None:
    setup = Setup(slots_folder)
    setup.updater.step(rows_of(episodes), 0)
    if where == "weight":
        with torch.no_grad():
            next(setup.policy.model.get_decoder().layers[0].mlp.parameters())[0, 0] = float("inf")
    before = setup.weights()
    moments = {key: value.clone() for key, value in next(iter(setup.updater.optimizer.state.values())).items()}
    rows = rows_of(episodes)
    position = rows[2].trajectory.sampled.index(True)
    if where == "advantage":
        rows[2].advantages[position] = float("nan")
    elif where == "old log-prob":
        logprobs = [float("-inf") if k == position else v for k, v in enumerate(rows[2].trajectory.logprobs)]
        rows[2] = Row(
            trajectory=replace(rows[2].trajectory, logprobs=tuple(logprobs)),
            advantages=[-abs(value) for value in rows[2].advantages],
        )
    setup.updater.config = replace(CONFIG, loss=LossConfig(dual_clip=None))
    _, finite = setup.updater.step(rows, 1)
    assert not finite
    after = setup.weights()
    assert [name for name in before if not torch.equal(before[name], after[name])] == []
    for key, value in next(iter(setup.updater.optimizer.state.values())).items():
        assert torch.equal(value, moments[key])
    assert all(weight.grad is None or not weight.grad.any() for weight in setup.policy.model.parameters())


def test_the_reference_of_an_adapter_is_the_model_without_it(slots_folder: Path, episodes: list[Trajectory]) -> None:
    rows = rows_of(episodes)
    plain = load_policy(str(slots_folder))
    expected = reference_logprobs(plain, plain.model, episodes, tokens=120)
    for row, values in zip(rows, expected, strict=True):
        assert len(values) == len(row.trajectory.token_ids)
        for value, old, flag in zip(values, row.trajectory.logprobs, row.trajectory.sampled, strict=True):
            assert value == pytest.approx(old, abs=1e-5) if flag else value == 0.0
    adapted = Setup(slots_folder, lora_rank=2)
    adapted.updater.learning_rate = 0.05
    for index in range(2):
        adapted.updater.step(rows, index)
    found = reference_logprobs(adapted.policy, None, episodes, tokens=100_000)
    for values, wanted in zip(found, expected, strict=True):
        assert values == pytest.approx(wanted, abs=1e-5)
    moved = reference_logprobs(adapted.policy, adapted.policy.model, episodes, tokens=100_000)
    assert (
        max(abs(a - b) for one, two in zip(moved, expected, strict=True) for a, b in zip(one, two, strict=True)) > 0.01
    )


def test_kl_to_the_reference_pulls_back(slots_folder: Path, episodes: list[Trajectory]) -> None:
    """With nothing but a KL term, a policy that was moved away returns."""
    reference = load_policy(str(slots_folder)).model
    setup = Setup(slots_folder, replace(CONFIG, loss=LossConfig(kl_coefficient=1.0), weight_decay=0.0))
    with torch.no_grad():
        for weight in setup.policy.model.parameters():
            weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)) * 0.02)
    nothing = rows_of(episodes, zero=tuple(range(len(episodes))))
    references = reference_logprobs(setup.policy, reference, episodes, tokens=10_000)
    rows = [replace(row, reference=values) for row, values in zip(nothing, references, strict=True)]
    seen = [setup.updater.step(rows, index)[0]["loss/kl_to_reference"] for index in range(15)]
    assert seen[0] > 0
    assert seen[-1] < 0.7 * seen[0]
