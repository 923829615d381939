"""One cell of benchmarks/method_table.py: a training run with an evaluation, kept as one JSON file once it is finished.

A cell's file is named after everything that decides its result: the resolved configuration, the evaluation, the code
of the rooms that take part and the version of torch. Changed code is another file, so that old and new
figures never stand in one table. An unfinished cell goes on from its newest checkpoint.
"""

import ast
import dataclasses
import functools
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from infopo.core import atomic_write_text, read_records
from infopo.core.typed_data import to_data

SOURCES = Path(__file__).parent.parent / "src" / "infopo"
ROOMS = (
    "core",
    "tokens",
    "users",
    "envs",
    "samplers",
    "rollout",
    "gain",
    "algorithms",
    "training",
    "nano",
    "evaluation",
)
GLUE = ("policy.py", "evaluations.py", "train.py")  # files of the room cli between a configuration and a result
CURVE = 10  # steps that share a point of the curve


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One run: `label` is its row, `task` its table; `settings` are fields of `TrainConfig`, steps and seed included.

    `evaluation`: test tasks, one episode each, of `evaluated_on` where it is given. No `steps`: the warm start alone.
    `also`: further tests by name, as options of the environment that are other ones there.
    """

    label: str
    task: str
    settings: Mapping[str, Any]
    evaluation: int
    evaluated_on: str | None = None
    also: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """What `--cells` looks at."""
        return f"{self.task} {self.label} seed {self.settings['seed']}"


@functools.cache
def digest() -> str:
    """A digest of the code of `ROOMS` and `GLUE`, and the version of torch. Comments and docstrings do not count."""
    import torch

    found = hashlib.blake2b(torch.__version__.encode(), digest_size=6)
    paths = [path for room in ROOMS for path in (SOURCES / room).rglob("*.py")]
    for path in sorted([*paths, *(SOURCES / "cli" / name for name in GLUE)]):
        found.update(path.relative_to(SOURCES).as_posix().encode() + _executed(path).encode())
    return found.hexdigest()


def _executed(path: Path) -> str:
    """The syntax tree of a file as text, without texts that stand for themselves."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [one for one in body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]  # type: ignore[attr-defined]
    return ast.dump(tree)


def config_of(cell: Cell) -> Any:
    """The resolved configuration of a cell; raises `UserError` for a name that nothing has."""
    from infopo.cli.train import resolve
    from infopo.training.config_io import config_from_dict

    return resolve(config_from_dict(dict(cell.settings), where=cell.name))


def key_of(cell: Cell) -> str:
    """The name of a cell's file under the code of this tree."""
    decides = [to_data(config_of(cell)), cell.evaluation, digest()]
    decides += [what for what in (cell.evaluated_on, cell.also) if what]
    return hashlib.blake2b(json.dumps(decides, sort_keys=True).encode(), digest_size=10).hexdigest()


def finished(folder: Path) -> dict[str, dict[str, Any]]:
    """Results by key: those of `folder/cells`, and those that a summary `*.jsonl` in `folder` has kept."""
    found = {}
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            result = json.loads(line)
            found[result["key"]] = result
    for path in sorted((folder / "cells").glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        found[result["key"]] = result
    return found


def made_by(code: str, cells: Sequence[Cell], results: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The results of these cells that code with this digest made, in the order of the cells."""
    found = {
        (one["task"], one["label"], json.dumps(one["settings"], sort_keys=True)): one
        for one in results.values()
        if one["code"] == code
    }
    wanted = [(cell.task, cell.label, json.dumps(dict(cell.settings), sort_keys=True)) for cell in cells]
    return [found[place] for place in wanted if place in found]


def run_cell(cell: Cell, folder: Path, say: Callable[[str], None]) -> dict[str, Any] | None:
    """Train and evaluate; writes `cells/KEY.json` and returns it. None where a signal stopped it after a saved step."""
    from infopo.cli.evaluations import evaluate_run
    from infopo.cli.train import load_for, train
    from infopo.training.run_folder import CONFIG, RunFolder

    key, config = key_of(cell), config_of(cell)
    run = folder / "runs" / key
    loaded = load_for(config)
    config = dataclasses.replace(config, learning_rate=config.learning_rate or loaded.learning_rate)
    begun = (run / CONFIG).is_file()
    with RunFolder.open(run) if begun else RunFolder.create(run, config) as records:
        if config.steps and train(config, loaded, records):
            return None
        tested = dataclasses.replace(config, env=cell.evaluated_on or config.env)
        after = evaluate_run(tested, loaded.policy, run, config.steps, cell.evaluation).summary()
        also = {}
        for name, options in cell.also.items():
            other = dataclasses.replace(tested, env_options=tested.env_options | options)
            also[name] = evaluate_run(other, loaded.policy, run, config.steps, cell.evaluation).summary()
    for summary in (after, *also.values()):
        for part in (summary, *summary.get("environments", {}).values()):
            part.pop("per_task", None)  # hundreds of lines that no table shows
    result = {"key": key, "code": digest(), "task": cell.task, "label": cell.label, "settings": dict(cell.settings)}
    result |= {"learning_rate": config.learning_rate, "after": after, "also": also, **_cost(run)}
    (folder / "cells").mkdir(exist_ok=True)
    atomic_write_text(folder / "cells" / f"{key}.json", json.dumps(result, sort_keys=True) + "\n")
    shutil.rmtree(run)
    say(f"{cell.name}: success {after['success']}, questions {after['questions']}, {result['seconds']:.0f} s")
    return result


def _cost(run: Path) -> dict[str, Any]:
    """Seconds and tokens of all steps, and how success and questions went."""
    timings = list(read_records(run / "timings.jsonl")) if (run / "timings.jsonl").is_file() else []
    metrics = list(read_records(run / "metrics.jsonl")) if (run / "metrics.jsonl").is_file() else []
    total = {name: sum(float(row.get(f"seconds/{name}", 0)) for row in timings) for name in ("total", "gain")}
    tokens = sum(row.get("len/mean", 0.0) * row.get("rollout/episodes", 0.0) for row in metrics)
    parts = [metrics[start : start + CURVE] for start in range(0, len(metrics), CURVE)]
    curve = [[mean_of(part, name) for name in ("train/success", "questions/mean", "group/mixed")] for part in parts]
    return {"seconds": total["total"], "gain_seconds": total["gain"], "tokens": round(tokens), "curve": curve}


def mean_of(rows: Sequence[Mapping[str, Any]], name: str) -> float | None:
    """The mean of a metric over the steps that measured it; None where none did."""
    values = [float(row[name]) for row in rows if name in row]
    return round(sum(values) / len(values), 4) if values else None
