"""Two processes train one policy as one process does, whatever falls to either of them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from infopo.core import read_records

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).with_name("ranks_script.py")
SECONDS = 240  # two ranks that wait for each other must end, too


@pytest.fixture
def train(slots_folder: Path, slots_options: dict[str, Any], tmp_path: Path) -> Any:
    """`train("a", ranks=2, groups=3)`: a finished run in `tmp_path/a`."""

    def start(name: str, *, ranks: int, extra: dict[str, Any] | None = None, **changes: Any) -> Path:
        out = tmp_path / name
        out.mkdir(exist_ok=True)
        config = {
            "env": "toy/slots",
            "env_options": slots_options,
            "model": str(slots_folder),
            "steps": 2,
            "groups": 4,
            "group_size": 4,
            "learning_rate": 3e-4,
            "rollout": {"max_new_tokens": 12},
            **changes,
        }
        settings = tmp_path / f"{name}.json"
        settings.write_text(json.dumps({"out": str(out), "config": config, **(extra or {})}))
        launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(ranks)] if ranks > 1 else []
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
        }
        command = [sys.executable, *launch, str(SCRIPT), str(settings)]
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            said, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.terminate()  # the launcher takes its ranks with it
            said, _ = process.communicate()
            pytest.fail(f"the ranks did not end: {said[-4000:]}")
        assert process.returncode == 0, said[-4000:]
        return out

    return start


def rank_weights(out: Path, rank: int) -> dict[str, torch.Tensor]:
    return load_file(out / f"rank_{rank}.safetensors")


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


CASES: dict[str, dict[str, Any]] = {
    "even": {},
    "more micro-batches on one rank": {"groups": 3, "micro_batch_tokens": 60},
    "nothing to do on one rank": {"groups": 1, "micro_batch_tokens": 60},
    "grpo, where groups without variance are not run": {"algo": "grpo", "groups": 3, "micro_batch_tokens": 60},
    "two updates": {"updates": 2},
    "adapters": {"lora": {"rank": 2}},
    "means over episodes": {"groups": 3, "micro_batch_tokens": 60, "loss": {"aggregation": "seq-mean-token-mean"}},
    "filter std": {"filter": "std", "filter_keep": 0.5, "groups": 5},
    "filter dynamic": {"filter": "dynamic", "group_size": 2, "algo": "grpo"},
}


@pytest.mark.parametrize("case", CASES)
def test_two_ranks_are_one(train: Any, slots_folder: Path, case: str) -> None:
    one = train("one", ranks=1, **CASES[case])
    two = train("two", ranks=2, **CASES[case])
    moved = load_file(slots_folder / "model.safetensors")
    expected = rank_weights(one, 0)
    if "lora" not in CASES[case]:
        assert max(float((expected[name] - moved[name]).abs().max()) for name in moved) > 1e-4
    assert distance(rank_weights(two, 0), rank_weights(two, 1)) == 0.0
    assert distance(rank_weights(two, 0), expected) < 1e-5
    records = [list(read_records(out / "run" / "trajectories.jsonl")) for out in (one, two)]
    assert [line["token_ids"] for line in records[1]] == [line["token_ids"] for line in records[0]]
    assert [line["score"] for line in records[1]] == [line["score"] for line in records[0]]
    metrics = [list(read_records(out / "run" / "metrics.jsonl")) for out in (one, two)]
    for line, wanted in zip(metrics[1], metrics[0], strict=True):
        assert line.keys() == wanted.keys()
        for name, value in wanted.items():
            assert line[name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-2, abs=1e-3)), name


def test_two_ranks_resume_from_the_checkpoint_of_the_first(train: Any) -> None:
    whole = train("whole", ranks=2, steps=3)
    train("parts", ranks=2, steps=1)
    parts = train("parts", ranks=2, steps=3)
    for rank in (0, 1):
        assert json.loads((parts / f"rank_{rank}.json").read_text())["resumed"] == 1
        assert distance(rank_weights(parts, rank), rank_weights(whole, rank)) == 0.0


def test_what_breaks_on_one_rank_stops_both(train: Any) -> None:
    out = train("a", ranks=2, steps=50, extra={"broken_rank": 1})
    notes = [json.loads((out / f"rank_{rank}.json").read_text()) for rank in (0, 1)]
    assert [note["done"] for note in notes] == [0, 0]
    assert notes[0]["said"] == "rank 1 could not go on; its own message says why"
    assert notes[1]["said"] == "no environment for 1/1"


def test_a_stop_that_reaches_one_rank_stops_both(train: Any) -> None:
    out = train("a", ranks=2, steps=50, extra={"stop_rank": 1})
    assert [json.loads((out / f"rank_{rank}.json").read_text())["done"] for rank in (0, 1)] == [0, 0]
