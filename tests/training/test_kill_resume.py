"""The command line, killed without warning at twenty moments and resumed, ends where a run that was left alone ends."""

import functools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infopo.core import derive_random, read_records
from infopo.core.sealed_folder import verify
from infopo.training.config import TrainConfig
from infopo.training.config_io import config_from_dict, config_to_yaml

pytestmark = pytest.mark.slow
STEPS = 100
PATIENCE = 120  # seconds in which a process has to show the sign of life that is waited for
KILLS = ["running", "saving", "saving", "running", "starting", "saving", "running", "saving", "opening", "running"] * 2


class Run:
    """A run folder, and processes of the command line that write it one after the other."""

    def __init__(self, path: Path, recipe: Path) -> None:
        self.path, self.recipe = path, recipe
        self.metrics = path / "metrics.jsonl"
        self.checkpoints = path / "checkpoints"

    def start(self) -> subprocess.Popen[str]:
        again = ["--resume", str(self.path)] if (self.path / "config.yaml").exists() else None
        arguments = again or [str(self.recipe), "--out", str(self.path)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "infopo", "train", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self) -> None:
        process = self.start()
        said, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, said

    def partial(self) -> bool:
        return any(self.checkpoints.glob("*.partial"))

    def written(self) -> int:
        return self.metrics.stat().st_size if self.metrics.exists() else 0

    def grew(self, size: int) -> bool:
        return self.written() > size

    def set_aside(self) -> set[str]:
        return {path.name for path in (self.path / "discarded").glob("*")}

    def steps(self) -> int:
        """Of the newest whole checkpoint."""
        found = [path for path in self.checkpoints.glob("step_*") if path.suffix == ""]
        return max((int(path.name.removeprefix("step_")) for path in found), default=0)

    def last_step(self) -> int:
        """Of the records."""
        lines = read_records(self.metrics) if self.metrics.exists() else iter(())
        return max((int(line["step"]) for line in lines), default=0)


def wait_for(process: subprocess.Popen[str], sign: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not sign():
        if process.poll() is not None:
            said, _ = process.communicate()
            pytest.fail(f"the process ended by itself with {process.returncode}: {said}")
        assert time.monotonic() < end, "no sign of life"
        time.sleep(0.001)


def kill(run: Run, where: str, rng: random.Random) -> None:
    """Start a process and end it without warning, at a random moment of the kind that is named."""
    process = run.start()
    try:
        if where == "starting":
            time.sleep(rng.uniform(0.0, 6.0))
        elif where == "opening":
            # Records behind the checkpoint are being set aside; where there are none, the first new step will do.
            before, aside = run.written(), run.set_aside()
            wait_for(process, lambda: run.set_aside() != aside or run.written() > before)
            time.sleep(rng.uniform(0.0, 0.02))
        elif where == "saving":
            wait_for(process, run.partial)
            time.sleep(rng.uniform(0.0, 0.04))
        else:
            for _ in range(rng.randint(1, 4)):  # steps, however long they take on this machine
                wait_for(process, functools.partial(run.grew, run.written()))
            time.sleep(rng.uniform(0.0, 0.1))
        assert process.poll() is None, "the process ended before it could be killed"
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL


@pytest.fixture
def make_run(slots_folder: Path, slots_options: dict[str, Any], tmp_path: Path) -> Callable[[str], Run]:
    config = config_from_dict(
        {
            "env": "toy/slots",
            "env_options": slots_options,
            "model": str(slots_folder),
            "steps": STEPS,
            "groups": 2,
            "group_size": 4,
            "learning_rate": 1e-3,
            "save_every": 2,
            "rollout": {"max_new_tokens": 12},
        }
    )
    assert isinstance(config, TrainConfig)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(config_to_yaml(config))

    def make(name: str) -> Run:
        return Run(tmp_path / name / "run", recipe)

    return make


def test_killed_twenty_times_a_run_is_the_run_that_was_left_alone(make_run: Callable[[str], Run]) -> None:
    whole, broken = make_run("whole"), make_run("broken")
    whole.finish()
    rng = derive_random(0, "kills")
    halves = repeated = 0
    for where in KILLS:
        kill(broken, where, rng)
        halves += broken.partial()
        repeated += broken.last_step() > broken.steps()
    assert broken.steps() < STEPS, "the run must be under way all the time"
    assert halves >= 1, "no kill fell into a save"
    assert repeated >= 1, "no kill left records behind the last checkpoint"
    broken.finish()
    for name in ("metrics.jsonl", "trajectories.jsonl"):
        assert (broken.path / name).read_bytes() == (whole.path / name).read_bytes(), name
    assert [line["step"] for line in read_records(broken.path / "timings.jsonl")] == list(range(1, STEPS + 1))
    kept = [sorted(path.name for path in run.checkpoints.iterdir()) for run in (broken, whole)]
    assert kept[0] == kept[1] == [f"step_{STEPS - 2:06d}", f"step_{STEPS:06d}"]
    for path in (whole.checkpoints / f"step_{STEPS:06d}").iterdir():
        assert (broken.checkpoints / path.parent.name / path.name).read_bytes() == path.read_bytes(), path.name
    assert all(verify(path) is None for path in broken.checkpoints.iterdir())
