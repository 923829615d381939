"""An InfoPO step over a GRPO step, by the trainer itself, on the same episodes."""

import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from infopo.cli.policy import load, with_nano_difficulty
from infopo.rollout import RolloutConfig
from infopo.testing.tiny import tiny_folder
from infopo.training.config import TrainConfig
from infopo.training.loop import Trainer
from infopo.training.run_folder import RunFolder

from .measure import print_table

# So small that no weight moves: both methods go on playing the very same episodes.
STILL = 1e-30
METHODS = ("infopo", "grpo")
LAPS = ("rollout", "gain", "update", "total")

Laps = list[dict[str, float]]  # one a step


def step_ratio(*, steps: int, quick: bool) -> None:
    """The default `infopo train`; with `quick` eight episodes of a tiny model."""
    laps: dict[str, Laps] = {method: [] for method in METHODS}
    turns: list[float] = []
    # Time on the processor beside that on the clock: what else the machine does is not in it.
    processor: dict[str, list[float]] = {method: [] for method in METHODS}
    with tempfile.TemporaryDirectory() as work, ExitStack() as stack:
        config = _config(Path(work), quick)
        trainers = {method: _trainer(config, Path(work) / method, method, laps[method], stack) for method in METHODS}
        for number in range(steps + 1):
            metrics = {}
            for method in METHODS[:: 1 if number % 2 else -1]:
                start = time.process_time()
                metrics[method] = trainers[method].step()
                processor[method].append(time.process_time() - start)
            played = {found["len/mean"] for found in metrics.values()}
            assert len(played) == 1, f"the two methods played different episodes: {played}"
            turns.append(metrics["grpo"]["turns/mean"])
    # The first step warms up, and checks the back-ends against each other.
    _print(config, laps["infopo"][1:], laps["grpo"][1:], statistics.fmean(turns[1:]))
    ratios = [one / other for one, other in zip(processor["infopo"][1:], processor["grpo"][1:], strict=True)]
    spread = f"least {min(ratios):.3f}, most {max(ratios):.3f}"
    print(f"Of the time on the processor: **{statistics.median(ratios):.3f}** ({spread}).")


def _config(work: Path, quick: bool) -> TrainConfig:
    if not quick:
        usual = TrainConfig()
        return replace(usual, env_options=with_nano_difficulty(usual.model, usual.env, usual.env_options))
    folder = tiny_folder(work / "model", env_id="toy/slots")
    rollout = RolloutConfig(max_new_tokens=12)
    return TrainConfig(env="toy/slots", model=str(folder), groups=2, group_size=4, rollout=rollout)


def _trainer(config: TrainConfig, path: Path, method: str, laps: Laps, stack: ExitStack) -> Trainer:
    folder = stack.enter_context(RunFolder.create(path, replace(config, algo=method)))
    loaded = load(config.model, config.env, config.env_options, temperature=config.rollout.temperature)
    return Trainer(
        folder.config,
        loaded.policy,
        folder,
        tokenizer=loaded.tokenizer,
        learning_rate=STILL,
        on_step=lambda step, metrics, seconds: laps.append(seconds),
    )


def _print(config: TrainConfig, infopo: Laps, grpo: Laps, turns: float) -> None:
    def seconds(steps: Laps, lap: str) -> float:
        return statistics.median(step[f"seconds/{lap}"] for step in steps)

    rows = [
        [method, *(f"{seconds(steps, lap):.3f}" for lap in LAPS)]
        for method, steps in zip(METHODS, (infopo, grpo), strict=True)
    ]
    whole = [one["seconds/total"] / other["seconds/total"] for one, other in zip(infopo, grpo, strict=True)]
    rest = [
        (one["seconds/total"] - one["seconds/gain"]) / (other["seconds/total"] - other["seconds/gain"])
        for one, other in zip(infopo, grpo, strict=True)
    ]
    share = [one["seconds/gain"] / one["seconds/total"] for one in infopo]
    print_table(
        "InfoPO step over GRPO step",
        ["method", *(f"seconds {lap}" for lap in LAPS)],
        rows,
        f"{config.env}, {config.groups} groups of {config.group_size}, {turns:.1f} turns an episode, {len(grpo)} steps"
        " of each method in turn on the same episodes (weights stand still); medians.",
    )
    print(
        f"\nRatio of the steps, median of pairs: **{statistics.median(whole):.3f}** (least {min(whole):.3f}, most"
        f" {max(whole):.3f}); without the gain {statistics.median(rest):.3f}. The gain is"
        f" {statistics.median(share):.1%} of an InfoPO step."
    )
