"""Gymnasium, both ways, by Gymnasium's own checks and by ours."""

import sys
import types
import warnings
from collections.abc import Iterator
from typing import Any

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check

from infopo.core import UserError
from infopo.envs import EnvSpec, list_envs, make_env, make_expert
from infopo.envs.check import check_env
from infopo.integrations.gymnasium import InfopoEnv, register, text_spec

NANO: dict[str, Any] = {"difficulty": "nano"}
OURS = [env_id for env_id in list_envs() if not env_id.startswith("tau2/")]  # that one needs a package of its own
FOUR: dict[str, Any] = {"difficulty": "nano", "slots": 4, "values": 6}


@pytest.mark.parametrize("env_id", [*OURS, "toy/slots:2,usergym/turtle:1"])
def test_gymnasium_finds_nothing_to_say(env_id: str) -> None:
    env = gymnasium.make(register(env_id, **NANO), disable_env_checker=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ResourceWarning)  # the checker closes only some of what it makes
        gymnasium_check(env.unwrapped)
    env.close()


def test_a_dialogue_is_that_of_the_environment() -> None:
    env = InfopoEnv("toy/slots", split="test", render_mode="ansi", **NANO)
    observation, info = env.reset(seed=3, options={"task": 5})
    assert info["task_id"] == make_env("toy/slots", task=5, split="test", **NANO).task_id
    assert info["messages"] == [{"role": "user", "content": observation}]
    observation, reward, done, truncated, info = env.step("[action] which color ?")
    assert (reward, done, truncated, info["action_kind"]) == (0.0, False, False, "ask")
    shown = env.render()
    assert shown is not None
    assert shown.splitlines()[-1] == f"user: {observation}"
    env.close()
    env.close()


def test_the_score_comes_at_the_end_where_steps_are_not_paid() -> None:
    for reward in ("outcome", "upstream"):
        env = InfopoEnv("usergym/function", reward=reward, **NANO)
        env.reset(seed=0, options={"task": 0})
        answer = make_env("usergym/function", task=0, **NANO).reference_answer()
        *_, paid, done, _, info = env.step(f"[answer] {answer}")
        assert (paid, done, info["score"], info["success"]) == (1.0, True, 1.0, True)
        env.close()


def test_a_step_before_a_reset_is_refused() -> None:
    with pytest.raises(gymnasium.error.ResetNeeded):
        InfopoEnv("toy/slots").step("[finish]")


@pytest.fixture
def round_trip() -> Iterator[str]:
    """`toy/slots`, handed out to Gymnasium and taken in again, under an id."""
    spec = text_spec(
        "own/slots",
        lambda split: InfopoEnv("toy/slots", split=split, **FOUR),
        train=50,
        test=50,
        max_turns=10,
        expert=lambda kind, seed, options: make_expert("toy/slots", kind, seed=seed, **FOUR),
    )
    module = types.ModuleType("slots_through_gymnasium")
    module.SPEC = spec  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    yield f"{module.__name__}:SPEC"
    del sys.modules[module.__name__]


def test_there_and_back_it_keeps_to_our_protocol(round_trip: str) -> None:
    assert [finding.name for finding in check_env(round_trip) if finding.problems is None] == ["leaks"]


def test_a_task_is_a_seed_and_no_seed_is_in_both_splits(round_trip: str) -> None:
    ids = [make_env(round_trip, task=task, split=split).task_id for split in ("train", "test") for task in range(50)]  # type: ignore[arg-type]
    assert len(set(ids)) == 100
    with pytest.raises(UserError, match="has tasks 0 to 49"):
        make_env(round_trip, task=50)


def test_an_environment_without_words_is_refused() -> None:
    with pytest.raises(UserError, match="observations must be text"):
        text_spec("own/cart", lambda split: gymnasium.make("CartPole-v1"), train=1, test=1)  # type: ignore[arg-type,return-value]


def test_without_an_expert_there_is_no_warm_start() -> None:
    spec: EnvSpec = text_spec("own/slots", lambda split: InfopoEnv("toy/slots"), train=1, test=1)
    with pytest.raises(UserError, match="brings no expert"):
        spec.expert("weak", 0, spec.options())
    with pytest.raises(UserError, match="has no user"):
        spec.build(0, "train", 0, "human", spec.options())
