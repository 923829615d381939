"""What policies that do nothing useful score: to be read beside every result, since they beat published ones.

Both are played like any other policy, against the scripted customer, on the tasks of the result and by the installed
version's own evaluator.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from infopo.core import Message, ToolCall
from infopo.envs.registry import Split
from infopo.envs.tau2.build import build
from infopo.envs.tau2.options import Tau2Options

TURNS = 20  # the customer leaves long before
GOODBYE = Message(role="assistant", content="Goodbye.")
TRANSFER = Message(
    role="assistant",
    content="",
    tool_calls=(
        ToolCall(id="transfer", name="transfer_to_human_agents", arguments='{"summary": "The user needs help."}'),
    ),
)
FLOORS: dict[str, tuple[Message, ...]] = {"do nothing": (), "transfer, then stop": (TRANSFER,)}


def measure(domain: str, tasks: Sequence[int], split: Split, options: Tau2Options) -> Mapping[str, float]:
    """Mean reward of each floor on these tasks. Takes about a second a task, once in a process; not for a running loop.

    >>> sorted(FLOORS)
    ['do nothing', 'transfer, then stop']
    """
    judge = "skip" if options.judge == "official" else options.judge  # no floor is worth a call to a judge
    settled = replace(options, judge=judge, max_turns=TURNS, max_hops=200, on_budget="zero")
    key = (options.place(), domain, split, settled)
    missing = [task for task in dict.fromkeys(tasks) if (*key, task) not in _KNOWN]
    if missing:
        found = asyncio.run(_play_all(domain, missing, split, settled))
        _KNOWN.update({(*key, task): rewards for task, rewards in found.items()})
    played = [_KNOWN[*key, task] for task in tasks]
    return {name: sum(one[place] for one in played) / len(played) for place, name in enumerate(FLOORS)}


_KNOWN: dict[tuple[Any, ...], tuple[float, ...]] = {}


async def _play_all(
    domain: str, tasks: Sequence[int], split: Split, options: Tau2Options
) -> dict[int, tuple[float, ...]]:
    gate = asyncio.Semaphore(os.cpu_count() or 1)

    async def play(task: int, actions: tuple[Message, ...]) -> float:
        async with gate:
            return await _play(domain, task, split, options, actions)

    jobs = [play(task, actions) for task in tasks for actions in FLOORS.values()]
    rewards = await asyncio.gather(*jobs)
    width = len(FLOORS)
    return {task: tuple(rewards[place * width : (place + 1) * width]) for place, task in enumerate(tasks)}


async def _play(domain: str, task: int, split: Split, options: Tau2Options, actions: tuple[Message, ...]) -> float:
    env = build(domain, task, split, 0, None, options)
    try:
        await env.start()
        for turn in range(TURNS):
            step = await env.step(actions[turn] if turn < len(actions) else GOODBYE)
            if step.done or step.truncated:
                break
        return (await env.outcome()).score
    finally:
        await env.close()
