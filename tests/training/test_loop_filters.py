"""Filters of groups, presets, and a KL in the reward: what a step learns from, and what it costs."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from infopo import algorithms
from infopo.algorithms.base import Credit, CreditBatch, Method
from infopo.algorithms.loss_config import LossConfig
from infopo.core import UserError
from infopo.envs import Env
from infopo.rollout import TaskSpec
from infopo.samplers.load import load_policy
from infopo.training.config import LoraConfig
from infopo.training.loop import Trainer

from .conftest import MakeTrainer, assert_equal_weights, records, weights
from .test_resume import assert_one_run


def by_group(trainer: Trainer, step: int) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for line in records(trainer, "trajectories"):
        if line["step"] == step:
            groups.setdefault(line["group_id"], []).append(line)
    return groups


def learnt(lines: list[dict[str, Any]]) -> bool:
    return any(turn["advantage"] is not None for line in lines for turn in line["turns"])


def varies(lines: list[dict[str, Any]]) -> float:
    return float(np.std([line["score"] for line in lines]))


@pytest.mark.parametrize("algo", ["grpo", "infopo"])
def test_the_std_filter_learns_from_the_groups_that_vary_most(make_trainer: MakeTrainer, algo: str) -> None:
    trainer = make_trainer("a", algo=algo, steps=2, groups=4, filter="std", filter_keep=0.5)
    trainer.run()
    for step, line in enumerate(records(trainer, "metrics"), start=1):
        groups = by_group(trainer, step)
        kept = {name for name, lines in groups.items() if learnt(lines)}
        assert len(kept) == line["filter/kept_groups"] == line["filter/dropped_groups"] == 2
        dropped = groups.keys() - kept
        assert min(varies(groups[name]) for name in kept) >= max(varies(groups[name]) for name in dropped)
        gains = {name for name, lines in groups.items() for one in lines for turn in one["turns"] if turn["gain"]}
        assert gains <= kept, "what is dropped is not scored either"
        assert line["rollout/episodes"] == 16
        assert line["filter/rounds"] == 1
        assert line["adv/singleton_groups"] == 0
    assert "filter/rounds" not in records_without_filter(make_trainer)


def records_without_filter(make_trainer: MakeTrainer) -> dict[str, Any]:
    trainer = make_trainer("none", steps=1, groups=2, algo="grpo")
    trainer.run()
    (line,) = records(trainer, "metrics")
    return line


def test_the_std_filter_keeps_one_group_at_least(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer("a", algo="grpo", steps=1, groups=3, filter="std", filter_keep=0.1)
    trainer.run()
    (line,) = records(trainer, "metrics")
    assert line["filter/kept_groups"] == 1
    assert line["filter/skipped_steps"] == 0


def test_dapo_plays_until_its_groups_differ_under_every_preset(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer("a", algo="dapo", steps=2, groups=2, group_size=2, max_sampling_rounds=6)
    assert (trainer.config.preset, trainer.config.filter) == ("matched", "dynamic")
    assert trainer.config.loss.clip_high == 0.28
    trainer.run()
    for step, line in enumerate(records(trainer, "metrics"), start=1):
        kept = [lines for lines in by_group(trainer, step).values() if learnt(lines)]
        assert len(kept) == line["filter/kept_groups"] == 2
        assert all(varies(lines) > 0 for lines in kept)
        assert line["adv/zero_var_groups"] == 0


def test_the_dynamic_filter_plays_others_in_place_of_equal_groups(make_trainer: MakeTrainer) -> None:
    # groups of two are often equal
    trainer = make_trainer("a", algo="infopo", steps=3, groups=4, group_size=2, filter="dynamic", max_sampling_rounds=6)
    trainer.run()
    rounds = []
    for step, line in enumerate(records(trainer, "metrics"), start=1):
        groups = by_group(trainer, step)
        for lines in groups.values():
            assert learnt(lines) == (varies(lines) > 0)
        kept = sum(learnt(lines) for lines in groups.values())
        assert line["filter/kept_groups"] == kept <= 4
        assert line["filter/dropped_groups"] == len(groups) - kept
        assert line["rollout/episodes"] == 2 * len(groups)
        assert kept == 4 or line["filter/rounds"] == 7
        assert ("group/equal_ratio" not in line) or line["group/equal_ratio"] == 0
        rounds.append(line["filter/rounds"])
    assert max(rounds) > 1


def test_a_run_with_the_dynamic_filter_resumes_bit_by_bit(make_trainer: MakeTrainer) -> None:
    settings = {"algo": "infopo", "groups": 2, "group_size": 2, "filter": "dynamic", "updates": 2}
    whole = make_trainer("whole", steps=4, **settings)
    whole.run()
    first = make_trainer("parts", steps=2, **settings)
    first.run()
    first.folder.close()
    second = make_trainer("parts", steps=4, **settings)
    assert second.resume() == 2
    second.run()
    assert_one_run(second, whole)


def test_a_step_without_any_group_that_differs_is_skipped_and_counted(
    make_trainer: MakeTrainer, slots_options: dict[str, Any]
) -> None:
    hopeless = slots_options | {"slots": 3, "values": 6}  # the policy has never seen so many slots
    trainer = make_trainer(
        "a",
        algo="infopo",
        steps=1,
        groups=2,
        group_size=2,
        filter="dynamic",
        env_options=hopeless,
        max_sampling_rounds=1,
    )
    before = weights(trainer)
    trainer.run()
    (line,) = records(trainer, "metrics")
    assert line["train/success"] == 0.0
    assert line["filter/skipped_steps"] == 1
    assert line["filter/kept_groups"] == 0
    assert line["filter/rounds"] == 2
    assert line["rollout/episodes"] == 8
    assert len(records(trainer, "trajectories")) == 8
    assert_equal_weights(weights(trainer), before)


def believer(name: str, **options: Any) -> Method:
    """The belief before each action is its advantage."""

    def credit(batch: CreditBatch) -> Credit:
        beliefs, mask = batch.signals["belief"], batch.signal_masks["belief"]
        assert mask.sum() == sum(len(spans) for spans in batch.action_spans), "every turn has one"
        advantages = np.zeros(batch.sampled.shape)
        for row, spans in enumerate(batch.action_spans):
            for turn, span in enumerate(spans):
                advantages[row, span.start : span.end] = beliefs[row, turn]
        return Credit(advantages=np.where(batch.sampled, advantages, 0.0), stats={})

    return Method(name=name, summary="for tests", credit=credit, needs=frozenset({"reference_answer"}))


def test_a_method_gets_the_belief_in_the_reference_answer(
    make_trainer: MakeTrainer, slots_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from infopo.core import trajectory_from_record
    from infopo.gain import answer_belief

    monkeypatch.setattr(algorithms, "get", believer)
    trainer = make_trainer("a", steps=1, groups=2)
    trainer.run()
    lines = records(trainer, "trajectories")
    policy = load_policy(str(slots_folder))
    expected = answer_belief(policy, [trajectory_from_record(line) for line in lines], backend="separate")
    for line, beliefs in zip(lines, expected, strict=True):
        assert [turn["advantage"] for turn in line["turns"]] == pytest.approx(beliefs, abs=1e-4)


def test_an_environment_without_reference_answers_is_refused(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(algorithms, "get", believer)
    trainer = make_trainer("a", steps=1, algo="igpo", trainer={"make": without_answer})
    with pytest.raises(UserError, match=r"igpo needs a ground truth.*toy/slots"):
        trainer.run()


def without_answer(task: TaskSpec, episode: int) -> Env:
    env: Any = task.make(episode)
    env.reference_answer = lambda: None
    return cast(Env, env)


def watched(trainer: Trainer, seen: list[CreditBatch]) -> None:
    """Every batch that is given credit is kept in `seen`."""
    honest = trainer.method.credit

    def credit(batch: CreditBatch) -> Credit:
        seen.append(batch)
        return honest(batch)

    trainer.method = replace(trainer.method, credit=credit)


@pytest.mark.parametrize("rank", [0, 2])
def test_a_kl_in_the_reward_is_a_cost_of_each_token(make_trainer: MakeTrainer, slots_folder: Path, rank: int) -> None:
    reference = None if rank else load_policy(str(slots_folder)).model
    loss = LossConfig(kl_coefficient=0.5, kl_in="reward", kl_estimator="k1")
    trainer = make_trainer(
        "a", algo="rloo", loss=loss, learning_rate=0.01, lora=LoraConfig(rank=rank), trainer={"reference": reference}
    )
    seen: list[CreditBatch] = []
    watched(trainer, seen)
    trainer.run()
    lines = records(trainer, "metrics")
    assert len(seen) == 3
    for batch, line in zip(seen, lines, strict=True):
        assert batch.token_penalty is not None
        assert batch.token_penalty.shape == batch.sampled.shape
        assert not batch.token_penalty[~batch.sampled].any()
        mean = float(batch.token_penalty[batch.sampled].mean())
        assert line["loss/kl_to_reference"] == pytest.approx(mean / 0.5, abs=1e-9)
    assert seen[0].token_penalty == pytest.approx(0.0, abs=1e-5)
    assert np.abs(seen[-1].token_penalty).max() > 1e-3
    played = [line for line in records(trainer, "trajectories") if line["step"] == 3]
    policy = load_policy(str(slots_folder))
    assert cost_of(played[0], policy) == pytest.approx(
        float(seen[-1].token_penalty[0][seen[-1].sampled[0]].sum()), abs=1e-4
    )


def cost_of(line: dict[str, Any], policy: Any) -> float:
    """Half the log-ratio of an episode's tokens, from its record and the initial policy."""
    import torch

    with torch.no_grad():
        full = torch.log_softmax(policy.model(input_ids=torch.tensor([line["token_ids"]])).logits[0], -1)
    return 0.5 * math.fsum(
        old - float(full[k - 1, line["token_ids"][k]]) for k, old in enumerate(line["logprobs"]) if old is not None
    )
