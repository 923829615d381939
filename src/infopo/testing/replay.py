"""Replay recorded traces of the published user gyms: `python -m infopo.testing.replay FILE.jsonl`.

A line holds an environment's id, an upstream task record, settings by their published names, the raw replies of the
language model in order (null: a failed call), and the steps: an action, and the reward, the flags, the number of
model calls and parts of the feedback that it must bring; or, with `raises`, that the episode is over.
Exit code 0: every line agrees; 1: some do not, each named with its step, or are not of this form; 2: no such file.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infopo.core import Message, UserError
from infopo.envs import Env, get_spec
from infopo.users import ChatError, RecordedChat

TOLERANCE = 1e-9
FIELDS: dict[str, type] = {"env": str, "task": dict, "options": dict, "llm_replies": list, "steps": list}
STEP_FIELDS: dict[str, type] = {
    "reward": float,
    "terminated": bool,
    "truncated": bool,
    "feedback_contains": list,
    "llm_calls": int,
}


def check_trace(trace: dict[str, Any]) -> list[str]:
    """The mismatches of one line, each beginning with its step; `UserError` where the line is not of the form."""
    _check_fields(trace, FIELDS, "the line")
    build = get_spec(trace["env"]).from_upstream
    if build is None or trace.get("mode") != "upstream":
        raise UserError(f"{trace['env']} has no mode {trace.get('mode')!r} that recorded traces could be replayed in")
    for number, step in enumerate(trace["steps"], start=1):
        _check_fields(step, {"action": str} if "raises" in step else {"action": str, **STEP_FIELDS}, f"step {number}")
    chat = RecordedChat(trace["llm_replies"])
    env = build(trace["task"], trace["options"], chat)
    return asyncio.run(_play(env, trace["steps"], chat))


async def _play(env: Env, steps: Sequence[dict[str, Any]], chat: RecordedChat) -> list[str]:
    await env.start()
    wrong: list[str] = []
    for number, wanted in enumerate(steps, start=1):
        wrong += [f"step {number}: {difference}" for difference in await _differences(env, wanted, chat)]
    if chat.remaining:
        wrong.append(f"step {len(steps)}: {chat.remaining} replies of the model were never asked for")
    await env.close()
    return wrong


async def _differences(env: Env, wanted: dict[str, Any], chat: RecordedChat) -> list[str]:
    before = chat.remaining
    try:
        step = await env.step(Message(role="assistant", content=wanted["action"]))
    except RuntimeError as error:
        return [] if wanted.get("raises") else [f"the environment raised: {error}"]
    except ChatError as error:
        return [f"the environment failed: {error}"]
    if wanted.get("raises"):
        return ["the episode is over, yet the environment took another step"]
    differences = []
    if step.reward is None or not abs(step.reward - wanted["reward"]) <= TOLERANCE:
        differences.append(f"reward {wanted['reward']!r} wanted, got {step.reward!r}")
    for name, flag in (("terminated", step.done), ("truncated", step.truncated)):
        if flag != wanted[name]:
            differences.append(f"{name} {wanted[name]} wanted, got {flag}")
    if before - chat.remaining != wanted["llm_calls"]:
        differences.append(f"{wanted['llm_calls']} model calls wanted, got {before - chat.remaining}")
    feedback = "\n".join(message.content for message in step.messages)
    for part in wanted["feedback_contains"]:
        if part.casefold() not in feedback.casefold():
            differences.append(f"feedback with {part!r} wanted, got {feedback!r:.200}")
    return differences


def _check_fields(record: Any, fields: dict[str, type], where: str) -> None:
    if not isinstance(record, dict):
        raise UserError(f"{where} is no JSON object")
    for name, kind in fields.items():
        value = record.get(name)
        fits = isinstance(value, int | float) if kind is float else isinstance(value, kind)
        if not fits or (isinstance(value, bool) and kind is not bool):
            raise UserError(f"{where}: field {name!r} must be of type {kind.__name__}, got {value!r:.60}")


def replay(path: Path) -> tuple[Counter[str], list[str]]:
    """How many lines of each environment agree, and what is wrong with the others: `FILE:LINE: step N: what`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
    agreed: Counter[str] = Counter()
    wrong: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            trace = json.loads(line)
            differences = check_trace(trace)
        except json.JSONDecodeError as error:
            differences = [f"not JSON ({error.msg})"]
        except UserError as error:
            differences = [str(error)]
        else:
            agreed[trace["env"]] += not differences
        wrong += [f"{path}:{number}: {difference}" for difference in differences]
    return agreed, wrong


def main(arguments: Sequence[str]) -> int:
    """Replay one file; see the module."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python -m infopo.testing.replay FILE.jsonl", file=sys.stderr)
        return 2
    try:
        agreed, wrong = replay(Path(arguments[0]))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for difference in wrong:
        print(difference)
    for env_id, count in sorted(agreed.items()):
        print(f"{env_id}: {count} traces agree")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
