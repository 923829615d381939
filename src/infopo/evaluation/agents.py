"""Prompting agents over any policy: `plain`, `react` (a thought before every action), `reflexion` (several trials).

An agent changes what the policy reads and which part of its text is the action; how an episode is played stays the
same. ReAct: Yao et al., arXiv 2210.03629. Reflexion: Shinn et al., arXiv 2303.11366; it tries a task again after it was
told that it failed, so its last trial is no single attempt, and is reported apart from the first. Both without the
worked examples that the published prompts show.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from infopo.core import Group, Message, Outcome, Trajectory, after_thought, derive_seed
from infopo.envs import Env, Opening, Step
from infopo.rollout import RolloutConfig, TaskSpec, play_groups
from infopo.samplers.base import Sampler
from infopo.tokens import Renderer
from infopo.tokens.plain_bytes import BYTES, byte_renderer

AgentName = Literal["plain", "react", "reflexion"]
Make = Callable[[TaskSpec, int], Env]

MEMORY = 3  # reflections that are kept, the latest ones
TRANSCRIPT_TOKENS = 3896  # of a failed trial that are shown for reflection, as published
THINK = (
    "Think before every action. Reply with two parts:\n"
    "Thought: what you know, what you still have to find out, and what to do next.\n"
    "Action: exactly one action, in the form described above."
)
THINK_FIRST = "Before every tool call, write your thought in one or two sentences: what you know, and what is missing."
REMEMBER = "You have tried this task before and did not succeed. Your notes for this attempt:"
REFLECT = (
    "Below is your own attempt at a task. You did not succeed. In at most three sentences, say what went wrong and "
    "what you will do differently the next time. Write the note to yourself and nothing else."
)

# `Action:`, and as a model that writes Markdown has it: `**Action:**`, `### Action:`
_PARTS = re.compile(
    r"^[ \t]*[*_#]*[ \t]*(thought|action|observation)[*_]*[ \t]*:[*_]*[ \t]*", re.IGNORECASE | re.MULTILINE
)


def action_of(text: str) -> str:
    """The action in a text of thoughts and actions: the first one. A text without the word `Action:` is all action.

    What follows it, an observation that the policy made up for one, is left out.

    >>> action_of("Thought: I need the color.\\nAction: [action] which color ?\\nObservation: red")
    '[action] which color ?'
    >>> action_of("[answer] red")
    '[answer] red'
    """
    said = after_thought(text)
    marks = list(_PARTS.finditer(said))
    for place, mark in enumerate(marks):
        if mark.group(1).lower() == "action":
            end = marks[place + 1].start() if place + 1 < len(marks) else len(said)
            return said[mark.end() : end].strip()
    return text


class ThinkingEnv:
    """The environment `env` for a policy that thinks aloud; `notes` of earlier trials are shown at the start."""

    def __init__(self, env: Env, notes: Sequence[str] = ()) -> None:
        self.env = env
        self.env_id, self.task_id, self.max_turns = env.env_id, env.task_id, env.max_turns
        self._notes = tuple(notes)

    async def start(self) -> Opening:
        """The opening with the instructions, and the notes, below its first message."""
        opening = await self.env.start()
        parts = [opening.messages[0].content, THINK_FIRST if opening.tools else THINK]
        if self._notes:
            parts.append("\n".join([REMEMBER, *(f"- {note}" for note in self._notes)]))
        first = replace(opening.messages[0], content="\n\n".join(part for part in parts if part))
        return replace(opening, messages=(first, *opening.messages[1:]))

    async def step(self, action: Message) -> Step:
        """The environment sees the action alone; a tool call is one as it is."""
        told = action if action.tool_calls else replace(action, content=action_of(action.content))
        return await self.env.step(told)

    async def outcome(self) -> Outcome:
        """The environment's."""
        return await self.env.outcome()

    async def close(self) -> None:
        """Close the environment."""
        await self.env.close()

    def reference_answer(self) -> str | None:
        """The environment's."""
        return self.env.reference_answer()

    def state_key(self) -> str | None:
        """The environment's."""
        return self.env.state_key()


