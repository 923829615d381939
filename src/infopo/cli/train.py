"""`infopo train`: from a recipe, flags or a run to resume, to a finished run folder."""

import dataclasses
import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import tyro

from infopo.cli.arguments import parse, take_options
from infopo.cli.evaluations import (
    evaluate_before,
    evaluate_run,
    recorded,
    refuse_unwritable,
    resumable,
    run_summary,
    wanted,
)
from infopo.cli.policy import Loaded, check_playable, load, with_nano_difficulty
from infopo.cli.progress import TrainProgress, say
from infopo.cli.trackers import check_trackers, open_trackers
from infopo.core import UserError
from infopo.core.typed_data import to_data
from infopo.envs.mixtures import folder_name
from infopo.report.summary import format_rate
from infopo.training.config import TrainConfig
from infopo.training.config_io import config_from_dict, read_yaml
from infopo.training.presets import settled

FREE = ("env_options", "algo_options")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainFlags:
    """Train a policy: `infopo train [RECIPE.yaml] [OPTIONS]`, or go on: `infopo train --resume RUN [--steps N]`.

    A recipe is a YAML file with the names below; flags win over it. Options of the environment and of the method:
    `--env-options.NAME VALUE`, `--algo-options.NAME VALUE` (`infopo envs ID`, `infopo algos` list them).
    """

    config: Annotated[TrainConfig, tyro.conf.arg(name="")]
    out: str | None = None  # the run folder; by default runs/ENV-ALGO-SEED
    evaluate: int = 0  # test tasks to play before and after training, for summary.json
    resume: str | None = None  # a run folder to go on with, with its own settings


def run(arguments: Sequence[str]) -> int:
    """Train; returns the exit code: 0 done, 128 + signal where a signal stopped it after a saved step."""
    arguments = list(arguments)
    recipe = arguments.pop(0) if arguments and not arguments[0].startswith("-") else None
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError("`infopo train` is one process; for several, call infopo.training.loop.Trainer in a script")
    flags = _read_flags(recipe, arguments)
    if flags.resume is not None:
        return _resume(flags.resume, flags.config.steps, recipe, arguments)
    config = resolve(flags.config)
    out = Path(flags.out or f"runs/{folder_name(config.env)}-{config.algo}-{config.seed}")
    refuse_taken(out)
    if flags.evaluate:
        count = check_playable(config.env, config.env_options, split="test", user=config.user)
        if not 0 <= flags.evaluate <= count:
            raise UserError(f"--evaluate must lie between 0 and {count}, the test tasks of {config.env}")
    loaded = load_for(config)
    config = dataclasses.replace(config, learning_rate=config.learning_rate or loaded.learning_rate)
    from infopo.training.run_folder import RunFolder

    with RunFolder.create(out, config) as folder:
        if flags.evaluate:
            evaluate_before(config, loaded.policy, out, flags.evaluate)
        return train(config, loaded, folder) or _finish(config, loaded, folder)


def resolve(config: TrainConfig) -> TrainConfig:
    """Check every name before anything is loaded, and fill in what follows from the model."""
    options = with_nano_difficulty(config.model, config.env, config.env_options)
    config = dataclasses.replace(config, env_options=options)
    check_playable(config.env, config.env_options, split="train", user=config.user)
    config = settled(config)
    check_trackers(config.trackers)
    return config


def refuse_taken(out: Path) -> None:
    """`UserError` where `out` cannot be written or already holds something: said before minutes of loading."""
    refuse_unwritable(out)
    if out.is_dir() and any(not entry.name.startswith(".") for entry in out.iterdir()):
        raise UserError(f"{out} is not empty: go on with it by --resume {out}, or give another --out")


def load_for(config: TrainConfig) -> Loaded:
    """The policy that a configuration names."""
    return load(
        config.model,
        config.env,
        config.env_options,
        temperature=config.rollout.temperature,
        dtype=config.dtype,
        lora=config.lora,
        seed=config.seed,
        say=say,
    )


