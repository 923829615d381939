"""What each counterfactual measures, on the same episodes: one table.

python benchmarks/counterfactuals.py [--env toy/slots] [--model nano|RUN] [--tasks 64] [--draws 8]

Rows are specs. "Told" is the mean gain of replies that revealed a hidden fact, "not told" of all others; "ranked"
the share of pairs (told, not told) in which the told reply has the larger gain (0.5: the gain does not know); "rank
correlation" is Spearman's, over replies, with the true marginal (`resample`) where the environment offers one.
"""

import argparse
import asyncio
import statistics
from bisect import bisect_left, bisect_right
from dataclasses import replace
from typing import Any

from infopo.cli.policy import load, with_nano_difficulty
from infopo.gain import GainSpec, information_gain
from infopo.rollout import RolloutConfig, TaskSpec, play_groups
from infopo.samplers.hf import HFSampler

FAMILIAR, FORMAL, ODD = "No information found.", "I have no preference.", "xq zv 83 //"
SPECS = {
    "resample": GainSpec(counterfactual="resample"),
    "swap": GainSpec(counterfactual="swap"),
    "message, familiar": GainSpec(placeholders=(FAMILIAR,)),
    "message, formal": GainSpec(placeholders=(FORMAL,)),
    "message, odd": GainSpec(placeholders=(ODD,)),
    "message, three together": GainSpec(placeholders=(FAMILIAR, FORMAL, ODD)),
    "fill, familiar": GainSpec(counterfactual="fill", placeholders=(FAMILIAR,)),
    "drop": GainSpec(counterfactual="drop"),
    "message, familiar, exact-kl": GainSpec(placeholders=(FAMILIAR,), estimator="exact-kl"),
    "message, familiar, all actions": GainSpec(placeholders=(FAMILIAR,), horizon="all"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="toy/slots")
    parser.add_argument("--model", default="nano")
    parser.add_argument("--tasks", type=int, default=64)
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    options = with_nano_difficulty(arguments.model, arguments.env, {})
    policy = load(arguments.model, arguments.env, options).policy
    tasks = [
        TaskSpec(env_id=arguments.env, task=task, split="test", seed=arguments.seed + task, options=options)
        for task in range(arguments.tasks)
    ]
    config = RolloutConfig(alternatives=arguments.draws)
    batch = asyncio.run(play_groups(HFSampler(policy), tasks, group_size=2, config=config))
    episodes = [one for group in batch.groups for one in group.survivors]
    print(
        f"{arguments.env}, {arguments.model}, {len(episodes)} episodes, {arguments.draws} draws, gains in nats (sum)\n"
    )
    print("| counterfactual | told | not told | negative | ranked | rank correlation with `resample` |")
    print("|---|---|---|---|---|---|")
    reference: dict[tuple[int, int], float] = {}
    for name, spec in SPECS.items():
        changed = replace(spec, reduction="sum", draws=arguments.draws)
        gains = information_gain(policy, episodes, spec=changed)
        values = {(i, t): g.value for i, row in enumerate(gains) for t, g in enumerate(row) if g is not None}
        reference = reference or values
        print(f"| {name} | {_row(episodes, values, reference)} |")


def _row(episodes: list[Any], values: dict[tuple[int, int], float], reference: dict[tuple[int, int], float]) -> str:
    told, other = [], []
    for (row, turn), value in values.items():
        facts = episodes[row].turns[turn].facts
        (told if facts and facts.revealed else other).append(value)
    wins = sum((a > b) + 0.5 * (a == b) for a in told for b in other) / max(1, len(told) * len(other))
    shared = sorted(values.keys() & reference.keys())
    correlation = statistics.correlation(
        _ranks([values[key] for key in shared]), _ranks([reference[key] for key in shared])
    )
    negative = sum(value < 0 for value in values.values()) / len(values)
    means = " | ".join(f"{statistics.fmean(part):+.2f}" if part else "-" for part in (told, other))
    return f"{means} | {negative:.2f} | {wins:.2f} | {correlation:.2f}"


def _ranks(values: list[float]) -> list[float]:
    """Ranks; equal values share the mean of theirs."""
    ordered = sorted(values)
    return [(bisect_left(ordered, value) + bisect_right(ordered, value)) / 2 for value in values]


if __name__ == "__main__":
    main()
