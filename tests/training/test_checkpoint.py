"""Checkpoints: bit for bit back, whole or not at all, and damage is noticed and named."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from infopo.core import StorageError, UserError
from infopo.core.checkpoint_folders import CheckpointError, checkpoint_step, latest_checkpoint, rotate
from infopo.training.checkpoint import restore, save_checkpoint

ROOT = Path(__file__).parents[2]


class Trained:
    """A model, its tokenizer and an AdamW that has made some steps."""

    def __init__(self, folder: Path, *, lora: bool = False, seed: int = 0) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model: Any = AutoModelForCausalLM.from_pretrained(folder)
        if lora:
            from peft import LoraConfig, get_peft_model

            with torch.random.fork_rng(devices=[]):
                torch.random.default_generator.manual_seed(seed)
                self.model = get_peft_model(self.model, LoraConfig(r=2, target_modules="all-linear"))
        weights = [weight for weight in self.model.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.AdamW(weights, lr=1e-2)

    def learn(self, steps: int) -> None:
        for step in range(steps):
            ids = (torch.arange(12)[None] * (step + 3)) % 50
            self.model(input_ids=ids, labels=ids).loss.backward()
            self.optimizer.step()
            self.optimizer.zero_grad()

    def save(self, folder: Path, step: int, **keywords: Any) -> Path:
        return save_checkpoint(
            folder, step, self.model, self.tokenizer, self.optimizer, {"step": step, "version": step}, **keywords
        )

    def states(self) -> list[torch.Tensor]:
        moments = [
            self.optimizer.state[weight][key]
            for group in self.optimizer.param_groups
            for weight in group["params"]
            for key in sorted(self.optimizer.state[weight])
        ]
        return [*self.model.state_dict().values(), *moments]


def assert_equal(left: Trained, right: Trained) -> None:
    pairs = list(zip(left.states(), right.states(), strict=True))
    assert all(a.dtype == b.dtype and torch.equal(a, b) for a, b in pairs)


@pytest.fixture
def trained(model_folder: Path) -> Trained:
    result = Trained(model_folder)
    result.learn(2)
    return result


@pytest.mark.parametrize(("kind", "lora"), [("qwen2", False), ("llama", False), ("qwen2", True)])
def test_restore_is_exact_and_the_next_steps_are_the_same(
    make_model_folder: Callable[..., Path], tmp_path: Path, kind: str, lora: bool
) -> None:
    folder = make_model_folder(kind)
    first = Trained(folder, lora=lora)
    first.learn(3)
    path = first.save(tmp_path, 3)
    second = Trained(folder, lora=lora, seed=1)
    second.optimizer.param_groups[0]["lr"] = 7.0
    assert restore(path, second.model, second.optimizer) == {"step": 3, "version": 3}
    assert_equal(first, second)
    first.learn(2)
    second.learn(2)
    assert_equal(first, second)


def test_a_checkpoint_is_an_ordinary_model_folder(trained: Trained, tmp_path: Path) -> None:
    path = trained.save(tmp_path, 20)
    assert path.name == "step_000020"
    assert checkpoint_step(path) == 20
    loaded = AutoModelForCausalLM.from_pretrained(path)
    ids = torch.arange(8)[None]
    assert torch.equal(loaded(input_ids=ids).logits, trained.model(input_ids=ids).logits)
    assert AutoTokenizer.from_pretrained(path).chat_template == trained.tokenizer.chat_template
    assert not list(path.rglob("*.bin")) + list(path.rglob("*.pt"))


def test_what_a_model_folder_says_of_itself_goes_along(make_model_folder: Callable[..., Path], tmp_path: Path) -> None:
    from infopo.samplers.load import recommended_learning_rate

    folder = make_model_folder()
    (folder / "infopo.json").write_text('{"learning_rate": 0.002}')
    path = Trained(folder).save(tmp_path, 1)
    assert recommended_learning_rate(str(path)) == 0.002
    again = Trained(path).save(tmp_path, 2)
    assert recommended_learning_rate(str(again)) == 0.002


def test_nothing_saved_yet_is_no_checkpoint(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path / "checkpoints") is None


def truncate(path: Path) -> str:
    (path / "model.safetensors").write_bytes((path / "model.safetensors").read_bytes()[:-5])
    return "model.safetensors"


def flip(path: Path) -> str:
    content = bytearray((path / "optimizer.safetensors").read_bytes())
    content[-1] ^= 1
    (path / "optimizer.safetensors").write_bytes(content)
    return "optimizer.safetensors"


def lose_state(path: Path) -> str:
    (path / "state.json").unlink()
    return "state.json"


def lose_manifest(path: Path) -> str:
    (path / "manifest.json").unlink()
    return "manifest.json"


def spoil_manifest(path: Path) -> str:
    (path / "manifest.json").write_text('{"version": 1, "files": [')
    return "manifest.json"


DAMAGES = [truncate, flip, lose_state, lose_manifest, spoil_manifest]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_passed_over_by_name(
    trained: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], str]
) -> None:
    older, newer = trained.save(tmp_path, 1), trained.save(tmp_path, 2)
    assert latest_checkpoint(tmp_path) == newer
    name = damage(newer)
    with caplog.at_level(logging.WARNING):
        assert latest_checkpoint(tmp_path) == older
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert str(newer) in warnings[0]
    assert name in warnings[0]


@pytest.mark.parametrize("damage", DAMAGES)
def test_where_all_are_damaged_a_person_must_decide(
    trained: Trained, tmp_path: Path, damage: Callable[[Path], str]
) -> None:
    paths = [trained.save(tmp_path, step) for step in (1, 2)]
    names = [damage(path) for path in paths]
    with pytest.raises(UserError) as caught:
        latest_checkpoint(tmp_path)
    assert all(f"{path.name}: {name}" in str(caught.value) for path, name in zip(paths, names, strict=True))
    assert "delete" in str(caught.value)


def test_a_half_written_checkpoint_is_never_looked_at(trained: Trained, tmp_path: Path) -> None:
    path = trained.save(tmp_path, 1)
    half = tmp_path / "step_000002.partial"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    assert latest_checkpoint(tmp_path) == path
    trained.save(tmp_path, 2)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["step_000001", "step_000002"]


def test_a_damaged_checkpoint_of_the_same_step_is_replaced(trained: Trained, tmp_path: Path) -> None:
    path = trained.save(tmp_path, 4)
    truncate(path)
    assert trained.save(tmp_path, 4) == path
    assert latest_checkpoint(tmp_path) == path
    assert [entry.name for entry in tmp_path.iterdir()] == ["step_000004"]


def test_only_the_newest_are_kept(trained: Trained, tmp_path: Path) -> None:
    for step in (5, 10, 15, 1_000_000):
        trained.save(tmp_path, step, keep=2)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["step_000015", "step_1000000"]
    newest = latest_checkpoint(tmp_path)
    assert newest is not None
    assert newest.name == "step_1000000"
    rotate(tmp_path, 0)  # never all of them
    assert [entry.name for entry in tmp_path.iterdir()] == ["step_1000000"]


@pytest.mark.parametrize("where", ["weight", "moment"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_not_saved(trained: Trained, tmp_path: Path, where: str, value: float) -> None:
    good = trained.save(tmp_path, 1)
    weight = trained.optimizer.param_groups[0]["params"][0]
    with torch.no_grad():
        (weight if where == "weight" else trained.optimizer.state[weight]["exp_avg"]).view(-1)[3] = value
    with pytest.raises(CheckpointError, match=r"embed_tokens.*not finite"):
        trained.save(tmp_path, 2)
    assert [entry.name for entry in tmp_path.iterdir()] == ["step_000001"]
    assert latest_checkpoint(tmp_path) == good


def test_another_model_is_refused_by_the_name_of_a_tensor(
    trained: Trained, make_model_folder: Callable[..., Path], tmp_path: Path
) -> None:
    path = trained.save(tmp_path, 1)
    other = Trained(make_model_folder("llama"))
    with pytest.raises(CheckpointError, match=r"does not fit this model: \S+"):
        restore(path, other.model, other.optimizer)


def run_script(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(Path(__file__).parent)]),
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)


PRELUDE = """
import os, sys
from pathlib import Path
from test_checkpoint import Trained, assert_equal
from infopo.core import StorageError
from infopo.core.checkpoint_folders import latest_checkpoint
from infopo.training.checkpoint import restore
model, folder = Path(sys.argv[1]), Path(sys.argv[2])
trained = Trained(model)
trained.learn(2)
"""

FULL_DISK = (
    PRELUDE
    + """