class ReflectionEnv:
    """One question about a failed trial; what the policy answers is its note for the next one. Nothing is scored."""

    max_turns = 1

    def __init__(self, task: TaskSpec, transcript: str) -> None:
        self.env_id, self.task_id = task.env_id, f"{task.env_id}/reflection"
        self._prompt = f"{REFLECT}\n\n{transcript}"

    async def start(self) -> Opening:
        """The trial as the policy saw it, and the question."""
        return Opening(messages=(Message(role="user", content=self._prompt),))

    async def step(self, action: Message) -> Step:
        """Nobody answers a note."""
        return Step(messages=(), feedback_kind="none", done=True)

    async def outcome(self) -> Outcome:
        """Of no meaning."""
        return Outcome(score=0.0, success=False)

    async def close(self) -> None:
        """Nothing is open."""

    def reference_answer(self) -> str | None:
        """There is none."""
        return None

    def state_key(self) -> str | None:
        """There is none."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """How a batch of tasks is played: `samples` episodes each, or up to `trials` by `reflexion`, one after the other.

    The group of a task then holds its trials in their order. A trial that broke is the task's last one.
    """

    name: AgentName
    sampler: Sampler
    config: RolloutConfig
    samples: int = 1
    trials: int = 1
    policy_version: int = 0

    async def play(self, tasks: Sequence[TaskSpec]) -> list[Group]:
        """One group a task, in their order."""
        if self.name == "reflexion":
            return await _Trials(agent=self, tasks=tasks).play()
        thinks = self.name == "react"
        make = (lambda task, episode: ThinkingEnv(task.make(episode))) if thinks else TaskSpec.make
        playing = play_groups(
            self.sampler,
            tasks,
            group_size=self.samples,
            config=self.config,
            policy_version=self.policy_version,
            make=make,
        )
        return list((await playing).groups)

    def finished(self, group: Group) -> bool:
        """Whether nothing of a task is left to play, and none of it broke."""
        played = group.trajectories
        if any(trajectory.failure is not None for trajectory in played):
            return False
        if self.name != "reflexion":
            return len(played) == self.samples
        return len(played) == self.trials or _succeeded(played[-1])


@dataclass(slots=True, kw_only=True)
class _Trials:
    """The trials of a batch of tasks, trial by trial: all that are still unsolved are played together."""

    agent: Agent
    tasks: Sequence[TaskSpec]
    notes: dict[str, list[str]] = field(default_factory=dict)
    played: dict[str, list[Trajectory]] = field(default_factory=dict)

    async def play(self) -> list[Group]:
        """Play, reflect, play again."""
        unsolved = list(self.tasks)
        for trial in range(self.agent.trials):
            again = [self._again(task, trial) for task in unsolved]
            for group in await self._groups(again, lambda task, _: self._thinking(task)):
                (one,) = group.trajectories
                self.played.setdefault(group.group_id, []).append(replace(one, episode=trial))
            unsolved = [task for task in unsolved if _failed(self.played[task.group_id][-1])]
            if not unsolved or trial + 1 == self.agent.trials:
                break
            await self._reflect(unsolved)
        return [Group(group_id=t.group_id, trajectories=tuple(self.played[t.group_id])) for t in self.tasks]

    def _thinking(self, task: TaskSpec) -> Env:
        return ThinkingEnv(task.make(0), self.notes.get(task.group_id, ())[-MEMORY:])

    def _again(self, task: TaskSpec, trial: int) -> TaskSpec:
        """The same task; a later trial has its own randomness, in the user as in the policy."""
        return replace(task, seed=derive_seed(task.seed, "trial", trial)) if trial else task

    async def _reflect(self, tasks: Sequence[TaskSpec]) -> None:
        """A note on each failed trial; where the model breaks there is none."""
        sampler = self.agent.sampler
        size = BYTES if sampler.renderer is byte_renderer() else 1  # what the renderer counts, of a token
        most = min(TRANSCRIPT_TOKENS * size, sampler.max_length // 2)

        def make(task: TaskSpec, episode: int) -> Env:
            shown = transcript(self.played[task.group_id][-1].messages, sampler.renderer, most=most)
            return ReflectionEnv(task, shown)

        trial = len(self.played[tasks[0].group_id])
        asked = [replace(task, seed=derive_seed(task.seed, "reflection", trial)) for task in tasks]
        for group in await self._groups(asked, make):
            (one,) = group.trajectories
            if one.failure is None:
                note = after_thought(one.messages[-1].content).strip()
                self.notes.setdefault(group.group_id, []).append(note)

    async def _groups(self, tasks: Sequence[TaskSpec], make: Make) -> Sequence[Group]:
        agent = self.agent
        playing = play_groups(
            agent.sampler, tasks, group_size=1, config=agent.config, policy_version=agent.policy_version, make=make
        )
        return (await playing).groups


def transcript(messages: Sequence[Message], renderer: Renderer, *, most: int) -> str:
    """A conversation as text of at most `most` tokens: the first message, and of the others the latest that fit."""
    lines = [f"{message.role}: {_said(message)}" for message in messages]
    shown, room = lines[:1], most - len(renderer.text(lines[0]))
    kept: list[str] = []
    for line in reversed(lines[1:]):
        room -= len(renderer.text("\n" + line))
        if room < 0:
            break
        kept.insert(0, line)
    return "\n".join([*shown, *kept])


def first_trials(groups: Sequence[Group]) -> list[Group]:
    """Of each task the first trial: a single attempt."""
    return [replace(group, trajectories=group.trajectories[:1]) for group in groups]


def last_trials(groups: Sequence[Group]) -> list[Group]:
    """Of each task the last trial: what several attempts, each told that the one before failed, came to."""
    return [replace(group, trajectories=group.trajectories[-1:]) for group in groups]


def _said(message: Message) -> str:
    return "\n".join([message.content, *(f"{call.name}({call.arguments})" for call in message.tool_calls)])


def _succeeded(trajectory: Trajectory) -> bool:
    return trajectory.outcome is not None and trajectory.outcome.success


def _failed(trajectory: Trajectory) -> bool:
    return trajectory.outcome is not None and not trajectory.outcome.success
