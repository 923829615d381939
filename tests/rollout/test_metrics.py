"""What is logged of a step's episodes, and what is left out."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from infopo.core import Group, UserError
from infopo.rollout import RolloutConfig, play_groups
from infopo.rollout.metrics import rollout_metrics
from infopo.samplers.hf import HFSampler
from infopo.tokens.language_model import LanguageModel

from .conftest import slot_tasks

BEHAVIOUR = {"questions/mean", "questions/repeated", "hidden/mean", "hidden/revealed", "rollout/invalid_actions"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", -0.5), ("step_seconds", 0.0), ("max_turns", 0), ("alternatives", -1), ("concurrency", 0)],
)
def test_a_limit_that_no_episode_could_keep_is_refused(name: str, value: Any) -> None:
    with pytest.raises(UserError, match=rf"rollout\.{name} is out of range, got {value}"):
        RolloutConfig(**{name: value})


def test_actions_that_nobody_took_have_no_length(slots_policy: LanguageModel, slots_options: dict[str, Any]) -> None:
    played = play_groups(HFSampler(slots_policy), slot_tasks(1, slots_options), group_size=2, config=RolloutConfig())
    group = asyncio.run(played).groups[0]
    idle = Group(group_id="g", trajectories=tuple(replace(one, turns=()) for one in group.trajectories))
    assert {"len/action", "rollout/incomplete_actions"} <= rollout_metrics([group]).keys()
    assert not {"len/action", "rollout/incomplete_actions"} & rollout_metrics([idle]).keys()
    assert rollout_metrics([idle])["turns/mean"] == 0


def test_behaviour_is_left_out_where_the_environment_tells_nothing(
    slots_policy: LanguageModel, slots_options: dict[str, Any]
) -> None:
    tasks = slot_tasks(2, slots_options)
    config = RolloutConfig(max_new_tokens=12)
    groups = asyncio.run(play_groups(HFSampler(slots_policy), tasks, group_size=3, config=config)).groups
    told = rollout_metrics(groups)
    silent = [
        Group(
            group_id=group.group_id,
            trajectories=tuple(
                replace(one, turns=tuple(replace(turn, facts=None) for turn in one.turns)) for one in group.trajectories
            ),
        )
        for group in groups
    ]
    untold = rollout_metrics(silent)
    assert told.keys() - untold.keys() == BEHAVIOUR
    assert all(told[name] == untold[name] for name in untold)
    assert told["hidden/mean"] == slots_options["slots"]