def train(config: TrainConfig, loaded: Loaded, folder: Any) -> int:
    """Run the loop from where `folder` is up to `config.steps`, with progress, trackers and a way to stop."""
    from infopo.training.loop import Trainer

    reference = None
    if config.loss.kl_coefficient and (loaded.adapted or not config.lora.rank):
        reference = load_for(config).policy.model
    with ExitStack() as stack:
        trainer = Trainer(
            config,
            loaded.policy,
            folder,
            tokenizer=loaded.tokenizer,
            learning_rate=config.learning_rate or loaded.learning_rate,
            reference=reference,
        )
        done = trainer.resume()
        trackers = open_trackers(
            config.trackers, run=folder.name, folder=folder.path, step=done, config=to_data(config)
        )
        for tracker in trackers:
            stack.callback(tracker.close)
        for part in sorted(trainer.method.defining) if config.preset == "matched" else ():
            say(f"{config.algo} is its {part}: it keeps that under preset matched, and is to be compared so")
        if "gain" in trainer.method.needs and trainer.config.filter in ("std", "dynamic"):
            say(f"filter {trainer.config.filter} leaves out groups of equal outcomes, where the gain counts most")
        progress = stack.enter_context(TrainProgress(config.steps, done=done))

        def show(step: int, metrics: Mapping[str, float], timings: Mapping[str, float]) -> None:
            progress.on_step(step, metrics, timings)
            for tracker in trackers:
                tracker.log(step, {**metrics, **timings})

        trainer.on_step = show
        stopped = stack.enter_context(_stop_on_signal(trainer, progress, folder.path))
        if done:
            progress.say(f"resuming after step {done}")
        trainer.run()
    if stopped and trainer.done_steps < config.steps:
        say(f"stopped after step {trainer.done_steps}; resume with: infopo train --resume {folder.path}")
        return 128 + stopped[0]
    say(f"trained {trainer.done_steps} steps; the run is in {folder.path}")
    return 0


def _read_flags(recipe: str | None, arguments: list[str]) -> TrainFlags:
    rest, options = take_options(arguments, FREE)
    data = read_yaml(recipe) if recipe is not None else {}
    base = config_from_dict(data, where=recipe or "config")
    merged = {name: getattr(base, name) | options.get(name, {}) for name in FREE}
    # tyro would make flags of what a mapping holds; those were read above
    default = TrainFlags(config=dataclasses.replace(base, env_options={}, algo_options={}))
    flags = parse(
        TrainFlags,
        rest,
        command="train",
        default=default,
        hidden_prefix="config",
        free=tuple(f"--{name.replace('_', '-')}.NAME" for name in FREE),
    )
    return dataclasses.replace(flags, config=dataclasses.replace(flags.config, **merged))


def _resume(path: str, steps: int, recipe: str | None, arguments: list[str]) -> int:
    from infopo.training.run_folder import RunFolder

    names = {argument.partition("=")[0] for argument in arguments if argument.startswith("--")}
    if recipe is not None or names - {"--resume", "--steps"}:
        extra = recipe or sorted(names - {"--resume", "--steps"})[0]
        raise UserError(f"a resumed run keeps its settings, only --steps may change; leave {extra} out")
    with RunFolder.open(path, steps=steps if "--steps" in names else None) as folder:
        loaded = load_for(resolve(folder.config))
        if tasks := wanted(folder.path):  # nothing is restored yet: this is the initial policy
            evaluate_before(folder.config, loaded.policy, folder.path, tasks)
        return train(folder.config, loaded, folder) or _finish(folder.config, loaded, folder)


def _finish(config: TrainConfig, loaded: Loaded, folder: Any) -> int:
    """Evaluate again where it was done before training, and write `summary.json`; one of these very steps is kept, with
    all that a demo adds to it."""
    summary = folder.path / "summary.json"
    found: dict[str, Any] = json.loads(summary.read_text(encoding="utf-8")) if summary.is_file() else {}
    if found.get("steps") != config.steps:
        before = recorded(folder.path, 0)
        after = None
        if before is not None:
            with resumable(folder.path):
                after = evaluate_run(config, loaded.policy, folder.path, config.steps, before["tasks"]).summary()
        found = {"before": before, "after": after, **run_summary(config, folder.path, config.steps)}
        folder.write_summary(found)
    for name in ("before", "after"):
        if part := found[name]:
            say(f"{name:6s} {format_rate(part)} on {part['tasks']} test tasks")
    return 0


@contextmanager
def _stop_on_signal(trainer: Any, progress: TrainProgress, folder: Path) -> Iterator[list[int]]:
    """The first Ctrl-C (or SIGTERM) lets the step finish and saves; a second one stops at once."""
    stopped: list[int] = []

    def handle(number: int, frame: Any) -> None:
        if stopped:
            raise KeyboardInterrupt
        stopped.append(number)
        trainer.request_stop()
        progress.say("stopping after this step, once it is saved; Ctrl-C again stops at once")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped; resume with: infopo train --resume {folder}") from None
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
