"""Real model folders, tiny and random: an architecture of the library, a tokenizer trained here, a chat template."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# A shell starts what it puts in the background deaf to Ctrl-C, and so would be the processes that tests start and stop.
signal.signal(signal.SIGINT, signal.default_int_handler)

TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"
)
CORPUS = [
    "guess color size : red blue green gray / tiny small large huge",
    "[action] which color ? it is red\n[answer] red small\nNo information found. i did not understand",
    "user assistant system tool",
]


def tiny_tokenizer(template: str | None = TEMPLATE) -> Any:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS * 4, trainer)
    specials = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in specials])
    result = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    if template is not None:
        result.chat_template = template
    return result


def tiny_model(seed: int = 0, *, kind: str = "qwen2", vocabulary: int = 400) -> Any:
    """Random weights, a pure function of the arguments."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    sizes = {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
    }
    if kind == "qwen2":
        model: Any = Qwen2ForCausalLM(Qwen2Config(**sizes, tie_word_embeddings=True))
    else:
        model = LlamaForCausalLM(LlamaConfig(**sizes, tie_word_embeddings=False))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.1)
    return model


@pytest.fixture(scope="session")
def make_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`make_model_folder("llama", template=None)`: an ordinary transformers folder."""

    def make(kind: str = "qwen2", *, template: str | None = TEMPLATE, seed: int = 0) -> Path:
        folder = tmp_path_factory.mktemp(f"model-{kind}")
        tokenizer = tiny_tokenizer(template)
        tiny_model(seed, kind=kind, vocabulary=len(tokenizer)).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def model_folder(make_model_folder: Callable[..., Path]) -> Path:
    """A random Qwen2 with its own tokenizer and a ChatML template."""
    return make_model_folder()


SLOTS_OPTIONS = {"difficulty": "nano", "slots": 1, "values": 2}


@pytest.fixture(scope="session")
def slots_options() -> dict[str, Any]:
    """Options of `toy/slots` under which the policy of `slots_folder` is right about half of the time."""
    return dict(SLOTS_OPTIONS)


@pytest.fixture(scope="session")
def slots_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Qwen2 that writes well-formed actions of `toy/slots`, good and bad ones."""
    from infopo.testing.tiny import tiny_folder

    folder = tmp_path_factory.mktemp("slots-policy")
    return tiny_folder(folder, env_id="toy/slots", env_options=SLOTS_OPTIONS, lessons=80)
