"""The model card of a trained run: what it is, what was measured, what it is not good for, how to load it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infopo.core.checkpoint_folders import latest_checkpoint
from infopo.report.run import Run
from infopo.report.summary import MISSING, ROWS, format_rate

SETTINGS = (
    "env env_options user algo algo_options preset model steps seed groups group_size updates learning_rate dtype lora"
    " gain"
).split()

_LIMITS = """\
- The user in training is simulated{user}. How the model does with people was not measured here.
- It was trained for one kind of task (`{env}`); nothing is claimed of others.
- The numbers are those of one run with one seed. An interval says how far the choice of tasks may have moved a rate,
  not how far another seed may.
- It asks because asking paid in training. It was not taught what it should not ask.
"""


def model_card(run: Run) -> str:
    """A README.md in Markdown with the metadata block that model hubs read. What was not measured is a dash."""
    config, summary = run.config, run.summary
    env, algo = (str(config.get(name, "unknown")) for name in ("env", "algo"))
    base = str(config.get("model", "unknown"))
    newest = latest_checkpoint(run.path / "checkpoints") if (run.path / "checkpoints").is_dir() else None
    adapters = bool((config.get("lora") or {}).get("rank"))
    head = {"library_name": "peft" if adapters else "transformers", "tags": ["infopo", algo, "multi-turn"]}
    if "/" in base and not Path(base).exists():  # a hub name, not a folder of this machine
        head["base_model"] = base
    user = config.get("user")
    parts = [
        f"---\n{yaml.safe_dump(head, sort_keys=False)}---",
        f"# {run.path.resolve().name}: {base} trained with {algo} on {env}",
        "A multi-turn agent, trained by [infopo](https://arxiv.org/abs/2603.00656) to find out what it needs to know,"
        " and then to act.",
        "## Results",
        _results(summary),
        "## Training",
        _table(("setting", "value"), [(name, _value(config[name])) for name in SETTINGS if name in config]),
        "## Limits",
        _LIMITS.format(env=env, user=f" by `{user}`" if user else " by a script").rstrip(),
        "## How to load",
        _loading(base, adapters, "CHECKPOINT" if newest is None else f"checkpoints/{newest.name}"),
    ]
    return "\n\n".join(parts) + "\n"


def _results(summary: Mapping[str, Any]) -> str:
    parts = {name: summary[name] for name in ("before", "after") if summary.get(name)}
    if not parts:
        return "Not measured: the run holds no evaluation before or after training."
    rows = [("success (95 % interval)", *(format_rate(part) for part in parts.values()))]
    for label, name in (*ROWS, ("episodes counted", "n")):
        if any(part.get(name) is not None for part in parts.values()):
            rows.append((label, *(_figure(part.get(name)) for part in parts.values())))
    return "Per episode, on tasks that training did not see.\n\n" + _table(("", *parts), rows)


def _loading(base: str, adapters: bool, checkpoint: str) -> str:
    if adapters:
        lines = [
            *["# the base is built by infopo: infopo.nano.nano_folder(...) says where"] * base.startswith("nano"),
            "from peft import PeftModel",
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            f"base = AutoModelForCausalLM.from_pretrained({base!r})",
            f"model = PeftModel.from_pretrained(base, {checkpoint!r})",
        ]
    else:
        lines = [
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            f"model = AutoModelForCausalLM.from_pretrained({checkpoint!r})",
        ]
    tokens = f"tokenizer = AutoTokenizer.from_pretrained({checkpoint!r})"
    return "\n".join(["```python", *lines, tokens, "```"])


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _figure(value: float | None) -> str:
    if value is None:
        return MISSING
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def _value(value: Any) -> str:
    """A setting on one line."""
    if value is None or value == {}:
        return MISSING
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(part)}" for name, part in value.items())
    return " ".join(str(value).split())
