"""What the nano policy learns from: dialogues of scripted experts, played through the ordinary rollout.

Half are by the weak expert, and every token of its actions is a target: what to do, and how. Half are by the full
expert, and its decisions are left out: the policy learns how to read an answer, not that it pays to ask for one.
"""

import asyncio
import dataclasses
import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infopo.core import InfopoError, Message, Trajectory, derive_random, derive_seed
from infopo.envs import Expert, Member, get_spec, make_expert, members
from infopo.envs.registry import ExpertKind
from infopo.nano.tokenizer import TAGS
from infopo.rollout import RolloutConfig, TaskSpec, play_groups
from infopo.samplers.scripted import ScriptedSampler
from infopo.tokens import Renderer

# Tokens that choose what comes next: ask, search, answer, think, have done with thinking; "I" begins an answer of
# `colbench/code`, whose marker is published.
DECISIONS = (*TAGS, " :", "I")
UNANSWERED = 0.15  # share of questions without an answer: the placeholder must be something the policy has seen
REVEALS = ("none", "some", "some", "all")
BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A finished dialogue, and which of its tokens `[L]` are to be learnt."""

    trajectory: Trajectory
    target: tuple[bool, ...]


def lessons(
    renderer: Renderer, env_id: str, options: dict[str, Any], *, seed: int, decisions: frozenset[int] = frozenset()
) -> Iterator[Lesson]:
    """An endless stream of lessons on training tasks, a pure function of the arguments; of a mixture: in turn.

    Members take turns alike, whatever their weights: a skill that is rare in training is learnt all the same.
    How much the opening reveals varies, and some questions get no answer, where the environment has options for it.
    `decisions` are the ids that are no target in a dialogue of the full expert. Raises `InfopoError` where an
    environment breaks.
    """
    streams = [
        _lessons(renderer, member, seed=seed, decisions=decisions) for member in members(env_id, "train", **options)
    ]
    while True:
        for stream in streams:
            yield next(stream)


def _lessons(renderer: Renderer, member: Member, *, seed: int, decisions: frozenset[int]) -> Iterator[Lesson]:
    env_id, options = member.env_id, member.options
    for batch in itertools.count():
        rng = derive_random(seed, "warm-start", env_id, batch)
        tasks, experts = [], []
        kinds: list[ExpertKind] = ["weak", "full"] * (BATCH // 2)
        for index, kind in enumerate(kinds):
            varied = {"reveal": rng.choice(REVEALS), "unanswered": UNANSWERED}
            mixed = options | known_options(env_id, varied)
            play_seed = derive_seed(seed, "dialogue", batch, index)
            tasks.append(TaskSpec(env_id=env_id, task=rng.randrange(member.tasks), seed=play_seed, options=mixed))
            experts.append(make_expert(env_id, kind, seed=play_seed, **mixed))
        sampler = ScriptedSampler(renderer, functools.partial(_act, experts))
        groups = asyncio.run(play_groups(sampler, tasks, group_size=1, config=RolloutConfig(max_new_tokens=512))).groups
        for kind, group in zip(kinds, groups, strict=True):
            yield _lesson(group.trajectories[0], decisions if kind == "full" else frozenset())


def known_options(env_id: str, options: dict[str, Any]) -> dict[str, Any]:
    """Those of the options that the environment has: one from outside need not have all that ours share."""
    known = {field.name for field in dataclasses.fields(get_spec(env_id).options)}
    return {name: value for name, value in options.items() if name in known}


def _lesson(trajectory: Trajectory, left_out: frozenset[int]) -> Lesson:
    if trajectory.failure is not None:
        raise InfopoError(f"warm start on {trajectory.env}, task {trajectory.task_id}: {trajectory.failure}")
    pairs = zip(trajectory.token_ids, trajectory.sampled, strict=True)
    return Lesson(trajectory=trajectory, target=tuple(sampled and token not in left_out for token, sampled in pairs))


def _act(experts: list[Expert], slot: int, messages: tuple[Message, ...]) -> str:
    return experts[slot].act(messages)
