"""Playing whole dialogues of `colbench/code`, with real sandboxes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from infopo.core import Message, Outcome
from infopo.envs import Opening, Step

Policy = Callable[[tuple[Message, ...]], str] | list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """One played episode. `actions[k]` was answered by `steps[k]`."""

    env: Any
    opening: Opening
    actions: tuple[str, ...]
    steps: tuple[Step, ...]
    outcome: Outcome

    @property
    def replies(self) -> list[str]:
        return [message.content for step in self.steps for message in step.messages]

    @property
    def texts(self) -> list[str]:
        return [*(message.content for message in self.opening.messages), *self.actions, *self.replies]


async def _play(env: Any, policy: Policy) -> Dialogue:
    opening = await env.start()
    messages = list(opening.messages)
    actions: list[str] = []
    steps: list[Step] = []
    while not steps or not (steps[-1].done or steps[-1].truncated):
        if isinstance(policy, list):
            if len(actions) == len(policy):
                break
            actions.append(policy[len(actions)])
        else:
            actions.append(policy(tuple(messages)))
        steps.append(await env.step(Message(role="assistant", content=actions[-1])))
        messages += [Message(role="assistant", content=actions[-1]), *steps[-1].messages]
    outcome = await env.outcome()
    await env.close()
    return Dialogue(env=env, opening=opening, actions=tuple(actions), steps=tuple(steps), outcome=outcome)


@pytest.fixture
def play() -> Callable[[Any, Policy], Dialogue]:
    """`play(env, policy)`: a function of the messages, or a list of actions (stops early where it runs out)."""
    return lambda env, policy: asyncio.run(_play(env, policy))
