"""The home of IGPO: what a policy believes of the answer, turn by turn, and two steps of training on it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from infopo.cli.main import main
from infopo.core import Message, read_records
from infopo.envs import make_expert
from infopo.gain.belief import answer_belief
from infopo.rollout import RolloutConfig, TaskSpec, play_groups
from infopo.samplers.load import load_policy
from infopo.samplers.scripted import ScriptedSampler

QA = "search/qa"
NANO: dict[str, Any] = {"difficulty": "nano"}


def test_every_turn_has_a_belief_in_the_answer(model_folder: Path) -> None:
    policy = load_policy(str(model_folder))
    experts = [make_expert(QA, "full", seed=task, **NANO) for task in range(4)]

    def act(slot: int, messages: tuple[Message, ...]) -> str:
        return experts[slot].act(messages)

    tasks = [TaskSpec(env_id=QA, task=task, seed=task, options=NANO) for task in range(4)]
    sampler = ScriptedSampler(policy.renderer, act)
    groups = asyncio.run(play_groups(sampler, tasks, group_size=1, config=RolloutConfig(max_new_tokens=100))).groups
    episodes = [group.trajectories[0] for group in groups]
    assert all(one.reference_answer and one.outcome and one.outcome.success for one in episodes)
    tree, separate = (answer_belief(policy, episodes, backend=backend) for backend in ("tree", "separate"))
    for episode, one, other in zip(episodes, tree, separate, strict=True):
        assert len(one) == len(episode.turns) >= 2
        assert one == pytest.approx(other, abs=1e-4)
        assert len(set(one)) == len(one)  # a search changes what is believed


@pytest.mark.parametrize("algo", ["igpo", "search-r1"])
def test_two_steps_of_training(model_folder: Path, tmp_path: Path, algo: str) -> None:
    arguments = "--env-options.difficulty nano --groups 2 --group-size 2 --steps 2 --evaluate 0"
    arguments += " --rollout.max-new-tokens 8 --rollout.max-turns 3"
    run = tmp_path / "run"
    command = f"train --env {QA} --algo {algo} --model {model_folder} --out {run} {arguments}"
    assert main(command.split()) == 0
    assert len(list(read_records(run / "metrics.jsonl"))) == 2
    trajectories = list(read_records(run / "trajectories.jsonl"))
    assert len(trajectories) == 8
    assert all(one["failure"] is None and one["private"]["reference_answer"] for one in trajectories)
    assert json.loads((run / "summary.json").read_text())["algo"] == algo
