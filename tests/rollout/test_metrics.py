"""What is logged of a step's episodes, and what is left out."""

import asyncio
from dataclasses import replace
from typing import Any

from infopo.core import Group
from infopo.rollout import RolloutConfig, play_groups
from infopo.rollout.metrics import rollout_metrics
from infopo.samplers.hf import HFSampler
from infopo.tokens.language_model import LanguageModel

from .conftest import slot_tasks

BEHAVIOUR = {"questions/mean", "questions/repeated", "hidden/mean", "hidden/revealed", "rollout/invalid_actions"}


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
