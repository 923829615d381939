"""Train and compare: every method on the one loop, cell by cell. Finished cells are kept; the same command goes on.

python benchmarks/method_table.py --suite methods|fusion|masks|usergym|transfer|benchmarks|honourable-failure
    --out FOLDER [--cells WORD ...] [--seeds N] [--slots N] [--quick] [--print] [--code DIGEST] [--keep FILE.jsonl]

`--cells`: only cells whose name ("TASK LABEL seed N") holds one of these words. `--print`: no run, only tables.
`--code`: with it, tables of cells that other code made. `--keep`: finished cells of the suite as JSON lines, to be
put under version control; a folder that holds such a file knows its cells (benchmarks/results is one).

Each seed draws tasks, episodes and sampling; the warm start is one for all. Intervals: mean +- t s / sqrt(n) over
seeds (95 %, n - 1 degrees of freedom), for differences over pairs of the same seed; for a single seed Wilson's, over
test tasks.
"""

import argparse
import json
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from method_cells import digest, finished, key_of, made_by, run_cell
from method_suites import SUITES, honourable_failure, quick

from infopo.core import InfopoError, UserError, atomic_write_text

T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)  # the 97.5 % points of Student's t, by freedom


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Half width and mean over seeds; None for fewer than two (or more than ten), and where all agree: an interval
    without a width would claim to be certain."""
    if not 2 <= len(values) <= len(T_95) + 1 or len(set(values)) == 1:
        return None
    return T_95[len(values) - 2] * statistics.stdev(values) / math.sqrt(len(values)), statistics.fmean(values)


def rate(values: Sequence[float], alone: Sequence[float] | None = None, *, share: bool = False) -> str:
    """A mean with its interval, which of a `share` ends at 0 and 1; `alone` is that of a single value."""
    found = interval(values)
    if found is not None:
        ends = [found[1] - found[0], found[1] + found[0]]
        low, high = [min(1.0, max(0.0, end)) for end in ends] if share else ends
        return f"{found[1]:.3f} [{low:.2f}, {high:.2f}]"
    low, high = alone or (math.nan, math.nan)
    return f"{statistics.fmean(values):.3f}" + ("" if alone is None else f" [{low:.2f}, {high:.2f}]")


def _mean(results: Sequence[Mapping[str, Any]], *path: str) -> str:
    values = []
    for result in results:
        value: Any = result
        for name in path:
            value = None if value is None else value[name]
        if value is not None:
            values.append(float(value))
    return f"{statistics.fmean(values):.2f}" if values else "-"


def table(task: str, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """One task: a row a label."""
    lines = [f"### {task}", ""]
    lines.append(
        "| method | seeds | success | score | questions | repeated | revealed | steps | s | s of gain | tokens |"
    )
    lines.append("|---|---|---|---|---|---|---|---|---|---|---|")
    for label, results in rows.items():
        success = [float(result["after"]["success"]) for result in results]
        cells = [
            label,
            ", ".join(str(result["settings"]["seed"]) for result in results),
            rate(success, results[0]["after"]["ci95"] if len(results) == 1 else None, share=True),
            *(_mean(results, "after", name) for name in ("score", "questions", "repeated", "revealed")),
            str(results[0]["settings"]["steps"]),
            *(f"{statistics.fmean(float(one[name]) for one in results):.0f}" for name in ("seconds", "gain_seconds")),
            f"{statistics.fmean(one['tokens'] for one in results) / 1000:.0f}k",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def by_member(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Success in each environment of the mixture that was played; nothing where it was one environment."""
    found = {
        label: [one["after"]["environments"] for one in part]
        for label, part in rows.items()
        if "environments" in part[0]["after"]
    }
    if not found:
        return ""
    members = list(next(iter(found.values()))[0])
    lines = [f"| method | {' | '.join(members)} |", f"|---|{'---|' * len(members)}"]
    for label, parts in found.items():
        cells = [
            rate(
                [float(part[name]["success"]) for part in parts],
                parts[0][name]["ci95"] if len(parts) == 1 else None,
                share=True,
            )
            for name in members
        ]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def elsewhere(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Success on the other tests of the cells, where there are any."""
    found = {label: part for label, part in rows.items() if part[0].get("also")}
    if not found:
        return ""
    names = list(next(iter(found.values()))[0]["also"])
    lines = [f"| method | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for label, part in found.items():
        tests = [[one["also"][name] for one in part] for name in names]
        cells = [
            rate([float(one["success"]) for one in each], each[0]["ci95"] if len(each) == 1 else None, share=True)
            for each in tests
        ]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def differences(rows: Mapping[str, Sequence[Mapping[str, Any]]], subject: str) -> str:
    """Success of `subject` less that of each other row, seed by seed."""
    by_seed = {
        label: {one["settings"]["seed"]: one["after"]["success"] for one in part} for label, part in rows.items()
    }
    lines = [f"| {subject} less | seeds | success | by seed |", "|---|---|---|---|"]
    for label, values in by_seed.items():
        shared = sorted(values.keys() & by_seed.get(subject, {}).keys())
        if label != subject and shared:
            gaps = [by_seed[subject][seed] - values[seed] for seed in shared]
            each = ", ".join(f"{gap:+.3f}" for gap in gaps)
            lines.append(f"| {label} | {len(shared)} | {rate(gaps)} | {each} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def report(results: Sequence[Mapping[str, Any]], title: str, *, subject: str | None) -> str:
    """All tables of these results."""
    tables: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for result in results:
        tables.setdefault(result["task"], {}).setdefault(result["label"], []).append(result)
    parts = [title]
    for task, rows in tables.items():
        parts += [table(task, rows), *filter(None, [by_member(rows), elsewhere(rows)])]
        if subject is not None and (found := differences(rows, subject)):
            parts.append(found)
    return "\n\n".join(parts)


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", required=True, choices=[*SUITES, "honourable-failure"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cells", nargs="*", default=[])
    parser.add_argument("--seeds", type=int, default=None)
    parser.add_argument("--quick", action="store_true", help="a smoke test: one short cell of each kind")
    parser.add_argument("--print", action="store_true")
    parser.add_argument("--slots", type=int, default=5, help="of honourable-failure")
    parser.add_argument("--code", default=None)
    parser.add_argument("--keep", type=Path, default=None)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run what is missing, then print the tables; 0, or 128 + signal where a signal stopped a run."""
    flags = read_arguments(arguments)
    flags.out.mkdir(parents=True, exist_ok=True)
    if flags.suite == "honourable-failure":
        print(honourable_failure(groups=16 if flags.quick else 192, slots_per_task=flags.slots))
        return 0
    suite = SUITES[flags.suite]
    cells = suite.cells(range(flags.seeds or suite.seeds))
    if flags.quick:
        cells = quick(cells)
    cells = [cell for cell in cells if not flags.cells or any(word in cell.name for word in flags.cells)]
    results, code = finished(flags.out), flags.code or digest()
    if not flags.print and flags.code is None:
        for cell in cells:
            key = key_of(cell)
            if key not in results:
                print(f"running {cell.name}", flush=True)
                result = run_cell(cell, flags.out, lambda text: print(text, flush=True))
                if result is None:
                    return 130
                results[key] = result
    chosen = made_by(code, cells, results)
    print(report(chosen, f"code {code}: {len(chosen)} of {len(cells)} cells", subject=suite.subject))
    if flags.keep is not None:
        atomic_write_text(flags.keep, "".join(json.dumps(one, sort_keys=True) + "\n" for one in chosen))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (UserError, InfopoError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
