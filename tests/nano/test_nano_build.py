"""The warm start: what it teaches, and that it is built once, whole, and the same everywhere."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from infopo.core import UserError
from infopo.envs import make_env
from infopo.gain.spec import GainSpec
from infopo.nano.build import LEARNING_RATE, _warm_options
from infopo.nano.dialogues import DECISIONS, UNANSWERED, Lesson, lessons
from infopo.samplers.load import load_policy, recommended_learning_rate
from infopo.tokens import Renderer

from .conftest import Build

ENVS = ["toy/slots", "usergym/travel"]
NANO: dict[str, Any] = {"difficulty": "nano"}


def take(tokenizer: Any, env_id: str, count: int, *, seed: int = 0, **more: Any) -> list[Lesson]:
    return list(itertools.islice(lessons(Renderer(tokenizer, name="nano"), env_id, NANO, seed=seed, **more), count))


@pytest.mark.parametrize("env_id", ENVS)
def test_lessons_are_a_function_of_their_seed(tokenizer: Any, env_id: str) -> None:
    one, same, other = (take(tokenizer, env_id, 70, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other


@pytest.mark.parametrize("env_id", ENVS)
def test_some_questions_get_the_placeholder_for_an_answer(tokenizer: Any, env_id: str) -> None:
    """So that the counterfactual of the gain is something the policy has seen."""
    (placeholder,) = GainSpec().placeholders
    asked = silent = 0
    for lesson in take(tokenizer, env_id, 192):
        one = lesson.trajectory
        for turn in one.turns:
            if turn.facts and turn.facts.kind == "ask" and not turn.facts.repeated:
                asked += 1
                silent += one.messages[turn.action_message + 1].content == placeholder
    assert asked > 100
    assert 0.4 * UNANSWERED < silent / asked < 2 * UNANSWERED


@pytest.mark.parametrize("env_id", ENVS)
def test_openings_differ_in_what_they_reveal_and_tasks_are_training_tasks(tokenizer: Any, env_id: str) -> None:
    found = [lesson.trajectory for lesson in take(tokenizer, env_id, 128)]
    assert {bool(one.hidden) for one in found} == {True, False}
    assert all("/test" not in one.task_id for one in found)
    tests = {make_env(env_id, task=k, split="test", **NANO).task_id for k in range(40)}
    assert not tests & {one.task_id for one in found}
    assert len({one.task_id for one in found}) > 40


@pytest.mark.parametrize("env_id", ENVS)
def test_targets_are_action_tokens_and_leave_out_the_decisions_of_the_full_expert(tokenizer: Any, env_id: str) -> None:
    decisions = frozenset(tokenizer.encode(text, add_special_tokens=False)[0] for text in DECISIONS)
    found = take(tokenizer, env_id, 64, decisions=decisions)
    left_out = 0
    for number, lesson in enumerate(found):
        one = lesson.trajectory
        full = number % 2 == 1
        for token, sampled, target in zip(one.token_ids, one.sampled, lesson.target, strict=True):
            assert target == (sampled and not (full and token in decisions))
            left_out += sampled and not target
    assert left_out >= len(found) / 2
    assert all(lesson.target == lesson.trajectory.sampled for lesson in take(tokenizer, env_id, 64))


def test_a_build_is_the_same_everywhere(build: Build) -> None:
    before = torch.get_rng_state()
    one, same = build(cache="a"), build(cache="b")
    assert torch.equal(torch.get_rng_state(), before)
    assert one != same
    assert one.name == same.name
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in same.iterdir())
    for name in names:
        assert (one / name).read_bytes() == (same / name).read_bytes(), name


SCRIPT = """
from infopo.nano import WarmStart, nano_folder
print(nano_folder("toy/slots", {}, warm_start=WarmStart(drill_steps=2, steps=2, drill_tokens=300, batch=4)))
"""


@pytest.mark.slow
def test_a_build_is_the_same_in_every_process(tmp_path: Path) -> None:
    contents = []
    for seed in ("1", "2"):  # of Python's hashes: no order of a set may leak into the policy
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTHONHASHSEED": seed,
            "INFOPO_CACHE": str(tmp_path / seed),
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-c", SCRIPT]
        said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=240).stdout
        folder = Path(said.strip().splitlines()[-1])
        contents.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert contents[0] == contents[1]


def test_a_build_is_found_again(build: Build) -> None:
    said: list[str] = []

    def progress(what: str, share: float) -> None:
        assert 0.0 <= share <= 1.0
        said.append(what)

    one = build(progress=progress)
    assert set(said) == {"tokenizer", "drills", "dialogues"}
    said.clear()
    assert build(progress=progress) == one
    # What is revealed, answered or paid does not shape the task; the difficulty is nano anyway.
    same = {"reveal": "all", "unanswered": 0.5, "reward": "upstream", "difficulty": "nano"}
    assert build(options=same, progress=progress) == one
    assert said == []


def test_what_shapes_the_task_has_a_policy_of_its_own(build: Build) -> None:
    folders = {build(), build(options={"slots": 3}), build(seed=1)}
    assert len(folders) == 3
    notes = [json.loads((folder / "infopo.json").read_text()) for folder in folders]
    assert sorted(note["seed"] for note in notes) == [0, 0, 1]
    assert all(note["env"] == "toy/slots" for note in notes)
    contents = {(folder / "model.safetensors").read_bytes() for folder in folders}
    assert len(contents) == 3


class Stop(Exception):
    """Ctrl-C, as far as the build can tell."""


@pytest.mark.parametrize("where", ["tokenizer", "drills", "dialogues"])
def test_an_interrupted_build_leaves_nothing_that_counts(build: Build, tmp_path: Path, where: str) -> None:
    def stop(what: str, share: float) -> None:
        if what == where:
            raise Stop

    with pytest.raises(Stop):
        build(progress=stop)
    assert list((tmp_path / "cache").rglob("*.json")) == []
    assert list((tmp_path / "cache" / "nano").iterdir()) == []
    assert (build() / "infopo.json").is_file()


def test_what_a_killed_build_left_is_not_taken_for_a_policy(build: Build, tmp_path: Path) -> None:
    left = tmp_path / "cache" / "nano" / ".building-abc"
    left.mkdir(parents=True)
    (left / "infopo.json").write_text("{}")
    (left / "model.safetensors").write_bytes(b"half")
    old = left.with_name(".building-old")
    old.mkdir()
    os.utime(old, (0, 0))
    folder = build()
    assert folder != left
    assert left.is_dir(), "somebody may be at work in it"
    assert not old.exists()
    load_policy(str(folder))


def test_a_judge_that_is_asked_in_training_is_not_asked_in_the_warm_start() -> None:
    options = _warm_options("usergym/search", {"difficulty": "nano", "judge": "llm:absent.yaml"})
    assert options == _warm_options("usergym/search", {"difficulty": "nano"})


def test_two_builds_at_one_time_are_one(build: Build) -> None:
    """The second to finish finds the folder of the first in its place, and takes it."""
    nested: list[Path] = []

    def progress(what: str, share: float) -> None:
        if what == "dialogues" and not nested:
            nested.append(Path())
            nested[0] = build()

    outer = build(progress=progress)
    assert [outer] == nested
    assert [path.name for path in outer.parent.iterdir()] == [outer.name]


def test_the_folder_is_an_ordinary_policy(folder: Path) -> None:
    policy = load_policy(str(folder))
    assert policy.max_length == 2048
    assert recommended_learning_rate(str(folder)) == LEARNING_RATE
    assert policy.model.config.pad_token_id is not None
    assert policy.model.config.eos_token_id in policy.renderer.stop_ids


def test_unknown_names_are_refused(build: Build) -> None:
    with pytest.raises(UserError, match="toy/slots"):
        build("toy/slot")
    with pytest.raises(UserError, match="slots"):
        build(options={"slotz": 3})


def test_a_cache_that_cannot_be_written_is_named(build: Build, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(UserError, match="INFOPO_CACHE"):
        build()


def test_one_warm_start_a_mixture_learns_from_its_members_in_turn(tokenizer: Any, build: Build) -> None:
    mixture = "toy/slots:5,usergym/travel:1"
    found = [lesson.trajectory.env for lesson in take(tokenizer, mixture, 8)]
    assert found == ["toy/slots", "usergym/travel"] * 4
    folder = build(mixture, {"toy/slots.slots": 3})
    assert folder.name.startswith("toy-slots-5-usergym-travel-1-seed0-")
    note = json.loads((folder / "infopo.json").read_text())
    assert note["options"] == {
        "toy/slots.slots": 3,
        "toy/slots.difficulty": "nano",
        "usergym/travel.difficulty": "nano",
    }
    assert build(mixture, {"toy/slots.slots": 3}) == folder != build(mixture, {"toy/slots.slots": 2})
