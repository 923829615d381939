"""`infopo play`: a person is the user, or the agent, of an environment."""

import asyncio
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
import yaml

from infopo.cli.arguments import parse, take_options
from infopo.cli.evaluations import refuse_unwritable
from infopo.cli.gain_report import note
from infopo.cli.policy import check_playable, load, with_nano_difficulty
from infopo.core import (
    Failure,
    Group,
    RecordWriter,
    Trajectory,
    UserError,
    atomic_write_text,
    derive_seed,
    trajectory_to_record,
)
from infopo.core.typed_data import to_data
from infopo.envs.registry import members
from infopo.gain.spec import MIXTURES, GainSpec
from infopo.rollout.config import RolloutConfig
from infopo.rollout.failures import stop_where_all_failed


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlayFlags:
    """Play the user or the agent yourself: `infopo play --model PATH --env ID`. Ctrl-D or Ctrl-C ends; all is kept.

    Options of the environment: `--env-options.NAME VALUE` (`infopo envs ID` lists them).
    """

    model: str = "nano"  # plays the agent and scores the replies; where you are the agent, it scores alone
    env: str = "usergym/travel"
    env_options: dict[str, Any] = dataclasses.field(default_factory=dict)
    role: Annotated[Literal["user", "agent"], tyro.conf.arg(name="as")] = "user"  # whom you play
    user: str | None = None  # who answers where you are the agent; by default scripted
    task: int = 0  # the first task to play
    episodes: int = 1  # tasks, one after the other
    split: Literal["train", "test"] = "test"
    seed: int = 0
    dtype: Literal["float32", "bfloat16"] = "float32"
    rollout: RolloutConfig = dataclasses.field(default_factory=RolloutConfig)  # temperature 0: the likeliest token
    gain: GainSpec = dataclasses.field(default_factory=GainSpec)
    out: str = "runs/play"  # folder for config.yaml, trajectories.jsonl and summary.json


def run(arguments: Sequence[str]) -> int:
    """Play, show, record; returns the exit code."""
    flags = _read_flags(arguments)
    loaded = load(
        flags.model, flags.env, flags.env_options, temperature=flags.rollout.temperature, dtype=flags.dtype, say=note
    )
    from infopo.evaluation.evaluate import prepare_folder
    from infopo.evaluation.summarise import summarise

    out = prepare_folder(flags.out)
    atomic_write_text(out / "config.yaml", yaml.safe_dump(to_data(flags), sort_keys=False, allow_unicode=True))
    groups: list[Group] = []
    problem: BaseException | None = None
    left = False
    with RecordWriter(out / "trajectories.jsonl") as writer:
        for task in range(flags.task, flags.task + flags.episodes):
            live = _live(flags, loaded.policy, task)
            try:
                asyncio.run(live.play())
            except KeyboardInterrupt as error:
                problem = error
            except UserError as error:  # a wrong key, for one: what was played is kept first
                live.episode.fail(Failure(kind=type(error).__name__, where="step", detail=str(error)))
                problem = error
            trajectory, gains = live.freeze()
            writer.append(trajectory_to_record(trajectory, run=out.name, step=0, gains=gains, advantages=None))
            groups.append(Group(group_id=trajectory.group_id, trajectories=(trajectory,)))
            live.terminal.say(_ending(trajectory))
            left = trajectory.failure is not None and trajectory.failure.kind == "HumanLeft"
            if left or problem is not None:
                break
    summary = summarise(groups, env=flags.env, split=flags.split, samples=1, seed=flags.seed).summary()
    atomic_write_text(out / "summary.json", json.dumps(summary, indent=1, allow_nan=False) + "\n")
    note(f"recorded in {out}")
    if problem is not None:
        raise problem
    if not left:
        stop_where_all_failed(groups, "play")
    return 0


def _ending(trajectory: Trajectory) -> str:
    failure, outcome = trajectory.failure, trajectory.outcome
    if outcome is not None:
        return f"The end: {'success' if outcome.success else 'no success'}, score {outcome.score:.2f}."
    return f"\nBroken off: {'' if failure is None else failure.detail}."


def _live(flags: PlayFlags, policy: Any, task: int) -> Any:
    from infopo.evaluation.live import LiveEpisode, PersonSession
    from infopo.rollout.episode import Episode
    from infopo.rollout.play import TaskSpec
    from infopo.samplers.hf import HFSampler
    from infopo.users.human import Terminal

    seed = derive_seed(flags.seed, "play", task)
    acts = flags.role == "agent"
    (member,) = members(flags.env, flags.split, **flags.env_options)
    spec = TaskSpec(
        env_id=member.env_id,
        task=task,
        split=flags.split,
        seed=seed,
        user=flags.user if acts else "human",
        options=member.options,
    )
    terminal = Terminal()
    episode = Episode(
        env=spec.make(0),
        env_id=member.env_id,
        group_id=f"{flags.split}/{task}",
        index=0,
        seed=derive_seed(seed, "episode", 0),
        renderer=policy.renderer,
    )
    terminal.say(
        f"{flags.env}, {flags.split} task {task}: you are the {flags.role}. Ctrl-D ends; what was played is kept."
    )
    return LiveEpisode(
        episode=episode,
        policy=policy,
        session=PersonSession(policy.renderer, terminal)
        if acts
        else HFSampler(policy, greedy=flags.rollout.temperature == 0).open(1),
        config=flags.rollout,
        spec=flags.gain,
        terminal=terminal,
        person_acts=acts,
    )


def _read_flags(arguments: Sequence[str]) -> PlayFlags:
    rest, options = take_options(arguments, ("env_options",))
    flags = parse(PlayFlags, rest, command="play", free=("--env-options.NAME", "--as"))
    env_options = with_nano_difficulty(flags.model, flags.env, options.get("env_options", {}))
    if flags.role == "user" and flags.user is not None:
        raise UserError("--user says who answers where you are the agent; you are the user here: --as agent")
    if flags.role == "agent" and flags.user == "human":
        raise UserError("--as agent --user human: one terminal holds one person; give --user scripted or llm:NAME")
    if len(members(flags.env, flags.split, **env_options)) > 1:
        raise UserError(f"{flags.env} is a mixture; play one of its environments")
    user = flags.user if flags.role == "agent" else "human"
    count = check_playable(flags.env, env_options, split=flags.split, user=user)
    if flags.episodes < 1 or not 0 <= flags.task <= count - flags.episodes:
        raise UserError(f"{flags.env} has tasks 0 to {count - 1} in split {flags.split!r}; mind --task and --episodes")
    if flags.gain.counterfactual in MIXTURES:
        raise UserError(
            f"--gain.counterfactual {flags.gain.counterfactual} needs more than the one episode that is played;"
            " take message, fill or drop, and `infopo train` or `infopo gain-report` for the others"
        )
    refuse_unwritable(Path(flags.out))
    if Path(flags.out).is_dir() and any(Path(flags.out).iterdir()):
        raise UserError(f"{flags.out} is not empty: give another --out")
    return dataclasses.replace(flags, env_options=env_options)
