"""Playing whole dialogues against an environment."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from infopo.core import Message, Outcome
from infopo.envs import Env, Opening, Step

Policy = Callable[[tuple[Message, ...]], str | Message]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """One played episode. `actions[k]` was answered by `steps[k]`."""

    env: Any  # an `Env`, with whatever more its own tests look at
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

    @property
    def transcript(self) -> list[tuple[str, str]]:
        messages = [(message.role, message.content) for message in self.opening.messages]
        for action, step in zip(self.actions, self.steps, strict=True):
            messages += [("assistant", action), *((m.role, m.content) for m in step.messages)]
        return messages


async def _play(env: Env, policy: Policy | list[str]) -> Dialogue:
    opening = await env.start()
    messages = list(opening.messages)
    script = iter(policy) if isinstance(policy, list) else None
    actions, steps = [], []
    while not steps or not (steps[-1].done or steps[-1].truncated):
        if script is not None:
            action = next(script, None)
            if action is None:
                break
        else:
            action = policy(tuple(messages))  # type: ignore[operator]
        message = action if isinstance(action, Message) else Message(role="assistant", content=action)
        step = await env.step(message)
        messages += [message, *step.messages]
        actions.append(message.content)
        steps.append(step)
    outcome = await env.outcome()
    await env.close()
    return Dialogue(env=env, opening=opening, actions=tuple(actions), steps=tuple(steps), outcome=outcome)


@pytest.fixture
def play() -> Callable[[Env, Policy | list[str]], Dialogue]:
    """`play(env, policy)`: a function of the messages, or a list of actions (stops early where it runs out)."""
    return lambda env, policy: asyncio.run(_play(env, policy))
