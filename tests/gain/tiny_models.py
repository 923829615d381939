"""Random models of a few thousand parameters, one for each kind of attention that the project accepts."""

from typing import Any

import torch
import transformers

WINDOW = 7  # of the models with a sliding window: shorter than the histories of the tests

SHAPE: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 512,
    "initializer_range": 0.25,  # wide, so that a token of the history matters
    "attention_dropout": 0.1,  # so that a forward outside evaluation mode is noticed
}

LAYERS = ["sliding_attention", "full_attention", "sliding_attention"]

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "qwen2": ("Qwen2", {}),
    "qwen2-window": ("Qwen2", {"use_sliding_window": True, "sliding_window": WINDOW, "layer_types": LAYERS}),
    "qwen3": ("Qwen3", {"tie_word_embeddings": True}),
    "llama": ("Llama", {}),
    "mistral-window": ("Mistral", {"sliding_window": WINDOW}),
    "gemma3": ("Gemma3", {"sliding_window": WINDOW, "layer_types": LAYERS}),
    "phi3-window": ("Phi3", {"sliding_window": WINDOW}),
    "olmo2": ("Olmo2", {}),
    "qwen3-moe": ("Qwen3Moe", {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}),
    "gemma2-capped": ("Gemma2", {"sliding_window": WINDOW, "layer_types": LAYERS, "final_logit_softcapping": 3.0}),
}

# Two of three layers are recurrent: they follow no mask.
LINEAR: dict[str, Any] = {
    "layer_types": ["linear_attention", "full_attention", "linear_attention"],
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "shared_expert_intermediate_size": 16,
}

EAGER_ONLY = ("gemma2-capped",)
MODELS = [
    (family, attention)
    for family in FAMILIES
    for attention in ("sdpa", "eager")
    if attention == "eager" or family not in EAGER_ONLY
]


def tiny_model(family: str, attention: str = "sdpa", *, vocabulary: int, seed: int = 0) -> Any:
    """A random float32 model in evaluation mode; the global generator is left as it was."""
    name, changes = ("Qwen3Next", LINEAR) if family == "linear" else FAMILIES[family]
    config_name = "Gemma3TextConfig" if name == "Gemma3" else f"{name}Config"
    config = getattr(transformers, config_name)(vocab_size=vocabulary, **SHAPE, **changes)
    config.bos_token_id = config.eos_token_id = config.pad_token_id = 0
    if name.startswith("Gemma"):
        config.query_pre_attn_scalar = SHAPE["head_dim"]
    config._attn_implementation = attention
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        model = getattr(transformers, f"{name}ForCausalLM")(config)
    return model.eval()
