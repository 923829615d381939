"""What training changes besides success: the tables of docs/results/behaviour.md. The same command goes on.

python benchmarks/behaviour.py --out FOLDER [--envs NAME ...] [--print] [--quick]

For each environment: `infopo train` with InfoPO and with GRPO, `infopo eval --gains` of the warm start and of both with
every user, ReAct and Reflexion on the warm start. All are the commands that a person would type; FOLDER keeps their
runs, for `infopo report`. What is finished is not done again. `--print`: only the tables. `--quick`: a smoke test.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from method_cells import mean_of

from infopo.cli.main import main as infopo
from infopo.core import read_records
from infopo.core.checkpoint_folders import checkpoint_path

STEPS = {"usergym/travel": 30, "usergym/intention": 60, "usergym/telepathy": 60}
METHODS = ("infopo", "grpo")
AGENTS = ("react", "reflexion")
EPISODES = 200
PARTS = 3  # of a training run, each a column of its curve
BEHAVIOUR = {
    "questions": "questions",
    "questions_per_hidden": "per hidden fact",
    "repeated_share": "repeated",
    "useless_share": "useless",
    "premature_rate": "acted too early",
    "last_question_turn": "turn of last question",
    "clarify_then_act": "clarify, then act",
    "talk_to_act": "talk to act",
    "tokens_per_turn": "tokens a turn",
}
CURVES = {
    "train/success": "success",
    "turns/mean": "turns",
    "len/action": "tokens a turn",
    "questions/mean": "questions",
    "info/turn_gain_mean": "gain of a turn",
    "info/gain_early_third": "share of gain in the first third of turns",
    "group/equal_ratio": "groups whose outcomes do not vary",
    "info/gate_mean": "gate",
}


def commands(env: str, out: Path, *, quick: bool) -> Iterator[tuple[Path, str]]:
    """Folders and what fills them, in the order in which they need each other."""
    place = out / env.replace("/", "-")
    size = f"--steps {PARTS} --groups 2 --group-size 2" if quick else f"--steps {STEPS[env]}"
    for method in METHODS:
        yield place / method, f"train --env {env} --algo {method} {size}"
    usual = f"eval --env {env} --episodes {4 if quick else EPISODES}"
    for policy in ("warm-start", *METHODS):
        model = "nano" if policy == "warm-start" else place / policy
        yield place / f"eval-{policy}", f"{usual} --model {model} --user all --gains"
    for agent in AGENTS:
        yield place / f"eval-{agent}", f"{usual} --model nano --agent {agent}"


def done(folder: Path, command: str) -> bool:
    """Whether the last thing that the command writes is there."""
    if command.startswith("eval"):
        return (folder / "summary.json").is_file()
    steps = command.partition("--steps ")[2].split()[0]
    return checkpoint_path(folder / "checkpoints", int(steps)).is_dir()


def fill(folder: Path, command: str) -> int:
    """Run a command, or go on with it; its exit code."""
    begun = (folder / "config.yaml").is_file()
    line = f"{command.split()[0]} --resume {folder}" if begun else f"{command} --out {folder}"
    print(f"infopo {line}", file=sys.stderr, flush=True)
    return infopo(line.split())


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def number(value: Any, form: str = ".2f") -> str:
    """A dash for what was not measured."""
    return "-" if value is None else format(value, form)


def rate(part: dict[str, Any]) -> str:
    """Success with its interval."""
    low, high = part["ci95"] or (None, None)
    return f"{number(part['success'], '.3f')} [{number(low)}, {number(high)}]"


def summary(folder: Path) -> dict[str, Any]:
    """What an evaluation came to."""
    data: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return data


def tables(env: str, out: Path) -> str:
    """Everything about one environment."""
    place = out / env.replace("/", "-")
    policies = {policy: summary(place / f"eval-{policy}")["users"] for policy in ("warm-start", *METHODS)}
    own = {policy: users["scripted"] for policy, users in policies.items()}
    parts = [f"## {env}"]
    rows = [
        [policy, rate(one), *(number(one["behaviour"].get(name)) for name in BEHAVIOUR)] for policy, one in own.items()
    ]
    parts.append(table(["policy", "success", *BEHAVIOUR.values()], rows))
    turns = max(len(one["behaviour"]["gain_by_turn"]) for one in own.values())
    shown = min(turns, 8)
    gains = [[policy, *_by_turn(one["behaviour"]["gain_by_turn"], shown)] for policy, one in own.items()]
    parts.append(table(["gain by turn, nats", *map(str, range(1, shown + 1))], gains))
    users = list(next(iter(policies.values())))
    parts.append(table(["user", *policies], [[user, *(rate(policies[p][user]) for p in policies)] for user in users]))
    prompted = [["plain", rate(own["warm-start"]), "-", "-"]]
    for agent in AGENTS:
        found = summary(place / f"eval-{agent}")
        trials = found.get("trials")
        after = "-" if trials is None else f"{rate(trials)}, {number(trials['mean'])} trials a task"
        calls = found["spending"]["policy"]["calls"] / found["tasks"]
        prompted.append([agent, rate(found), after, number(calls, ".1f")])
    parts.append(table(["warm start, prompted", "first attempt", "after up to 3 trials", "calls a task"], prompted))
    curves = [
        row for method in METHODS for row in _curves(method, list(read_records(place / method / "metrics.jsonl")))
    ]
    parts.append(table(["training", "", *(f"part {part + 1} of {PARTS}" for part in range(PARTS))], curves))
    return "\n\n".join(parts)


def _by_turn(turns: Sequence[dict[str, Any]], shown: int) -> list[str]:
    by = {one["turn"]: one for one in turns}
    return [f"{by[turn]['mean']:+.2f} ({by[turn]['n']})" if turn in by else "-" for turn in range(1, shown + 1)]


def _curves(method: str, metrics: Sequence[dict[str, Any]]) -> Iterator[list[str]]:
    size = len(metrics) / PARTS
    parts = [metrics[round(part * size) : round((part + 1) * size)] for part in range(PARTS)]
    for name, label in CURVES.items():
        means = [mean_of(part, name) for part in parts]
        if any(value is not None for value in means):
            yield [method, label, *map(number, means)]


def main() -> int:
    """Run what is missing, then print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--envs", nargs="+", default=list(STEPS), choices=list(STEPS))
    parser.add_argument("--print", action="store_true", dest="show")
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    for env in asked.envs:
        for folder, command in () if asked.show else commands(env, asked.out, quick=asked.quick):
            if not done(folder, command) and (code := fill(folder, command)):
                return code
    whole = [env for env in asked.envs if all(done(*one) for one in commands(env, asked.out, quick=asked.quick))]
    print("\n\n".join(tables(env, asked.out) for env in whole))
    return 0


if __name__ == "__main__":
    sys.exit(main())
