"""The loop: what a step plays, what it writes, and what it does when something breaks."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from infopo.algorithms.base import Credit, CreditBatch
from infopo.algorithms.loss_config import LossConfig
from infopo.core import InfopoError, UserError, derive_seed, read_records
from infopo.envs import Env
from infopo.gain import GainSpec
from infopo.rollout import RolloutConfig, TaskSpec
from infopo.samplers.load import load_policy
from infopo.testing.faults import random_delays
from infopo.training.config import LoraConfig
from infopo.training.loop import MOST_SKIPS, Trainer

from .conftest import PLAYABLE, MakeTrainer, any_gain_matters, assert_equal_weights, distance, records, weights


@pytest.mark.parametrize("algo", PLAYABLE)
def test_three_steps_change_the_weights_and_say_what_happened(make_trainer: MakeTrainer, algo: str) -> None:
    seen: list[tuple[int, dict[str, float]]] = []
    trainer = make_trainer(
        "a",
        algo=algo,
        trainer={"on_step": lambda step, metrics, timings: seen.append((step, metrics))},
    )
    before = weights(trainer)
    trainer.run()
    assert trainer.done_steps == 3
    assert distance(weights(trainer), before) > 1e-4
    metrics = records(trainer, "metrics")
    assert [line["step"] for line in metrics] == [1, 2, 3]
    assert [{"run": "run", "step": step} | values for step, values in seen] == metrics
    for line in metrics:
        assert line["loss/ratio_error_first"] < 1e-5
        assert line["optimizer/skipped"] == 0
        assert line["rollout/episodes"] == 16
        assert line["rollout/failed_episodes"] == line["rollout/lost_groups"] == 0
        assert line["optimizer/grad_norm"] > 0
        assert 0 <= line["train/success"] <= 1
        stops = [value for name, value in line.items() if name.startswith("stop/")]
        assert sum(stops) == pytest.approx(1.0)
        assert ("info/turn_gain_mean" in line) == any_gain_matters(trainer, line["step"])
        assert ("userrl/scored_turns_frac" in line) == (algo == "userrl")
        assert all(math.isfinite(value) for name, value in line.items() if name != "run")
    timings = records(trainer, "timings")
    assert [line["step"] for line in timings] == [1, 2, 3]
    assert all("seconds" in name for line in timings for name in line.keys() - {"run", "step"})
    assert not any("seconds" in name for line in metrics for name in line)
    assert (trainer.folder.checkpoints / "step_000003" / "model.safetensors").is_file()


def test_a_method_sees_rewards_names_and_the_epoch(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer("a", algo="userrl")
    seen: list[CreditBatch] = []
    honest = trainer.method.credit

    def credit(batch: CreditBatch) -> Credit:
        seen.append(batch)
        return honest(batch)

    trainer.method = replace(trainer.method, credit=credit)
    trainer.step()
    trainer.done_steps = trainer.schedule.count  # four groups a step: four epochs later
    trainer.step()
    assert [batch.epoch for batch in seen] == [0, 4]
    lines = records(trainer, "trajectories")[:16]
    assert len(set(seen[0].names)) == 16
    for row, line in enumerate(lines):
        assert line["task_id"] in seen[0].names[row]
        rewards = [turn["reward"] for turn in line["turns"]]
        assert seen[0].turn_rewards[row, : len(rewards)].tolist() == rewards


def test_records_hold_every_episode_with_its_gains_and_advantages(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer("a", steps=2)
    trainer.run()
    lines = records(trainer, "trajectories")
    places = [(line["step"], line["group_id"], line["episode"]) for line in lines]
    assert places == [
        (step, f"{step}/{group}", episode) for step in (1, 2) for group in range(4) for episode in range(4)
    ]
    assert [line["policy_version"] for line in lines] == [0] * 16 + [1] * 16
    for line in lines:
        for number, turn in enumerate(line["turns"]):
            assert (turn["gain"] is None) == (number == len(line["turns"]) - 1)
            assert turn["advantage"] is not None
    gains = [turn["gain"] for line in lines[:16] for turn in line["turns"] if turn["gain"] is not None]
    assert gains
    assert records(trainer, "metrics")[0]["info/turn_gain_mean"] == pytest.approx(float(np.mean(gains)))


def test_grpo_records_no_gain(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer("a", steps=1, algo="grpo")
    trainer.run()
    lines = records(trainer, "trajectories")
    assert {turn["gain"] for line in lines for turn in line["turns"]} == {None}
    for group in range(4):
        rows = [line for line in lines if line["group_id"] == f"1/{group}"]
        scores = np.array([row["score"] for row in rows])
        expected = (scores - scores.mean()) / (scores.std(ddof=1) + 1e-6) if np.ptp(scores) else np.zeros(4)
        for row, advantage in zip(rows, expected, strict=True):
            assert {round(turn["advantage"], 6) for turn in row["turns"]} == {round(float(advantage), 6)}


def test_two_runs_are_one(make_trainer: MakeTrainer) -> None:
    one, same, other = (make_trainer(name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    for trainer in (one, same, other):
        trainer.run()
    assert_equal_weights(weights(one), weights(same))
    for kind in ("metrics", "trajectories"):
        content = [(trainer.folder.path / f"{kind}.jsonl").read_bytes() for trainer in (one, same, other)]
        assert content[0] == content[1] != content[2]


def delays(salt: int) -> Callable[[TaskSpec, int], Env]:
    def make(task: TaskSpec, episode: int) -> Env:
        return random_delays(task.make(episode), derive_seed(salt, task.seed, episode))

    return make


@pytest.mark.parametrize("algo", ["infopo", "grpo"])
def test_concurrency_and_the_order_of_answers_change_nothing(make_trainer: MakeTrainer, algo: str) -> None:
    ends = []
    for name, concurrency, make in (("a", 1, delays(1)), ("b", 16, delays(2)), ("c", 16, TaskSpec.make)):
        trainer = make_trainer(
            name, algo=algo, rollout=RolloutConfig(max_new_tokens=12, concurrency=concurrency), trainer={"make": make}
        )
        trainer.run()
        files = [(trainer.folder.path / f"{kind}.jsonl").read_bytes() for kind in ("trajectories", "metrics")]
        ends.append((weights(trainer), files))
    for found, files in ends[1:]:
        assert files == ends[0][1]
        assert_equal_weights(found, ends[0][0])


def test_several_updates_a_batch_take_whole_groups(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer("a", steps=1, updates=3)
    seen: list[set[str]] = []
    told: list[dict[str, float]] = []
    step = trainer.updater.step

    def watch(rows: Any, index: int) -> Any:
        seen.append({row.trajectory.group_id for row in rows})
        assert index == len(seen) - 1
        figures, finite = step(rows, index)
        told.append(figures)
        return figures, finite

    trainer.updater.step = watch  # type: ignore[method-assign]
    trainer.run()
    assert seen == [{"1/0", "1/1"}, {"1/2"}, {"1/3"}]
    (line,) = records(trainer, "metrics")
    assert line["loss/ratio_error_first"] < 1e-5, "the ratio is 1 at the first update"
    assert line["loss/ratio_error"] > 1e-3, "and at no later one"
    assert trainer.policy.version == 3
    norms = [figures["optimizer/grad_norm"] for figures in told]
    assert line["optimizer/grad_norm"] == pytest.approx(sum(norms) / 3), "the mean over the updates"


def test_a_lora_run_trains_the_adapters_alone(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer("a", lora=LoraConfig(rank=2), algo="infopo")
    before = weights(trainer)
    trainer.run()
    after = weights(trainer)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all("lora_" in name for name in changed)
    assert {name for name in before if "lora_" in name} == changed


@pytest.mark.parametrize("rank", [0, 2])
def test_the_kl_to_the_reference_is_zero_at_first_and_grows(
    make_trainer: MakeTrainer, slots_folder: Path, rank: int
) -> None:
    reference = None if rank else load_policy(str(slots_folder)).model
    trainer = make_trainer(
        "a",
        lora=LoraConfig(rank=rank),
        learning_rate=0.01,
        loss=LossConfig(kl_coefficient=0.01),
        trainer={"reference": reference},
    )
    trainer.run()
    found = [line["loss/kl_to_reference"] for line in records(trainer, "metrics")]
    assert found[0] == pytest.approx(0.0, abs=1e-7)
    assert found[1] > 1e-5
    if reference is not None:
        fresh = load_policy(str(slots_folder)).model
        assert_equal_weights(dict(fresh.named_parameters()), dict(reference.named_parameters()))


def test_a_kl_term_without_a_reference_is_refused(make_trainer: MakeTrainer) -> None:
    with pytest.raises(UserError, match="reference"):
        make_trainer("a", loss=LossConfig(kl_coefficient=0.1))


def test_unknown_names_are_refused(make_trainer: MakeTrainer) -> None:
    with pytest.raises(UserError, match="grpo"):
        make_trainer("a", algo="grpoo")
    with pytest.raises(UserError, match="toy/slots"):
        make_trainer("b", env="toy/slot")


def test_a_request_to_stop_ends_after_the_step_and_saves(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer("a", steps=50)
    trainer.on_step = lambda step, metrics, timings: trainer.request_stop() if step == 2 else None
    trainer.run()
    assert trainer.done_steps == 2
    assert [path.name for path in trainer.folder.checkpoints.iterdir()] == ["step_000002"]
    assert [line["step"] for line in records(trainer, "metrics")] == [1, 2]


def test_a_request_to_stop_before_the_first_step_plays_nothing(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer("a", steps=50)
    trainer.request_stop()
    trainer.run()
    assert trainer.done_steps == 0
    assert records(trainer, "metrics") == []


def poisoned(trainer: Trainer, steps: set[int], value: float = math.nan) -> None:
    """The method gives one broken advantage in these steps, in the first row of the second group."""
    honest = trainer.method.credit

    def credit(batch: CreditBatch) -> Credit:
        found = honest(batch)
        if trainer.done_steps + 1 in steps:
            row = int(np.flatnonzero(batch.group == 1)[0])
            found.advantages[row, np.flatnonzero(batch.sampled[row])[0]] = value
        return Credit(advantages=found.advantages, stats=found.stats | {"adv/broken": value})

    trainer.method = replace(trainer.method, credit=credit)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_broken_batch_is_skipped_counted_and_set_aside(make_trainer: MakeTrainer, value: float) -> None:
    trainer = make_trainer("a", steps=4)
    poisoned(trainer, {2}, value)
    snapshots = [weights(trainer)]
    trainer.on_step = lambda step, metrics, timings: snapshots.append(weights(trainer))
    trainer.run()
    assert_equal_weights(snapshots[1], snapshots[2])
    assert distance(snapshots[2], snapshots[3]) > 0
    lines = records(trainer, "metrics")
    assert [line["optimizer/skipped"] for line in lines] == [0, 1, 0, 0]
    assert "loss/policy" not in lines[1]
    assert all("adv/broken" not in line for line in lines), "what is not finite is left out"
    dumps = list((trainer.folder.path / "dumps").iterdir())
    assert [path.name for path in dumps] == ["step_000002.jsonl"]
    dumped = list(read_records(dumps[0]))
    assert len(dumped) == 16
    broken = next(row for row in dumped if row["group_id"] == "2/1" and row["episode"] == 0)
    assert broken["turns"][0]["advantage"] is None
    logged = [row for row in records(trainer, "trajectories") if row["step"] == 2]
    assert [row["token_ids"] for row in logged] == [row["token_ids"] for row in dumped]


def test_three_broken_batches_in_a_row_stop_the_run_with_finite_weights(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer("a", steps=20)
    poisoned(trainer, {2, 3, 5, 6, 7})
    with pytest.raises(InfopoError, match=r"step 7.*3 times in a row.*dumps"):
        trainer.run()
    assert trainer.done_steps == 6
    assert all(bool(torch.isfinite(weight).all()) for weight in weights(trainer).values())
    assert [line["step"] for line in records(trainer, "metrics")] == [1, 2, 3, 4, 5, 6]
    dumps = sorted(path.name for path in (trainer.folder.path / "dumps").iterdir())
    assert dumps == [f"step_00000{step}.jsonl" for step in (2, 3, 5, 6, 7)]


def test_the_count_of_broken_batches_survives_a_resume(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer("a", steps=3)
    poisoned(trainer, {2, 3})
    trainer.run()
    trainer.folder.close()
    resumed = make_trainer("a", steps=6)
    assert resumed.resume() == 3
    assert resumed.skips_in_row == 2
    poisoned(resumed, {4})
    with pytest.raises(InfopoError, match="3 times in a row"):
        resumed.run()


def test_several_broken_updates_of_one_step_are_all_set_aside(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer("a", steps=1, updates=2)
    honest = trainer.method.credit

    def credit(batch: CreditBatch) -> Credit:
        found = honest(batch)
        return Credit(advantages=np.where(batch.sampled, math.nan, found.advantages), stats=found.stats)

    trainer.method = replace(trainer.method, credit=credit)
    trainer.run()
    (line,) = records(trainer, "metrics")
    assert line["optimizer/skipped"] == 2 < MOST_SKIPS
    (dump,) = (trainer.folder.path / "dumps").iterdir()
    assert len(list(read_records(dump))) == 16


def test_weights_that_are_not_finite_never_reach_a_checkpoint(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer("a", steps=9, algo="grpo", save_every=1)
    trainer.step()
    trainer.save()
    with torch.no_grad():
        trainer.policy.model.get_output_embeddings().weight[7, 3] = math.nan
    with pytest.raises(InfopoError, match=r"not finite|resume from the last checkpoint"):
        trainer.run()
    assert [path.name for path in trainer.folder.checkpoints.iterdir()] == ["step_000001"]
    for line in records(trainer, "trajectories"):
        json.dumps(line, allow_nan=False)


def test_gains_that_are_not_finite_stop_the_run_and_name_the_task(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer("a", algo="infopo")
    with torch.no_grad():
        trainer.policy.model.get_output_embeddings().weight[7, 3] = math.nan
    with pytest.raises(InfopoError, match=r"toy/slots.*(gain|finite)"):
        trainer.run()


def test_a_mixture_is_trained_group_by_group_and_measured_by_environment(make_trainer: MakeTrainer) -> None:
    options = {"difficulty": "nano", "toy/slots.slots": 1, "toy/slots.values": 2}
    trainer = make_trainer("a", env="toy/slots:3,usergym/function:1", env_options=options, steps=2)
    trainer.run()
    for line in records(trainer, "metrics"):
        shares = [line[f"env/{name}/episodes"] for name in ("toy/slots", "usergym/function")]
        assert shares == [12, 4]
        parts = [line[f"env/{name}/success"] for name in ("toy/slots", "usergym/function")]
        assert line["train/success"] == pytest.approx(sum(n * part for n, part in zip(shares, parts, strict=True)) / 16)
    groups: dict[str, set[str]] = {}
    for record in records(trainer, "trajectories"):
        groups.setdefault(record["group_id"], set()).add(f"{record['env']} {record['task_id']}")
    assert len(groups) == 8
    assert all(len(tasks) == 1 for tasks in groups.values())


@pytest.mark.parametrize("backend", ["auto", "kv"])
@pytest.mark.parametrize("counterfactual", ["message", "swap"])
def test_a_model_that_cannot_be_branched_is_found_before_the_first_update(
    make_trainer: MakeTrainer, backend: Any, counterfactual: Any
) -> None:
    """A layer that looks at how many tokens are read at once, as no list of architectures foresees: the cheap gains
    are wrong, and the check of the first step says so, whatever the replies are held against."""
    gain = GainSpec(counterfactual=counterfactual)
    trainer = make_trainer("a", algo="infopo", gain_backend=backend, gain=gain)
    layer = trainer.policy.model.model.layers[0]

    def of_the_length(module: Any, arguments: Any, output: torch.Tensor) -> torch.Tensor:
        return output * (1 + output.shape[1] / 20)

    layer.mlp.register_forward_hook(of_the_length)
    before = weights(trainer)
    with pytest.raises(InfopoError, match=r"task .*turn .*'separate'"):
        trainer.run()
    assert_equal_weights(weights(trainer), before)
