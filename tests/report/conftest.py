"""Run folders for reports, written as the project writes them, with texts that mean harm where asked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infopo.core import RecordWriter

HOSTILE = (
    "<script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">"
    "{{ 7 * 7 }}{% raw %}</div></details></ol></style><style>body{display:none}</style>"
    "\x1b[2J\x1b]0;owned\x07\x9b31m\x00\u202e\ud800|`*_[a](javascript:alert(1))"
)


def make_record(step: int, episode: int, **fields: Any) -> dict[str, Any]:
    """One episode of two turns; the first reply has a gain."""
    record = {
        "run": "r",
        "step": step,
        "env": "toy/slots",
        "task_id": f"task-{step}-{episode}",
        "group_id": f"{step}/{episode // 4}",
        "episode": episode,
        "seed": 1,
        "policy_version": 0,
        "messages": [
            {"role": "user", "content": "a flight please"},
            {"role": "assistant", "content": "which seat ?"},
            {"role": "user", "content": f"aisle {step} {episode}"},
            {"role": "assistant", "content": "booked"},
            {"role": "user", "content": "thanks"},
        ],
        "token_ids": [],
        "sampled": [],
        "logprobs": [],
        "turns": [{"action_message": 1, "gain": 0.01 * episode}, {"action_message": 3, "gain": None}],
        "score": float(episode % 2),
        "success": bool(episode % 2),
        "stop_reason": "done",
        "failure": None,
        "private": {"hidden": ["SECRET-FACT"], "reference_answer": "SECRET-ANSWER"},
    }
    return record | fields


def make_metrics(step: int) -> dict[str, Any]:
    return {
        "step": step,
        "run": "r",
        "train/success": min(1.0, step / 100),
        "questions/mean": 1.5,
        "hidden/mean": 2.0,
        "loss/policy": -0.1 * step,
        "info/turn_gain_mean": 0.25,
        "info/turn_gain_at_1": 0.5,
        "group/equal_ratio": 0.0,
        "critic/explained_variance": None,
    }


CONFIG = "env: toy/slots\nalgo: infopo\nmodel: nano\nseed: 0\nsteps: 2\nloss: {clip_low: 0.2}\n"


def write_run(
    folder: Path,
    *,
    records: Any = None,
    steps: int = 0,
    summary: dict[str, Any] | None = None,
    config: str = CONFIG,
) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(config)
    with RecordWriter(folder / "metrics.jsonl") as writer:
        for step in range(1, steps + 1):
            writer.append(make_metrics(step))
    with RecordWriter(folder / "trajectories.jsonl") as writer:
        for record in records or [make_record(step, k) for step in (1, 2) for k in range(4)]:
            writer.append(record)
    if summary is not None:
        (folder / "summary.json").write_text(json.dumps(summary))
    return folder


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """`make_run("a", records=[...], steps=3, summary={...}, config="...")`: a folder as a training run leaves it."""
    return lambda name, **options: write_run(tmp_path / name, **options)


@pytest.fixture
def make_long_run(make_run: Callable[..., Path]) -> Callable[[int], Path]:
    """`make_long_run(10_000)`: so many episodes, a hundred a step."""

    def make(episodes: int) -> Path:
        records = (make_record(1 + k // 100, k % 100) for k in range(episodes))
        return make_run("long", records=records, steps=episodes // 100, summary={"seconds": 1.0})

    return make


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that a model, a user or a file can say, says something bad, and much of it."""
    call = {"id": "1", "type": "function", "function": {"name": HOSTILE, "arguments": HOSTILE}}
    messages = [
        {"role": "system", "content": HOSTILE},
        {"role": "assistant", "content": HOSTILE, "tool_calls": [call]},
        {"role": "tool", "content": "A" * 1_000_000 + HOSTILE},
        {"role": HOSTILE, "content": "word " * 10_000},
        *({"role": "user", "content": "\u202e<" * 2_000} for _ in range(200)),
    ]
    turns = [{"action_message": 1, "gain": -3.0}]
    failure = {"kind": "=cmd|' /C calc'!A0", "where": HOSTILE, "detail": HOSTILE * 100}
    records = [make_record(1, 0, messages=messages, turns=turns, task_id=HOSTILE, env=HOSTILE)]
    records += [make_record(2, k, messages=messages, turns=turns) for k in range(3)]
    records.append(make_record(2, 3, failure=failure, score=None, success=None, stop_reason="failed"))
    part = {"success": 0.5, "ci95": ["low", None], "n": 4, "ci95_method": HOSTILE, "score": 1e999, "odd": {HOSTILE: 1}}
    part |= {"per_task": [HOSTILE], "behaviour": HOSTILE, "pass_at_k": {HOSTILE: {"value": HOSTILE}}}
    config = "env: toy/slots\nalgo: " + json.dumps(HOSTILE) + "\nsteps: 2\nloop: &loop [*loop, *loop]\n"
    summary = {"before": part, "after": part | {"success": 0.6}}
    return write_run(
        tmp_path_factory.mktemp("hostile") / "=1+1", records=records, steps=2, summary=summary, config=config
    )
