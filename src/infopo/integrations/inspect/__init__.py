"""Recorded episodes as an evaluation log of inspect-ai, for its viewer and its analysis tools.

Written by the log's schema (version 2), without the library. Nothing under `private` goes along: no hidden fact, no
reference answer. Token ids and log-probabilities stay behind, too: the log speaks messages.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

VERSION = 2  # of the log's schema
SCORER = "outcome"

Data = dict[str, Any]


def to_inspect_log(records: Iterable[Mapping[str, Any]], *, run: str, config: Mapping[str, Any], created: str) -> Data:
    """The log of trajectory records (`core.trajectory_to_record`); `created` is a time in ISO 8601.

    A sample is an episode: its score the environment's, the gain of a reply in the metadata of its message. Broken
    episodes carry an error and no score.
    """
    samples = [_sample(record) for record in records]
    judged = [sample["scores"] for sample in samples if "scores" in sample]
    env = str(config.get("env", "unknown"))
    ids = list(dict.fromkeys(sample["id"] for sample in samples))
    values = {name: [scores[name]["value"] for scores in judged] for name in ("success", "score")}
    return {
        "version": VERSION,
        "status": "success",
        "eval": {
            "eval_id": run,
            "run_id": run,
            "created": created,
            "task": env,
            "task_id": env,
            "task_args": {},
            "dataset": {"name": env, "samples": len(ids), "sample_ids": ids, "shuffled": False},
            "model": str(config.get("model", "unknown")),
            "config": {},
            "metadata": {"source": "infopo", "settings": dict(config)},
        },
        "plan": {"name": "plan", "steps": [{"solver": "infopo", "params": {}}], "config": {}},
        "results": {
            "total_samples": len(samples),
            "completed_samples": len(judged),
            "scores": [_result(name, found) for name, found in values.items() if found],
        },
        "stats": {"started_at": created, "completed_at": created, "model_usage": {}},
        "samples": samples,
    }


def _result(name: str, values: list[float]) -> Data:
    mean = {"name": "mean", "value": sum(values) / len(values), "params": {}}
    return {"name": name, "scorer": SCORER, "scored_samples": len(values), "params": {}, "metrics": {"mean": mean}}


def _sample(record: Mapping[str, Any]) -> Data:
    gains = {turn["action_message"] + 1: turn["gain"] for turn in record["turns"]}
    messages = [_message(message, gains.get(index)) for index, message in enumerate(record["messages"])]
    first = next((turn["action_message"] for turn in record["turns"]), len(messages))
    sample: Data = {
        "id": "/".join(
            [record["group_id"], record["task_id"], *([f"step_{record['step']}"] if record["step"] else [])]
        ),
        "epoch": record["episode"] + 1,
        "input": messages[:first],
        "target": "",
        "messages": messages,
        "output": {"model": "", "choices": [], "completion": ""},
        "metadata": {
            **{name: record[name] for name in ("env", "task_id", "seed", "step", "policy_version", "stop_reason")},
            "turns": [
                {name: turn[name] for name in ("gain", "reward", "feedback_kind", "facts")} for turn in record["turns"]
            ],
        },
    }
    failure = record["failure"]
    if failure is not None:
        told = f"{failure['kind']} in {failure['where']}: {failure['detail']}"
        return sample | {"error": {"message": told, "traceback": told, "traceback_ansi": told}}
    scores = {"success": float(record["success"]), "score": record["score"]}
    return sample | {"scores": {name: {"value": value} for name, value in scores.items()}}


def _message(message: Mapping[str, Any], gain: float | None) -> Data:
    data: Data = {"role": message["role"], "content": message["content"]}
    if message.get("tool_calls"):
        data["tool_calls"] = [_call(call) for call in message["tool_calls"]]
    if message["role"] == "tool":
        data |= {"tool_call_id": message.get("tool_call_id"), "function": message.get("name")}
    if message["role"] == "assistant":
        data["source"] = "generate"
    return data if gain is None else data | {"metadata": {"information_gain": gain}}


def _call(call: Mapping[str, Any]) -> Data:
    """Arguments are an object there; what is none stays as text, with a word about it."""
    function, data = call["function"], {"id": call["id"], "type": "function"}
    try:
        arguments = json.loads(function["arguments"])
    except ValueError:
        arguments = None
    if isinstance(arguments, dict):
        return {**data, "function": function["name"], "arguments": arguments}
    raw = {"raw": function["arguments"]}
    return {**data, "function": function["name"], "arguments": raw, "parse_error": "the arguments are no JSON object"}
