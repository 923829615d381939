"""Put the weights of a saved folder into a model that is already there, bit for bit."""

from pathlib import Path
from typing import Any

import torch

from infopo.core.checkpoint_folders import CheckpointError


def is_adapter(model: Any) -> bool:
    """Whether a model is a base with adapters by peft."""
    return hasattr(model, "peft_config") and hasattr(model, "get_base_model")


def restore_weights(path: Path, model: Any) -> None:
    """All weights of the folder `path`, or its adapters; raises `CheckpointError` naming the one that does not fit."""
    if is_adapter(model):
        _restore_adapter(path, model)
    else:
        _restore_full(path, model)


def _restore_adapter(path: Path, model: Any) -> None:
    from peft import load_peft_weights, set_peft_model_state_dict

    found: Any = set_peft_model_state_dict(model, load_peft_weights(str(path), device="cpu"))
    foreign = [name for name in found.missing_keys if "lora_" in name] + list(found.unexpected_keys)
    if foreign:
        raise CheckpointError(f"{path} does not fit this adapter: {foreign[0]} is in only one of the two")


def _restore_full(path: Path, model: Any) -> None:
    # through the library, because it may store weights under other names, or split, than it runs them
    loaded, found = type(model).from_pretrained(path, dtype="auto", use_safetensors=True, output_loading_info=True)
    own, saved = model.state_dict(), loaded.state_dict()
    for name in sorted({*found["missing_keys"], *found["unexpected_keys"], *(own.keys() ^ saved.keys())}):
        raise CheckpointError(f"{path} does not fit this model: {name} is in only one of the two")
    with torch.no_grad():
        for name, tensor in own.items():
            if tensor.shape != saved[name].shape or tensor.dtype != saved[name].dtype:
                raise CheckpointError(f"{path} does not fit this model: {name} has another shape or number type")
            tensor.copy_(saved[name])
