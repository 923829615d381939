"""Evaluations inside a run folder: `evaluations/step_NNNNNN/`, each in the format of a run folder."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infopo.core import UserError, atomic_write_text, read_records
from infopo.rollout.failures import stop_where_all_failed
from infopo.training.config import TrainConfig

FOLDER = "evaluations"
WANTED = "wanted.json"  # there until the evaluation before training is recorded


def evaluate_run(config: TrainConfig, policy: Any, run: Path, step: int, tasks: int, *, told: bool = False) -> Any:
    """Play `tasks` test tasks with the policy after `step` steps and record it in the run; returns the `Evaluation`.

    `told`: the opening tells everything (option `reveal`). A half-written one of a killed process is replaced.
    Raises `InfopoError`, once it is recorded, where every episode broke.
    """
    from infopo.evaluation import evaluate, record_evaluation

    options = config.env_options | ({"reveal": "all"} if told else {})
    try:
        result = evaluate(
            policy,
            env=config.env,
            env_options=options,
            episodes=tasks,
            seed=config.seed,
            user=config.user,
            config=config.rollout,
        )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped; resume with: infopo train --resume {run}") from None
    folder = run / FOLDER / f"step_{step:06d}{'-told' if told else ''}"
    if folder.exists():
        shutil.rmtree(folder)
    settings = {"env": config.env, "env_options": options, "model": config.model, "seed": config.seed, "step": step}
    record_evaluation(folder, result, settings)
    stop_where_all_failed(result.groups, f"evaluation after step {step}")
    return result


def evaluate_before(config: TrainConfig, policy: Any, run: Path, tasks: int) -> None:
    """The evaluation before training, noted in the run first: a run that is stopped in it makes it up when resumed."""
    note = run / FOLDER / WANTED
    note.parent.mkdir(exist_ok=True)
    atomic_write_text(note, json.dumps({"tasks": tasks}) + "\n")
    with resumable(run):
        evaluate_run(config, policy, run, 0, tasks)
    note.unlink()


@contextmanager
def resumable(run: Path) -> Iterator[None]:
    """Ctrl-C inside says how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped; resume with: infopo train --resume {run}") from None


def wanted(run: Path) -> int:
    """How many tasks the evaluation before training still has to play; 0 where none is outstanding."""
    note = run / FOLDER / WANTED
    return int(json.loads(note.read_text())["tasks"]) if note.is_file() else 0


def refuse_unwritable(out: Path) -> None:
    """`UserError` where `out` cannot become a folder to write in: said before minutes of work, and nothing is made."""
    refuse_unnameable(out)
    nearest = next(path for path in (out, *out.absolute().parents) if os.path.lexists(path))
    if not nearest.is_dir():
        raise UserError(f"cannot make the folder {out}: {nearest} is not a folder; give another --out")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UserError(f"cannot write in {nearest}: permission denied; give another --out")


def refuse_unnameable(out: Path) -> None:
    """`UserError` where the file system's encoding has no such name."""
    try:
        os.fsencode(out)
    except UnicodeEncodeError as error:
        raise UserError(
            f"--out {out}: file names are {error.encoding} here, which cannot write {error.object[error.start]!r}; give"
            " another --out, or set PYTHONUTF8=1"
        ) from error


def recorded(run: Path, step: int) -> dict[str, Any] | None:
    """The summary of an evaluation in a run; None where there is none."""
    path = run / FOLDER / f"step_{step:06d}" / "summary.json"
    if not path.is_file():
        return None
    data: dict[str, Any] = json.loads(path.read_text())
    return data


def run_summary(config: TrainConfig, run: Path, steps: int) -> dict[str, Any]:
    """What `summary.json` says of a run besides its evaluations; `seconds` is the time of all its steps."""
    timings = read_records(run / "timings.jsonl")
    names = ("env", "env_options", "algo", "model", "seed")
    return {
        "seconds": round(sum(float(row.get("seconds/total", 0.0)) for row in timings), 1),
        **{name: getattr(config, name) for name in names},
        "steps": steps,
    }
