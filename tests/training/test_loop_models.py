"""Real model folders of several architectures are trained, saved and loaded again by the library's own classes."""

from pathlib import Path
from typing import Any

import pytest
import torch

from infopo.core import UserError, read_records
from infopo.samplers.load import load_policy
from infopo.testing.tiny import tiny_folder
from infopo.tokens.cpu_attention import CPU_ATTENTION
from infopo.training.config import LoraConfig

from .conftest import MakeTrainer, distance, weights

FAMILIES = {
    "Qwen2": {},
    "Llama": {"vocab_size": 640, "num_key_value_heads": 4},  # spare embeddings; a head for every query
    "Qwen3": {"tie_word_embeddings": True},
}


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model.eval()(input_ids=torch.arange(40, 60)[None]).logits
    return found


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, slots_options: dict[str, Any]) -> dict[str, Path]:
    return {
        name: tiny_folder(
            tmp_path_factory.mktemp(name),
            name,
            env_id="toy/slots",
            env_options=slots_options,
            lessons=20,
            **changes,
        )
        for name, changes in FAMILIES.items()
    }


@pytest.mark.parametrize("rank", [0, 4])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder_is_trained_and_its_checkpoint_is_a_folder_again(
    make_trainer: MakeTrainer, folders: dict[str, Path], family: str, rank: int
) -> None:
    from peft import AutoPeftModelForCausalLM
    from transformers import AutoModelForCausalLM, AutoTokenizer

    trainer = make_trainer("a", model=folders[family], lora=LoraConfig(rank=rank))
    before = weights(trainer)
    trainer.run()
    assert distance(weights(trainer), before) > 1e-5
    for line in read_records(trainer.folder.path / "metrics.jsonl"):
        assert line["loss/ratio_error_first"] < 2e-6
        assert line["rollout/failed_episodes"] == 0
    checkpoint = trainer.folder.checkpoints / "step_000003"
    kind: Any = AutoPeftModelForCausalLM if rank else AutoModelForCausalLM
    loaded = kind.from_pretrained(checkpoint, attn_implementation=CPU_ATTENTION)
    torch.testing.assert_close(logits(loaded), logits(trainer.policy.model), atol=1e-6, rtol=0)
    tokenizer, original = (AutoTokenizer.from_pretrained(path) for path in (checkpoint, folders[family]))
    assert tokenizer.chat_template == original.chat_template
    assert tokenizer.get_vocab() == original.get_vocab()
    assert (checkpoint / "adapter_config.json").exists() == bool(rank)
    assert not list(checkpoint.glob("*.bin")) + list(checkpoint.glob("*.pt"))
    if not rank:
        again = load_policy(str(checkpoint))
        assert torch.equal(logits(again.model), logits(trainer.policy.model))


def test_a_trained_folder_can_be_the_start_of_another_run(make_trainer: MakeTrainer, folders: dict[str, Path]) -> None:
    first = make_trainer("a", model=folders["Qwen2"], steps=1)
    first.run()
    second = make_trainer("b", model=first.folder.checkpoints / "step_000001", steps=1)
    assert distance(weights(second), weights(first)) == 0.0
    second.run()
    assert distance(weights(second), weights(first)) > 0.0


@pytest.mark.parametrize("dtype", ["bfloat16"])
def test_a_coarser_number_type_trains_too(make_trainer: MakeTrainer, folders: dict[str, Path], dtype: str) -> None:
    with pytest.raises(UserError, match="small updates round to nothing"):
        make_trainer("b", model=folders["Qwen2"], dtype=dtype, steps=2)
    lora = LoraConfig(rank=4)
    trainer = make_trainer("a", model=folders["Qwen2"], dtype=dtype, steps=2, lora=lora, learning_rate=1e-2)
    assert torch.bfloat16 in {weight.dtype for weight in trainer.policy.model.parameters()}
    before = weights(trainer)
    trainer.run()
    assert distance(weights(trainer), before) > 0
    for line in read_records(trainer.folder.path / "metrics.jsonl"):
        assert line["optimizer/skipped"] == 0
        assert line["loss/ratio_error_first"] < 1.0
