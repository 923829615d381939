"""The benchmark's data beside the checkout, its package where one is named, and a policy that knows the answer key."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infopo.core import Message, ToolCall
from infopo.envs.tau2.client import close_workers
from infopo.envs.tau2.env import Tau2Env

UPSTREAM = Path(__file__).parents[4] / "shared" / "upstream" / "tau2"
NAMES = ("INFOPO_TAU2_ROOT", "INFOPO_TAU2_PYTHON")


@pytest.fixture(scope="session")
def upstream() -> Path:
    """The benchmark's data and the facts that were measured with it."""
    if not UPSTREAM.is_dir():
        pytest.skip("the data of tau2 are not beside the checkout (../shared/upstream/tau2)")
    return UPSTREAM


@pytest.fixture(scope="session")
def data() -> Iterator[Path]:
    """The data folder of the real package; skips where none is named."""
    if not any(os.environ.get(name) for name in NAMES):
        pytest.skip(f"no tau2: set {' or '.join(NAMES)} (docs/tau2.md)")
    named, root = os.environ.get("TAU2_DATA_DIR"), os.environ.get("INFOPO_TAU2_ROOT")
    if not named and not root:
        pytest.skip("no data of tau2: set TAU2_DATA_DIR or INFOPO_TAU2_ROOT (docs/tau2.md)")
    yield Path(named) if named else Path(str(root)) / "data"
    close_workers()


def read_tasks(folder: Path, domain: str) -> dict[str, Any]:
    """The tasks of a domain by their ids, answer keys and all."""
    name = domain.removesuffix("-workflow")
    tasks = json.loads((folder / "tau2" / "domains" / name / "tasks.json").read_text())
    return {task["id"]: task for task in tasks}


def call(name: str, arguments: dict[str, Any], *, content: str = "") -> Message:
    made = ToolCall(id="call00001", name=name, arguments=json.dumps(arguments))
    return Message(role="assistant", content=content, tool_calls=(made,))


def say(text: str) -> Message:
    return Message(role="assistant", content=text)


def gold_actions(task: dict[str, Any]) -> list[Message]:
    """What an agent with the answer key does: its calls in order, asking for the customer's, telling what to tell."""
    criteria = task["evaluation_criteria"]
    messages: list[Message] = []
    asked: list[str] = []
    for action in criteria["actions"] or []:
        if action.get("requestor", "assistant") == "user":
            asked.append(action["name"].replace("_", " "))
            continue
        if asked:
            messages.append(say(f"Please do this on your phone: {', '.join(asked)}."))
            asked = []
        messages.append(call(action["name"], action["arguments"]))
    if asked:
        messages.append(say(f"Please do this on your phone: {', '.join(asked)}."))
    return [*messages, say(f"That is done. {' '.join(criteria.get('communicate_info') or [])}")]


async def play(env: Tau2Env, actions: list[Message]) -> dict[str, Any]:
    """Plays the actions, the last one over and over; the steps, the outcome and the benchmark's own record."""
    opening, steps = await env.start(), []
    try:
        while not steps or not (steps[-1].done or steps[-1].truncated):
            steps.append(await env.step(actions[min(len(steps), len(actions) - 1)]))
        outcome = await env.outcome()
        return {"opening": opening, "steps": steps, "outcome": outcome, **await env.inspect()}
    finally:
        await env.close()


@pytest.fixture(scope="session")
def run() -> Callable[..., Any]:
    """Plays an environment to its end, synchronously."""
    return lambda env, actions: asyncio.run(play(env, actions))
