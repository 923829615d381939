"""What an evaluation will take, before anything is asked: a few tasks are played by the environment's own expert.

A rule of thumb, not a promise: the policy may talk more or less than the expert does, and four bytes are counted as a
token. The upper bound is firmer: as many turns as are allowed, each reply as long as is allowed.
"""

import asyncio
from dataclasses import dataclass

from infopo.core import Group, InfopoError, Message, Trajectory
from infopo.envs.registry import make_expert
from infopo.evaluation.agents import MEMORY, REFLECT, THINK, AgentName
from infopo.evaluation.play import Suite
from infopo.rollout import RolloutConfig, TaskSpec, play_groups
from infopo.rollout.failures import stop_where_all_failed
from infopo.samplers.scripted import ScriptedSampler
from infopo.tokens.plain_bytes import BYTES, byte_renderer

TRIED = 8  # tasks that the expert plays
THOUGHT = 60  # tokens of a thought
WRITING = 180  # tokens around what a chat model that plays the user is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Requests to one model, and the tokens that they read and write."""

    calls: float = 0.0
    prompt: float = 0.0
    reply: float = 0.0

    def money(self, prompt_price: float, reply_price: float) -> float:
        """What they cost at these prices per million tokens."""
        return (self.prompt * prompt_price + self.reply * reply_price) / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """For all episodes together: the policy as the expert plays and at most, a user whose words a chat model writes."""

    episodes: int
    policy: Calls
    most: Calls
    user: Calls


def estimate(suite: Suite, *, samples: int, agent: AgentName, trials: int, config: RolloutConfig) -> Estimate:
    """Estimate one suite. Nothing is asked of any endpoint as long as the scripted user answers.

    Raises `InfopoError` where the expert cannot play, and `UserError` for a suite that cannot be.
    """
    played = _expert_plays(suite)
    episodes, rounds = suite.episodes * samples, trials if agent == "reflexion" else 1
    expected = [_expected(one, agent) for _, one in played]
    most = _mean([_bound(one, _turn_limit(task, config), agent, config) for task, one in played])
    if rounds > 1:  # a note after each trial but the last: the whole conversation is read once more
        note = Calls(calls=1.0, prompt=most.prompt / most.calls * 2 + len(REFLECT) / BYTES, reply=config.max_new_tokens)
        shown = sum(min(MEMORY, trial) for trial in range(rounds))  # notes, in every prompt of a later trial
        notes = Calls(prompt=most.calls * shown * config.max_new_tokens)
        most = _sum([_times(most, rounds), _times(note, rounds - 1), notes])
    return Estimate(
        episodes=episodes,
        policy=_times(_mean(expected), episodes),
        most=_times(most, episodes),
        user=_times(_mean([_user(one) for _, one in played]), episodes),
    )


def _expert_plays(suite: Suite) -> list[tuple[TaskSpec, Trajectory]]:
    """A few tasks from all over the suite, and how the expert played them."""
    tasks = suite.tasks()
    tasks = tasks[:: max(1, len(tasks) // TRIED)][:TRIED]
    experts = [make_expert(task.env_id, "full", seed=task.seed, **task.options) for task in tasks]

    def act(slot: int, messages: tuple[Message, ...]) -> str:
        return experts[slot].act(messages)

    sampler = ScriptedSampler(byte_renderer(), act)
    config = RolloutConfig(max_new_tokens=1 << 20)
    groups: tuple[Group, ...] = asyncio.run(play_groups(sampler, tasks, group_size=1, config=config)).groups
    stop_where_all_failed(groups, "estimate")
    pairs = zip(tasks, groups, strict=True)
    played = [(task, one) for task, group in pairs for one in group.survivors if one.turns]
    if not played:
        raise InfopoError("estimate: the expert of the environment took no turn")
    return played


def _turn_limit(task: TaskSpec, config: RolloutConfig) -> int:
    limit = task.make(0).max_turns
    return min(limit, config.max_turns or limit)


def _expected(trajectory: Trajectory, agent: AgentName) -> Calls:
    """What the policy reads and writes if it does as the expert did."""
    thought = 0 if agent == "plain" else THOUGHT
    extra = 0.0 if agent == "plain" else len(THINK) / BYTES
    calls = Calls()
    for place, turn in enumerate(trajectory.turns):
        prompt = turn.action.start / BYTES + extra + place * thought
        calls = _sum([calls, Calls(calls=1.0, prompt=prompt, reply=len(turn.action) / BYTES + thought)])
    return calls


def _bound(trajectory: Trajectory, turns: int, agent: AgentName, config: RolloutConfig) -> Calls:
    """Every turn that is allowed, each reply as long as is allowed, each answer as long as the expert's longest."""
    opening = trajectory.turns[0].action.start / BYTES + (0.0 if agent == "plain" else len(THINK) / BYTES)
    blocks = [len(turn.observation_block) for turn in trajectory.turns if turn.observation_block is not None]
    answer = max(blocks, default=0) / BYTES
    prompt = sum(opening + turn * (answer + config.max_new_tokens) for turn in range(turns))
    return Calls(calls=float(turns), prompt=prompt, reply=float(turns * config.max_new_tokens))


def _user(trajectory: Trajectory) -> Calls:
    """What a chat model that words the user's replies reads and writes."""
    calls = Calls()
    for turn in trajectory.turns:
        if turn.feedback_kind == "user":
            said = sum(len(span) for span in turn.observation) / BYTES
            more = Calls(calls=1.0, prompt=WRITING + len(turn.action) / BYTES + said, reply=said + 8)
            calls = _sum([calls, more])
    return calls


def _sum(parts: list[Calls]) -> Calls:
    return Calls(
        calls=sum(part.calls for part in parts),
        prompt=sum(part.prompt for part in parts),
        reply=sum(part.reply for part in parts),
    )


def _times(calls: Calls, factor: float) -> Calls:
    return Calls(calls=calls.calls * factor, prompt=calls.prompt * factor, reply=calls.reply * factor)


def _mean(parts: list[Calls]) -> Calls:
    return _times(_sum(parts), 1 / len(parts))
