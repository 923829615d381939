"""`infopo demo`: the whole story on a laptop, with the default configuration of `infopo train`."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from infopo.cli.arguments import parse
from infopo.cli.evaluations import evaluate_run, run_summary
from infopo.cli.policy import load
from infopo.cli.progress import PlainConsole, duration, say
from infopo.cli.train import load_for, refuse_taken, resolve, train
from infopo.core import Trajectory, trajectory_to_record
from infopo.training.config import TrainConfig

ENV, TIER = "usergym/travel", "22"
UNSEEN, TOLD = 200, 100  # test tasks of an evaluation, with everything hidden and with everything told


@dataclasses.dataclass(frozen=True, kw_only=True)
class DemoFlags:
    """Warm-start a small model, see what it does on unseen tasks, train it, and look again. No download, no key."""

    seed: int = 0
    algo: str = "infopo"  # or another method, on the same loop
    steps: int = TrainConfig().steps
    out: str | None = None  # the run folder; by default the first free one of runs/demo, runs/demo-2, ...


def run(arguments: Sequence[str]) -> int:
    """Warm start, evaluate, train, evaluate, plot, compare; returns the exit code."""
    flags = parse(DemoFlags, arguments, command="demo")
    out = Path(flags.out) if flags.out is not None else _free_folder()
    refuse_taken(out)
    config = resolve(
        TrainConfig(env=ENV, env_options={"tier": TIER}, algo=flags.algo, seed=flags.seed, steps=flags.steps)
    )
    start = time.monotonic()
    say(f"1/4 warm start of the built-in model for {ENV}, tier {TIER}")
    loaded = load_for(config)
    config = dataclasses.replace(config, learning_rate=loaded.learning_rate)
    from infopo.training.run_folder import RunFolder

    with RunFolder.create(out, config) as folder:
        say(f"2/4 before training, on {UNSEEN} unseen tasks")
        before, told = _evaluate(config, loaded.policy, out, 0)
        say(f"3/4 training with {config.algo}, {config.steps} steps of {config.groups * config.group_size} episodes")
        code = train(config, loaded, folder)
        if code:
            return code
        say(f"4/4 after training, on the same {UNSEEN} unseen tasks")
        after, told_after = _evaluate(config, loaded.policy, out, config.steps)
        results = {"before": before, "after": after, "told": told, "told_after": told_after}
        summary = {name: result.summary() for name, result in results.items()}
        summary |= run_summary(config, out, config.steps) | {"seconds": round(time.monotonic() - start, 1)}
        folder.write_summary(summary)
    _show(config, loaded.policy, out, before.trajectories, after.trajectories, summary)
    return 0


def _evaluate(config: TrainConfig, policy: Any, out: Path, step: int) -> tuple[Any, Any]:
    """With everything hidden, and with everything told at the start."""
    hidden = evaluate_run(config, policy, out, step, UNSEEN)
    told = evaluate_run(config, policy, out, step, TOLD, told=True)
    say(f"    {_behaviour(hidden.summary())} about {_number(hidden.summary(), 'hidden')} hidden facts")
    say(f"    told everything: {_behaviour(told.summary())}")
    return hidden, told


def _show(
    config: TrainConfig,
    policy: Any,
    out: Path,
    before: Sequence[Trajectory],
    after: Sequence[Trajectory],
    summary: Mapping[str, Any],
) -> None:
    from infopo.report import comparison_table, draw_run, render_dialogue

    console = PlainConsole()
    pair = _telling_pair(before, after)
    if pair is not None:
        # training changed the weights in place: the first policy is loaded again
        first = load(config.model, config.env, config.env_options, temperature=config.rollout.temperature).policy
        with open(out / "dialogues.txt", "w", encoding="utf-8") as file:
            for name, speaker, trajectory in (("before", first, pair[0]), ("after", policy, pair[1])):
                gains = _gains(config, speaker, trajectory)
                record = trajectory_to_record(trajectory, run=out.name, step=config.steps, gains=gains, advantages=None)
                shown = render_dialogue(record, title=f"the same unseen task, {name} training")
                console.print(shown)
                Console(file=file, width=100).print(shown)
    console.print(comparison_table(summary, title=f"{config.algo} on {config.env}, {config.steps} steps"))
    say(f"told everything, before training: {_behaviour(summary['told'])}")
    say(f"told everything, after training: {_behaviour(summary['told_after'])}")
    picture = draw_run(out, out / "plot.png")
    say(f"{duration(summary['seconds'])} in all; picture {picture}, dialogues {out / 'dialogues.txt'}, run {out}")


def _gains(config: TrainConfig, policy: Any, trajectory: Trajectory) -> list[float | None]:
    from infopo.gain import information_gain

    gains = information_gain(policy, [trajectory], spec=config.gain, backend="separate")[0]
    return [None if gain is None else gain.value for gain in gains]


def _telling_pair(before: Sequence[Trajectory], after: Sequence[Trajectory]) -> tuple[Trajectory, Trajectory] | None:
    """The first task that failed before and succeeded after; else the first that was played both times."""
    pairs = [(a, b) for a, b in zip(before, after, strict=True) if a.outcome is not None and b.outcome is not None]
    telling = [(a, b) for a, b in pairs if a.outcome and b.outcome and not a.outcome.success and b.outcome.success]
    return next(iter(telling or pairs), None)


def _free_folder() -> Path:
    number = 1
    while (path := Path("runs/demo" if number == 1 else f"runs/demo-{number}")).exists():
        number += 1
    return path


def _behaviour(part: Mapping[str, Any]) -> str:
    right = "-" if part["success"] is None else f"{100 * part['success']:.0f} %"
    return f"{right} right, {_number(part, 'questions')} questions"


def _number(part: Mapping[str, Any], name: str) -> str:
    return "-" if part[name] is None else f"{part[name]:.2f}"
