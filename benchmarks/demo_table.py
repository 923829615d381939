"""Print the table of docs/results/demo.md from finished demo runs.

for seed in 0 1 2 3 4; do for algo in infopo grpo; do
    infopo demo --seed $seed --algo $algo --out runs/table/$algo-$seed
done; done
python benchmarks/demo_table.py runs/table/*
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def row(summary: Mapping[str, Any]) -> str:
    """One run as a Markdown row."""
    before, after, told, told_after = (summary[name] for name in ("before", "after", "told", "told_after"))
    return " | ".join(
        [
            f"| {summary['algo']}",
            str(summary["seed"]),
            _rate(before),
            _rate(after),
            f"{before['questions']:.2f} → {after['questions']:.2f} of {after['hidden']:.0f}",
            f"{told['success']:.2f} → {told_after['success']:.2f}",
            f"{told['questions']:.2f} → {told_after['questions']:.2f}",
            f"{summary['seconds']:.0f} |",
        ]
    )


def _rate(part: Mapping[str, Any]) -> str:
    low, high = part["ci95"]
    return f"{part['success']:.3f} [{low:.2f}, {high:.2f}]"


def main(paths: Sequence[str]) -> int:
    """Print the table, one row a run, sorted by method and seed."""
    summaries = [json.loads((Path(path) / "summary.json").read_text(encoding="utf-8")) for path in paths]
    print("| method | seed | success before | success after | questions | told everything: right | … questions | s |")
    print("|---|---|---|---|---|---|---|---|")
    for summary in sorted(summaries, key=lambda one: (one["algo"], one["seed"])):
        print(row(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
