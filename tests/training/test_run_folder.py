"""Run folders and configurations: what is written comes back, and nothing of another run is ever overwritten."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from infopo.core import UserError, read_records
from infopo.training.config import TrainConfig
from infopo.training.config_io import config_from_dict, config_to_yaml, read_yaml
from infopo.training.run_folder import RunFolder

CONFIG = TrainConfig(env="toy/slots", env_options={"slots": 3, "reveal": "some"}, learning_rate=1e-6)

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


@given(
    options=st.dictionaries(st.text(), scalars | st.lists(scalars)),
    rate=st.none() | st.floats(min_value=1e-30, max_value=1e30),
    trackers=st.lists(st.sampled_from(["wandb", "tensorboard"])),
    steps=st.integers(0, 10**9),
)
def test_every_configuration_survives_its_file(options: Any, rate: Any, trackers: list[str], steps: int) -> None:
    config = TrainConfig(env_options=options, learning_rate=rate, trackers=tuple(trackers), steps=steps)
    assert config_from_dict(yaml.safe_load(config_to_yaml(config))) == config


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"stps": 3}, "did you mean 'steps'"),
        ({"rollout": {"temprature": 1.0}}, "did you mean 'rollout.temperature'"),
        ({"steps": "many"}, "steps must be a whole number"),
        ({"steps": True}, "steps must be a whole number"),
        ({"steps": 1.5}, "steps must be a whole number"),
        ({"rollout": {"temperature": "hot"}}, "rollout.temperature must be a number"),
        ({"rollout": 3}, "rollout must be a mapping"),
        ({"env": 3}, "env must be text"),
        ({"trackers": "wandb"}, "trackers must be a list"),
        ({"env_options": [1]}, "env_options must be a mapping"),
        ({"gain": {"reduction": "men"}}, "did you mean 'mean'"),
        ({"gain_backend": "kw"}, "did you mean 'kv'"),
        ({"groups": 0}, "groups is out of range"),
        ({"group_size": 1}, "group_size is out of range"),
        ({"weight_decay": -1}, "weight_decay is out of range"),
        ({"weight_decay": "nan"}, "weight_decay is out of range"),
        ({"learning_rate": "inf"}, "learning_rate is out of range"),
        ({"warmup_steps": -1}, "warmup_steps is out of range"),
        ({"lora": {"alpha": 0}}, "lora.alpha is out of range"),
        ({"critic": {"learning_rate": "inf"}}, "critic.learning_rate is out of range"),
        ({"loss": {"kl_coefficient": "nan"}}, "kl_coefficient must be a finite number"),
        ({"loss": {"dual_clip": "nan"}}, "dual_clip must exceed 1"),
        ({"loss": {"value_clip": "nan"}}, "value_clip must exceed 0"),
    ],
)
def test_a_wrong_key_or_value_is_named(data: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        config_from_dict(data)


def test_numbers_that_yaml_reads_as_text_are_numbers() -> None:
    assert config_from_dict(yaml.safe_load("learning_rate: 1e-6\nweight_decay: 0")).learning_rate == 1e-6


@pytest.mark.parametrize("text", ["steps: [", "- a list", "3", "1: 2"])
def test_a_file_that_is_no_mapping_is_refused_by_its_path(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"recipe\.yaml"):
        read_yaml(path)


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("# nothing\n")
    assert config_from_dict(read_yaml(tmp_path / "recipe.yaml")) == TrainConfig()


@pytest.mark.parametrize("text", ["", "env: toy/slots\nsteps: 3\n"])
def test_a_run_whose_configuration_was_cut_short_is_not_resumed_with_defaults(tmp_path: Path, text: str) -> None:
    with RunFolder.create(tmp_path / "run", CONFIG):
        pass
    (tmp_path / "run" / "config.yaml").write_text(text)
    with pytest.raises(UserError, match=r"config\.yaml is not whole: it lacks .*seed"):
        RunFolder.open(tmp_path / "run")


def record(step: int) -> dict[str, Any]:
    return {"step": step, "env": "toy/slots"}


def test_records_and_summary_are_in_the_folder(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "deep" / "run", CONFIG) as folder:
        folder.log_metrics(1, {"train/success": 0.5, "info/gate_mean": None})
        folder.log_timings(1, {"seconds/total": 2.0})
        folder.log_trajectories(1, [record(1), record(1)])
        folder.write_summary({"after": None})
        folder.dump_batch(1, [record(1)])
    run = tmp_path / "deep" / "run"
    assert list(read_records(run / "metrics.jsonl")) == [
        {"run": "run", "step": 1, "train/success": 0.5, "info/gate_mean": None}
    ]
    assert list(read_records(run / "timings.jsonl")) == [{"run": "run", "step": 1, "seconds/total": 2.0}]
    assert list(read_records(run / "trajectories.jsonl")) == [record(1), record(1)]
    assert list(read_records(run / "dumps" / "step_000001.jsonl")) == [record(1)]
    assert json.loads((run / "summary.json").read_text()) == {"after": None}
    assert config_from_dict(read_yaml(run / "config.yaml")) == CONFIG


def test_a_record_of_another_step_is_refused(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "run", CONFIG) as folder, pytest.raises(ValueError, match="step 2"):
        folder.log_trajectories(1, [record(2)])


def test_an_existing_run_is_never_overwritten(tmp_path: Path) -> None:
    RunFolder.create(tmp_path / "run", CONFIG).close()
    with pytest.raises(UserError, match=r"not empty.*--resume .*--out"):
        RunFolder.create(tmp_path / "run", CONFIG)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="not empty"):
        RunFolder.create(tmp_path / "other", CONFIG)
    assert [path.name for path in (tmp_path / "other").iterdir() if path.suffix] == ["thesis.tex"]


def test_what_a_kill_before_the_first_file_left_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").touch()
    (tmp_path / "run" / ".config.yaml.1.2.tmp").write_text("env: to")
    with pytest.raises(UserError, match=r"no config\.yaml"):
        RunFolder.open(tmp_path / "run")
    RunFolder.create(tmp_path / "run", CONFIG).close()
    assert RunFolder.open(tmp_path / "run").config == CONFIG


def test_one_process_writes_a_run_at_a_time(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", CONFIG)
    with pytest.raises(UserError, match="another process"):
        RunFolder.open(tmp_path / "run")
    folder.close()
    folder.close()
    RunFolder.open(tmp_path / "run").close()


@pytest.mark.parametrize("checkpoint", [None, 2])
def test_resuming_sets_later_records_aside(tmp_path: Path, model_folder: Path, checkpoint: int | None) -> None:
    run = tmp_path / "run"
    with RunFolder.create(run, CONFIG) as folder:
        for step in (1, 2, 3):
            folder.log_metrics(step, {"train/success": step / 3})
            folder.log_timings(step, {"seconds/total": 1.0})
            folder.log_trajectories(step, [record(step)] * 2)
            if step == checkpoint:
                save(folder, step, model_folder)
    kept = checkpoint or 0
    lines = (run / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    with open(run / "trajectories.jsonl", "ab") as file:
        file.write(b'{"v": 1, "crc": 12, "da')  # torn by a kill
    with RunFolder.open(run) as folder:
        assert folder.config == CONFIG
        folder.log_metrics(kept + 1, {"train/success": 1.0})
    assert (run / "metrics.jsonl").read_bytes().startswith(b"".join(lines[:kept]))
    assert [row["step"] for row in read_records(run / "metrics.jsonl")] == [*range(1, kept + 1), kept + 1]
    assert [row["step"] for row in read_records(run / "trajectories.jsonl")] == [
        step for step in range(1, kept + 1) for _ in range(2)
    ]
    aside = list(read_records(next((run / "discarded").glob("metrics.jsonl.*"))))
    assert [row["step"] for row in aside] == list(range(kept + 1, 4))


def save(folder: RunFolder, step: int, model_folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from infopo.training.checkpoint import save_checkpoint

    model = AutoModelForCausalLM.from_pretrained(model_folder)
    optimizer = torch.optim.AdamW(model.parameters())
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    save_checkpoint(folder.checkpoints, step, model, tokenizer, optimizer, {"step": step})


def test_a_run_can_be_made_longer(tmp_path: Path) -> None:
    RunFolder.create(tmp_path / "run", CONFIG).close()
    with RunFolder.open(tmp_path / "run", steps=7) as folder:
        assert folder.config.steps == 7
    assert config_from_dict(read_yaml(tmp_path / "run" / "config.yaml")).steps == 7


def test_a_misspelt_key_in_the_saved_configuration_is_named(tmp_path: Path) -> None:
    RunFolder.create(tmp_path / "run", CONFIG).close()
    path = tmp_path / "run" / "config.yaml"
    path.write_text(path.read_text().replace("save_every", "save_evry"))
    with pytest.raises(UserError, match=r"config\.yaml 'save_evry'; did you mean 'save_every'"):
        RunFolder.open(tmp_path / "run")