import resource
good = trained.save(folder, 1)
for limit in [int(text) for text in sys.argv[3:]]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        trained.save(folder, 2)
    except StorageError as error:
        assert "\\n" not in str(error), error
        print(error)
    else:
        raise SystemExit(f"saved in spite of a limit of {limit} bytes a file")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert sorted(entry.name for entry in folder.iterdir()) == ["step_000001"]
    assert latest_checkpoint(folder) == good
"""
)


def test_a_full_disk_is_one_line_and_earlier_checkpoints_stay(model_folder: Path, tmp_path: Path) -> None:
    # a limit on the size of a file refuses writes like a full disk does: in the JSON files, the tokenizer, the weights
    result = run_script(FULL_DISK, model_folder, tmp_path, 10, 1_000, 8_000, 60_000)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == 4
    assert all("cannot write" in line and "step_000002" in line and "free some space" in line for line in lines)


KILLED = (
    PRELUDE
    + """
events = {"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "shutil.rmtree"}
trained.save(folder, 1)
saved, died = 0, 0
while not saved:
    child = os.fork()
    if child == 0:
        seen = 0

        def die(name, arguments):
            global seen
            if name in events:
                seen += 1
                if seen > died:
                    os._exit(9)

        sys.addaudithook(die)
        trained.save(folder, 2 + died, keep=1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9), code
    died, saved = died + (code == 9), code == 0
    newest = latest_checkpoint(folder)
    fresh = Trained(model)
    state = restore(newest, fresh.model, fresh.optimizer)
    assert newest.name == f"step_{state['step']:06d}"
    assert_equal(trained, fresh)
assert [entry.name for entry in folder.iterdir()] == [f"step_{2 + died:06d}"], list(folder.iterdir())
print(died)
"""
)


def test_a_kill_at_any_file_operation_leaves_a_whole_checkpoint(model_folder: Path, tmp_path: Path) -> None:
    result = run_script(KILLED, model_folder, tmp_path)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout.splitlines()[-1]) > 20


def test_a_folder_that_cannot_be_written_is_a_storage_error(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("a file is in the way")
    with pytest.raises(StorageError, match="step_000001"):
        trained.save(tmp_path / "checkpoints", 1)
