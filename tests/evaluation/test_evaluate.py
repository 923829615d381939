"""Evaluations of scripted experts, whose behaviour is known, and of real models."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from infopo.core import (
    Failure,
    Group,
    InfopoError,
    Message,
    StopReason,
    UserError,
    read_records,
    trajectory_from_record,
)
from infopo.envs import make_expert
from infopo.evaluation import Evaluation, evaluate, evaluate_sampler, record_evaluation, summarise, turn_gains
from infopo.evaluation.evaluate import BATCH
from infopo.gain import information_gain
from infopo.rollout import RolloutConfig
from infopo.rollout.failures import LONGEST, most_frequent_failure, stop_where_all_failed
from infopo.samplers.load import load_policy
from infopo.samplers.scripted import ScriptedSampler

CONFIG = RolloutConfig(max_new_tokens=256)


@pytest.fixture(scope="module")
def policy(model_folder: Path) -> Any:
    return load_policy(str(model_folder))


@pytest.fixture(scope="module")
def play(policy: Any) -> Callable[..., Evaluation]:
    """An evaluation of a scripted policy on `toy/slots`."""

    def run(act: Callable[[tuple[Message, ...]], str], **keywords: Any) -> Evaluation:
        sampler = ScriptedSampler(policy.renderer, lambda slot, messages: act(messages))
        return evaluate_sampler(sampler, env="toy/slots", config=CONFIG, **keywords)

    return run


def full(**options: Any) -> Callable[[tuple[Message, ...]], str]:
    """The scripted policy that asks for everything and then answers."""
    return make_expert("toy/slots", "full", **options).act


def test_an_expert_that_asks_for_everything_always_succeeds(play: Callable[..., Evaluation]) -> None:
    result = play(full(), episodes=30)
    assert (result.n, result.failed, result.tasks, result.samples) == (30, 0, 30, 1)
    assert (result.success, result.score) == (1.0, 1.0)
    assert result.ci95 == pytest.approx((0.8865, 1.0), abs=1e-4)
    assert result.questions == result.hidden == result.revealed == 2.0
    assert (result.repeated, result.turns) == (0.0, 3.0)
    assert len({trajectory.task_id for trajectory in result.trajectories}) == 30


def test_where_all_is_told_nothing_is_asked(play: Callable[..., Evaluation]) -> None:
    options = {"reveal": "all"}
    result = play(full(**options), episodes=10, env_options=options)
    assert (result.success, result.questions, result.hidden, result.turns) == (1.0, 0.0, 0.0, 1.0)


def test_repeated_questions_are_counted_apart(play: Callable[..., Evaluation]) -> None:
    result = play(lambda messages: "[action] which color ?", episodes=5)
    assert result.success == 0.0
    assert result.questions == result.turns
    assert result.repeated is not None
    assert result.repeated > 0
    assert result.revealed is not None
    assert result.revealed <= 1.0


def test_more_tasks_than_a_batch_and_several_samples(play: Callable[..., Evaluation]) -> None:
    seen: list[tuple[int, int]] = []
    result = play(full(), episodes=BATCH, samples=2, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(BATCH, 2 * BATCH), (2 * BATCH, 2 * BATCH)]
    assert result.n == 2 * BATCH
    assert all(len(group.trajectories) == 2 for group in result.groups)
    assert result.ci95 is not None
    assert result.ci95[0] < 1.0  # equal outcomes are no certainty


def test_a_task_is_played_alike_however_many_others_there_are(play: Callable[..., Evaluation]) -> None:
    few, many = play(full(), episodes=3), play(full(), episodes=9)
    assert few.trajectories == many.trajectories[:3]
    assert play(full(), episodes=3, seed=1).trajectories != few.trajectories


def broken(group: Group) -> Group:
    failure = Failure(kind="timeout", where="step", detail="")
    parts = tuple(replace(t, outcome=None, failure=failure, stop_reason=StopReason.FAILED) for t in group.trajectories)
    return replace(group, trajectories=parts)


@pytest.mark.parametrize("samples", [1, 2])
def test_broken_episodes_enter_no_mean(play: Callable[..., Evaluation], samples: int) -> None:
    groups = play(full(), episodes=6, samples=samples).groups
    whole = summarise(groups[2:], env="toy/slots", split="test", samples=samples, seed=0)
    mixed = summarise(
        [broken(groups[0]), broken(groups[1]), *groups[2:]], env="toy/slots", split="test", samples=samples, seed=0
    )
    assert (mixed.n, mixed.failed, mixed.tasks) == (4 * samples, 2 * samples, 6)
    assert replace(mixed, failed=0, tasks=4, groups=(), numbers=whole.numbers) == replace(whole, groups=())
    for name in ("success", "score", "pass_at_k", "behaviour", "stops"):
        assert getattr(mixed.numbers, name) == getattr(whole.numbers, name)
    assert mixed.numbers.failures == [{"kind": "timeout", "where": "step", "episodes": 2 * samples}]
    assert mixed.numbers.pass_hat_k["evaluator"][1] == whole.numbers.pass_hat_k["evaluator"][1]
    assert mixed.numbers.pass_hat_k["leaderboard"][1].value == pytest.approx(4 / 6)


def test_where_all_broke_nothing_is_claimed(play: Callable[..., Evaluation]) -> None:
    groups = [broken(group) for group in play(full(), episodes=3).groups]
    result = summarise(groups, env="toy/slots", split="test", samples=1, seed=0)
    assert (result.n, result.failed) == (0, 3)
    missing = (result.success, result.score, result.ci95, result.questions, result.turns, result.hidden)
    assert missing == (None,) * 6


def test_the_kinds_of_failure_are_named_and_stops_where_nothing_is_left(play: Callable[..., Evaluation]) -> None:
    whole = play(full(), episodes=4).groups
    failures = [Failure(kind=kind, where="step", detail="no\n" * 300) for kind in ("A", "B", "B")]
    groups = [
        replace(group, trajectories=tuple(replace(t, outcome=None, failure=failure) for t in group.trajectories))
        for group, failure in zip(whole, failures, strict=False)
    ]
    said = most_frequent_failure([*groups, whole[3]])
    assert said is not None
    assert said.startswith("2 by B (step), 1 by A: no no ")
    assert len(said) == len("2 by B (step), 1 by A: ") + LONGEST
    assert most_frequent_failure(whole) is None
    stop_where_all_failed([*groups, whole[3]], "evaluation")
    stop_where_all_failed([], "evaluation")
    with pytest.raises(InfopoError, match="evaluation: all 3 episodes broke off, 2 by B"):
        stop_where_all_failed(groups, "evaluation")


def test_a_model_is_evaluated_the_same_way_twice(policy: Any) -> None:
    config = RolloutConfig(max_new_tokens=8)
    first, again = (evaluate(policy, env="toy/slots", episodes=4, config=config, temperature=0.7) for _ in range(2))
    assert first == again
    assert policy.temperature == 1.0
    other = evaluate(policy, env="toy/slots", episodes=4, config=config, temperature=0.7, seed=1)
    assert other.trajectories != first.trajectories


def test_temperature_zero_takes_the_likeliest_token(policy: Any) -> None:
    config = RolloutConfig(max_new_tokens=8)
    first, second = (
        evaluate(policy, env="toy/slots", episodes=3, config=config, temperature=0, seed=seed) for seed in (0, 1)
    )
    assert [t.token_ids for t in first.trajectories] == [t.token_ids for t in second.trajectories]


def test_gains_are_averaged_by_turn_and_recorded(play: Callable[..., Evaluation], policy: Any, tmp_path: Path) -> None:
    groups = play(full(), episodes=3).groups
    groups = (broken(groups[0]), *groups[1:])
    trajectories = [trajectory for group in groups for trajectory in group.trajectories]
    gains = turn_gains(policy, trajectories)
    expected = [[gain and gain.value for gain in row] for row in information_gain(policy, trajectories[1:])]
    assert gains == [[None] * 3, *(pytest.approx(row) for row in expected)]
    result = summarise(groups, env="toy/slots", split="test", samples=1, seed=0, gains=gains)
    by_turn = result.summary()["behaviour"]["gain_by_turn"]
    assert [(row["turn"], row["n"]) for row in by_turn] == [(1, 2), (2, 2)]  # no answer follows the last action
    assert by_turn[0]["mean"] == pytest.approx((expected[0][0] + expected[1][0]) / 2)
    path = record_evaluation(tmp_path / "run", result, {})
    written = [[turn["gain"] for turn in row["turns"]] for row in read_records(path / "trajectories.jsonl")]
    assert written == gains


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"episodes": 0}, "between 1 and"),
        ({"episodes": 10**6}, "between 1 and"),
        ({"episodes": 3, "samples": 0}, "samples"),
        ({"episodes": 3, "temperature": -1.0}, "temperature"),
        ({"episodes": 3, "env_options": {"slts": 1}}, "did you mean 'slots'"),
    ],
)
def test_bad_arguments_are_named(policy: Any, keywords: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        evaluate(policy, env="toy/slots", **keywords)


def test_a_recorded_evaluation_reads_back(play: Callable[..., Evaluation], tmp_path: Path) -> None:
    result = play(full(), episodes=4)
    path = record_evaluation(tmp_path / "e", result, {"env": "toy/slots", "env_options": {}})
    assert [trajectory_from_record(row) for row in read_records(path / "trajectories.jsonl")] == list(
        result.trajectories
    )
    assert json.loads((path / "summary.json").read_text()) == result.summary()
    assert yaml.safe_load((path / "config.yaml").read_text())["env"] == "toy/slots"
    with pytest.raises(UserError, match="not empty"):
        record_evaluation(path, result, {})


def test_the_members_of_a_mixture_do_as_they_would_alone(policy: Any) -> None:
    def act(slot: int, messages: tuple[Message, ...]) -> str:
        asking = any(message.content.startswith("find f") for message in messages)
        return "[search] test" if asking else make_expert("toy/slots", "weak", seed=0, difficulty="nano").act(messages)

    sampler = ScriptedSampler(policy.renderer, act)
    options = {"difficulty": "nano", "usergym/function.max_turns": 3, "toy/slots.slots": 3}
    mixed = evaluate_sampler(
        sampler, env="toy/slots:3,usergym/function:2", env_options=options, config=CONFIG, episodes=10, samples=2
    )
    summary = mixed.summary()
    assert list(summary["environments"]) == ["toy/slots", "usergym/function"]
    assert (summary["n"], summary["tasks"]) == (20, 10)
    own = {"toy/slots": (6, {"slots": 3}), "usergym/function": (4, {"max_turns": 3})}
    for env_id, (tasks, more) in own.items():
        alone = evaluate_sampler(
            sampler, env=env_id, env_options={"difficulty": "nano"} | more, config=CONFIG, episodes=tasks, samples=2
        )
        assert summary["environments"][env_id] == alone.summary()
        assert "environments" not in alone.summary()
    parts = summary["environments"].values()
    assert summary["score"] == pytest.approx(sum(part["n"] * part["score"] for part in parts) / 20)
    assert len({group.group_id for group in mixed.groups}) == 10
    assert all(len({one.env for one in group.trajectories}) == 1 for group in mixed.groups)


def test_a_mixture_has_as_many_episodes_as_its_members_have_in_turn(policy: Any) -> None:
    sampler = ScriptedSampler(policy.renderer, lambda slot, messages: "[finish]")
    with pytest.raises(UserError, match="episodes must lie between 1 and"):
        evaluate_sampler(sampler, env="toy/slots,usergym/function", env_options={"difficulty": "nano"}, episodes=10**7)
