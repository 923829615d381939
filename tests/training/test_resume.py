"""A run that was stopped and resumed is, byte for byte, a run that was not."""

import functools
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from infopo.algorithms.loss_config import LossConfig
from infopo.core import read_records
from infopo.samplers.load import load_policy
from infopo.training.config import LoraConfig
from infopo.training.loop import Trainer

from .conftest import MakeTrainer, assert_equal_weights, records, weights

VARIANTS: dict[str, dict[str, Any]] = {
    "infopo": {"algo": "infopo"},
    "grpo": {"algo": "grpo"},
    "lora": {"algo": "infopo", "lora": LoraConfig(rank=2)},
    "several updates": {"updates": 2, "warmup_steps": 7},
    "small micro-batches": {"micro_batch_tokens": 100},
}


@pytest.fixture
def make_trainer(make_trainer: MakeTrainer) -> MakeTrainer:
    """Steps of two groups: quick ones."""
    return functools.partial(make_trainer, groups=2)


def moments(trainer: Trainer) -> dict[str, torch.Tensor]:
    """The optimiser's state, by weight."""
    names = {id(weight): name for name, weight in trainer.policy.model.named_parameters()}
    return {
        f"{names[id(weight)]}.{key}": torch.as_tensor(value).clone()
        for weight, state in trainer.updater.optimizer.state.items()
        for key, value in state.items()
    }


def files(trainer: Trainer) -> dict[str, bytes]:
    return {kind: (trainer.folder.path / f"{kind}.jsonl").read_bytes() for kind in ("metrics", "trajectories")}


def assert_one_run(found: Trainer, expected: Trainer) -> None:
    assert found.done_steps == expected.done_steps
    assert found.policy.version == expected.policy.version
    assert_equal_weights(weights(found), weights(expected))
    assert_equal_weights(moments(found), moments(expected))
    assert files(found) == files(expected)
    last = f"step_{expected.done_steps:06d}"
    one, other = (trainer.folder.checkpoints / last for trainer in (found, expected))
    assert {path.name for path in one.iterdir()} == {path.name for path in other.iterdir()}
    for path in other.iterdir():
        # adapters note where their base model is, which is the same here too
        assert (one / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize("variant", VARIANTS)
def test_three_steps_and_three_more_are_six(make_trainer: MakeTrainer, variant: str) -> None:
    whole = make_trainer("whole", steps=6, **VARIANTS[variant])
    whole.run()
    first = make_trainer("parts", steps=3, **VARIANTS[variant])
    first.run()
    first.folder.close()
    second = make_trainer("parts", steps=6, **VARIANTS[variant])
    assert second.resume() == 3
    assert_equal_weights(weights(second), weights(first))
    assert_equal_weights(moments(second), moments(first))
    second.run()
    assert_one_run(second, whole)


def test_steps_after_the_checkpoint_are_set_aside_and_played_again(make_trainer: MakeTrainer) -> None:
    whole = make_trainer("whole", steps=5, save_every=2)
    whole.run()
    cut = make_trainer("cut", steps=5, save_every=2)
    for _ in range(3):
        cut.step()
        if cut.done_steps % 2 == 0:
            cut.save()
    cut.folder.close()
    resumed = make_trainer("cut", steps=5, save_every=2)
    assert [line["step"] for line in records(resumed, "metrics")] == [1, 2]
    assert resumed.resume() == 2
    resumed.run()
    assert_one_run(resumed, whole)
    assert [line["step"] for line in records(resumed, "timings")] == [1, 2, 3, 4, 5]
    discarded = resumed.folder.path / "discarded"
    assert [line["step"] for line in read_records(discarded / "metrics.jsonl.1")] == [3]
    assert {line["step"] for line in read_records(discarded / "trajectories.jsonl.1")} == {3}


def test_a_run_without_a_checkpoint_starts_again(make_trainer: MakeTrainer) -> None:
    whole = make_trainer("whole", steps=3)
    whole.run()
    cut = make_trainer("cut", steps=3)
    cut.step()
    cut.folder.close()
    resumed = make_trainer("cut", steps=3)
    assert resumed.resume() == 0
    resumed.run()
    assert_one_run(resumed, whole)


def test_a_stop_between_saves_is_saved_and_goes_on(make_trainer: MakeTrainer) -> None:
    whole = make_trainer("whole", steps=5, save_every=4)
    whole.run()
    stopped = make_trainer("stopped", steps=5, save_every=4)
    stopped.on_step = lambda step, metrics, timings: stopped.request_stop() if step == 3 else None
    stopped.run()
    stopped.folder.close()
    resumed = make_trainer("stopped", steps=5, save_every=4)
    assert resumed.resume() == 3
    resumed.run()
    assert_one_run(resumed, whole)


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(make_trainer: MakeTrainer) -> None:
    whole = make_trainer("whole", steps=5, save_every=2)
    whole.run()
    cut = make_trainer("cut", steps=4, save_every=2)
    cut.run()
    cut.folder.close()
    path = cut.folder.checkpoints / "step_000004" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    resumed = make_trainer("cut", steps=5, save_every=2)
    assert resumed.resume() == 2
    resumed.run()
    assert_one_run(resumed, whole)


def test_resuming_a_finished_run_changes_nothing(make_trainer: MakeTrainer) -> None:
    run = make_trainer("run", steps=2)
    run.run()
    before = files(run)
    run.folder.close()
    again = make_trainer("run", steps=2)
    assert again.resume() == 2
    again.run()
    assert files(again) == before
    assert_equal_weights(weights(again), weights(run))


def test_a_run_with_a_reference_resumes_against_the_initial_model(
    make_trainer: MakeTrainer, slots_folder: Path
) -> None:
    def make(name: str, steps: int) -> Trainer:
        reference = load_policy(str(slots_folder)).model
        return make_trainer(name, steps=steps, loss=LossConfig(kl_coefficient=0.1), trainer={"reference": reference})

    whole = make("whole", 4)
    whole.run()
    first = make("parts", 2)
    first.run()
    first.folder.close()
    second = make("parts", 4)
    second.resume()
    second.run()
    assert_one_run(second, whole)


def test_a_moved_run_resumes(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    first = make_trainer("here", steps=2)
    first.run()
    first.folder.close()
    shutil.move(tmp_path / "here", tmp_path / "there")
    second = make_trainer("there", steps=3)
    assert second.resume() == 2
    second.run()
    assert [line["step"] for line in records(second, "metrics")] == [1, 2, 3]
