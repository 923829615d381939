"""`infopo eval`: how a policy does on test tasks."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from infopo.cli.arguments import parse, take_options
from infopo.cli.evaluations import refuse_unwritable
from infopo.cli.policy import check_playable, load, with_nano_difficulty
from infopo.cli.progress import say
from infopo.core import UserError
from infopo.core.typed_data import to_data
from infopo.rollout.config import RolloutConfig
from infopo.rollout.failures import most_frequent_failure, stop_where_all_failed

USUAL_EPISODES = 200


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvalFlags:
    """Evaluate a policy on test tasks: success with a 95 % interval, and behaviour.

    Options of the environment: `--env-options.NAME VALUE` (`infopo envs ID` lists them).
    """

    model: str = "nano"  # nano, a transformers folder (a checkpoint is one), or a hub name
    env: str = "usergym/travel"
    env_options: dict[str, Any] = dataclasses.field(default_factory=dict)
    user: str | None = None  # who answers; by default scripted
    episodes: int | None = None  # tasks, counted from the first of the split; by default 200, or all there are
    samples: int = 1  # episodes a task
    split: Literal["train", "test"] = "test"
    seed: int = 0
    dtype: Literal["float32", "bfloat16"] = "float32"
    rollout: RolloutConfig = dataclasses.field(default_factory=RolloutConfig)  # temperature 0: the likeliest token
    out: str | None = None  # folder for config.yaml, trajectories.jsonl and summary.json


def run(arguments: Sequence[str]) -> int:
    """Evaluate, print the figures, record them where `--out` says."""
    flags = _read_flags(arguments)
    if flags.out is not None:
        refuse_unwritable(Path(flags.out))
        if Path(flags.out).is_dir() and any(Path(flags.out).iterdir()):
            raise UserError(f"{flags.out} is not empty: give another --out")
    loaded = load(
        flags.model,
        flags.env,
        flags.env_options,
        temperature=flags.rollout.temperature,
        dtype=flags.dtype,
        say=say,
    )
    from infopo.evaluation import evaluate, record_evaluation

    result = evaluate(
        loaded.policy,
        env=flags.env,
        env_options=flags.env_options,
        episodes=flags.episodes or USUAL_EPISODES,
        samples=flags.samples,
        split=flags.split,
        seed=flags.seed,
        user=flags.user,
        config=flags.rollout,
        temperature=flags.rollout.temperature,
        on_progress=lambda done, total: say(f"played {done} of {total} episodes"),
    )
    for line in figures(result.summary(), failure=most_frequent_failure(result.groups)):
        print(line)
    if flags.out is not None:
        record_evaluation(flags.out, result, to_data(flags))
        print(f"recorded in {flags.out}")
    stop_where_all_failed(result.groups, "evaluation")
    return 0


def figures(summary: dict[str, Any], *, failure: str | None = None) -> list[str]:
    """The lines that `infopo eval` prints; of a mixture, one more for each member. `failure`: why episodes broke."""
    from infopo.evaluation.floors import floor_lines
    from infopo.report import format_rate

    lines = [f"success    {format_rate(summary)}  (95 % interval, {summary['n']} episodes)"]
    for name, label in (("score", "score"), ("questions", "questions"), ("hidden", "hidden"), ("turns", "turns")):
        if summary[name] is not None:
            lines.append(f"{label:10s} {summary[name]:.2f}")
    lines += floor_lines(summary.get("floors", {}))
    if summary["failed"]:
        reason = f"; {failure}" if failure else ""
        lines.append(f"broke off  {summary['failed']} episodes, not counted above{reason}")
    for env_id, part in summary.get("environments", {}).items():
        score = "-" if part["score"] is None else f"{part['score']:.2f}"
        lines.append(f"{env_id:18s} {format_rate(part)}  score {score}  ({part['n']} episodes)")
    return lines


def _read_flags(arguments: Sequence[str]) -> EvalFlags:
    rest, options = take_options(arguments, ("env_options",))
    flags = parse(EvalFlags, rest, command="eval", free=("--env-options.NAME",))
    env_options = with_nano_difficulty(flags.model, flags.env, options.get("env_options", {}))
    count = check_playable(flags.env, env_options, split=flags.split, user=flags.user)
    episodes = min(USUAL_EPISODES, count) if flags.episodes is None else flags.episodes
    if not 1 <= episodes <= count:
        raise UserError(f"--episodes must lie between 1 and {count}, the tasks of {flags.env} in split {flags.split}")
    if flags.samples < 1:
        raise UserError(f"--samples must be at least 1, got {flags.samples}")
    if flags.rollout.temperature < 0:
        raise UserError(f"--rollout.temperature must not be negative, got {flags.rollout.temperature}")
    return dataclasses.replace(flags, env_options=env_options, episodes=episodes)
