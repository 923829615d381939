"""Loading a policy: real folders, and one clear line for every folder that is none."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from infopo.core import UserError
from infopo.samplers.load import load_policy, recommended_learning_rate
from infopo.testing.tiny import FAMILIES, tiny_folder, tiny_tokenizer
from infopo.tokens.language_model import logits_of


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.mktemp("good"))


@pytest.fixture
def folder(good: Path, tmp_path: Path) -> Path:
    """A copy to be spoilt."""
    return Path(shutil.copytree(good, tmp_path / "model"))


def edit_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder_becomes_a_policy(family: str, tmp_path: Path) -> None:
    tiny_folder(tmp_path, family, seed=3)
    before = torch.get_rng_state()
    policy = load_policy(str(tmp_path), temperature=0.7)
    assert torch.equal(torch.get_rng_state(), before)
    assert type(policy.model).__name__ == f"{family}ForCausalLM"
    assert policy.temperature == 0.7
    assert not policy.model.training
    assert all(weight.dtype == torch.float32 and weight.requires_grad for weight in policy.model.parameters())


def test_weights_are_loaded_in_the_type_asked_for(good: Path) -> None:
    assert {weight.dtype for weight in load_policy(str(good), dtype="bfloat16").model.parameters()} == {torch.bfloat16}


def test_adapters_start_as_nothing_and_are_all_that_trains(good: Path) -> None:
    before = torch.get_rng_state()
    plain, adapted = load_policy(str(good)), load_policy(str(good), lora_rank=4, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    trained = {name for name, weight in adapted.model.named_parameters() if weight.requires_grad}
    assert trained
    assert all("lora_" in name for name in trained)
    hidden = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(logits_of(plain.model, hidden), logits_of(adapted.model, hidden))
    ids = torch.arange(9)[None]
    with torch.no_grad():
        torch.testing.assert_close(plain.model(input_ids=ids).logits, adapted.model(input_ids=ids).logits)


def test_adapters_are_drawn_from_the_seed(good: Path) -> None:
    one, same, other = (
        dict(load_policy(str(good), lora_rank=2, seed=seed).model.named_parameters()) for seed in (5, 5, 6)
    )
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_adapters_can_be_kept_to_some_modules(good: Path) -> None:
    model = load_policy(str(good), lora_rank=2, lora_targets="q_proj,v_proj").model
    adapted = {name.split(".lora_")[0].rpartition(".")[2] for name, _ in model.named_parameters() if "lora_" in name}
    assert adapted == {"q_proj", "v_proj"}


def test_the_embedding_may_have_spare_rows(tmp_path: Path) -> None:
    tiny_folder(tmp_path, vocab_size=512)
    assert load_policy(str(tmp_path)).model.get_input_embeddings().weight.shape[0] == 512


def no_configuration(folder: Path) -> None:
    (folder / "config.json").unlink()


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def more_layers(folder: Path) -> None:
    edit_config(folder, num_hidden_layers=3, layer_types=["full_attention"] * 3)


def other_width(folder: Path) -> None:
    edit_config(folder, intermediate_size=64)


def other_vocabulary(folder: Path) -> None:
    edit_config(folder, vocab_size=200)


def bigger_tokenizer(folder: Path) -> None:
    tiny_tokenizer(["one two three four five six seven eight nine ten"] * 9, vocabulary=500).save_pretrained(folder)


def no_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()


def unknown_architecture(folder: Path) -> None:
    edit_config(folder, model_type="no-such-model")


def broken_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def no_tokenizer(folder: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()


def list_for(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).write_text("[]")

    spoil.__name__ = f"list_for_{name}"
    return spoil


def words_for_numbers(folder: Path) -> None:
    edit_config(folder, num_hidden_layers="two")


def weight_with(value: float) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        weights["model.layers.1.mlp.up_proj.weight"][3, 5] = value
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    spoil.__name__ = f"weight_with_{value}"
    return spoil


SPOILT: dict[Callable[[Path], None], str] = {
    no_configuration: "config.json",
    no_weights: "safetensors",
    cut_weights: "could not be loaded",
    more_layers: r"model\.layers\.2\.\S+ of config.json is not in \*.safetensors",
    other_width: "has another shape in",
    other_vocabulary: "has another shape in",
    bigger_tokenizer: "embeddings for a tokenizer of",
    no_template: "no chat template",
    unknown_architecture: "could not be loaded.*no-such-model",
    broken_json: "could not be loaded",
    no_tokenizer: r"has no tokenizer \(tokenizer.json\); copy",
    list_for("config.json"): r"config.json must hold a JSON object, got \[\]; put",
    list_for("tokenizer.json"): "tokenizer.json must hold a JSON object",
    list_for("tokenizer_config.json"): "tokenizer_config.json must hold a JSON object",
    words_for_numbers: "could not be loaded.*num_hidden_layers",
    weight_with(math.nan): r"weight model\.layers\.1\.mlp\.up_proj\.weight holds.*not finite.*earlier checkpoint",
    weight_with(-math.inf): r"model\.layers\.1\.mlp\.up_proj\.weight holds values that are not finite",
}


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_a_spoilt_folder_is_refused_in_one_line(folder: Path, spoil: Callable[[Path], None]) -> None:
    spoil(folder)
    with pytest.raises(UserError, match=SPOILT[spoil]) as caught:
        load_policy(str(folder))
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("path", ["./missing", "some/where/missing", "~/missing-model"])
def test_a_path_that_does_not_exist_is_not_looked_up_anywhere(path: str) -> None:
    with pytest.raises(UserError, match="does not exist"):
        load_policy(path)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("")
    with pytest.raises(UserError, match="does not exist"):
        load_policy(str(tmp_path / "model"))


def test_adapter_targets_that_the_model_lacks_are_refused(good: Path) -> None:
    with pytest.raises(UserError, match=r"lora.targets 'no_such_module'"):
        load_policy(str(good), lora_rank=2, lora_targets="no_such_module")


def test_the_learning_rate_is_the_folder_s_or_the_published_one(folder: Path) -> None:
    assert recommended_learning_rate(str(folder)) == 1e-6
    (folder / "infopo.json").write_text('{"learning_rate": 0.002}')
    assert recommended_learning_rate(str(folder)) == 0.002
    assert recommended_learning_rate("owner/name") == 1e-6
    for text, said in (
        ("[]", "must hold a JSON object"),
        ('{"learning_rate": "fast"}', "must be a number"),
        ("{", "loaded"),
    ):
        (folder / "infopo.json").write_text(text)
        with pytest.raises(UserError, match=f"infopo.json.*{said}"):
            recommended_learning_rate(str(folder))
