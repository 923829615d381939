"""Full-state checkpoints: an ordinary transformers (or adapter) folder, plus optimiser state, counters and a manifest.

A critic, and what the model folder says of itself in `infopo.json`, go along. It is a sealed folder
(`core.sealed_folder`): whole, or never looked at. Weights and optimiser states are safetensors. One process writes;
optimiser states sharded over processes are not covered.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from infopo.core.checkpoint_folders import CheckpointError, checkpoint_path, rotate
from infopo.core.sealed_folder import SealedFolder, sweep
from infopo.samplers.restore import is_adapter, restore_weights
from infopo.tokens.language_model import base_of

STATE, OPTIMIZER, NOTE = "state.json", "optimizer.safetensors", "infopo.json"
CRITIC, CRITIC_OPTIMIZER = "critic.safetensors", "critic_optimizer.safetensors"


def save_checkpoint(
    folder: Path,
    step: int,
    model: Any,
    tokenizer: Any,
    optimizer: Any,
    state: Mapping[str, Any],
    *,
    critic: Any = None,
    keep: int | None = None,
) -> Path:
    """Write `folder/step_NNNNNN` whole or not at all, then keep the newest `keep`; returns its path.

    `state` is what the loop wants back (JSON); `critic` has `head` and `optimizer`. Raises `CheckpointError` for
    non-finite weights or optimiser states, `StorageError` where the disk refuses; earlier checkpoints stay as they are.
    """
    pairs = {OPTIMIZER: (model, optimizer)} | ({CRITIC_OPTIMIZER: (critic.head, critic.optimizer)} if critic else {})
    optimizers = {name: _optimizer_state(*pair) for name, pair in pairs.items()}
    weights = [weight for owner, _ in pairs.values() for weight in owner.named_parameters()]
    for name, tensor in (*weights, *(item for tensors, _ in optimizers.values() for item in tensors.items())):
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{name} is not finite and is not saved; resume from the last checkpoint in {folder}")
    origin = base_of(model).name_or_path
    sweep(folder)
    path = checkpoint_path(folder, step)
    with SealedFolder(path) as partial:
        if is_adapter(model):
            # "auto" would ask the hub whether the base model's vocabulary has changed
            model.save_pretrained(partial, save_embedding_layers=False)
        else:
            model.save_pretrained(partial)
            if origin and (note := Path(origin) / NOTE).is_file():
                shutil.copyfile(note, partial / NOTE)
        tokenizer.save_pretrained(partial)
        for name, (tensors, groups) in optimizers.items():
            save_file(tensors, partial / name, metadata={"groups": json.dumps(groups)})
        if critic:
            save_file(critic.head.state_dict(), partial / CRITIC)
        (partial / STATE).write_text(json.dumps(dict(state), indent=1, allow_nan=False) + "\n")
    if keep is not None:
        rotate(folder, keep)
    return path


def restore(path: Path, model: Any, optimizer: Any, critic: Any = None) -> dict[str, Any]:
    """Put weights and optimiser states back in place, bit for bit; returns what was stored as `state`.

    Raises `CheckpointError` naming the tensor that does not fit this model or optimiser.
    """
    restore_weights(path, model)
    _restore_optimizer(path / OPTIMIZER, model, optimizer)
    if critic:
        if not (path / CRITIC).is_file():
            raise CheckpointError(f"{path} has no {CRITIC}: it was saved by a method without a critic")
        critic.head.load_state_dict(load_file(path / CRITIC))
        _restore_optimizer(path / CRITIC_OPTIMIZER, critic.head, critic.optimizer)
    state: dict[str, Any] = json.loads((path / STATE).read_text())
    return state


def _named(model: Any, optimizer: Any) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            yield names[id(parameter)], parameter, group


def _optimizer_state(model: Any, optimizer: Any) -> tuple[dict[str, torch.Tensor], list[dict[str, Any]]]:
    """`{parameter.key: tensor}` (`exp_avg`, `exp_avg_sq`, `step` for AdamW), and the plain settings of every group."""
    tensors = {
        f"{name}.{key}": torch.as_tensor(value).detach().contiguous()
        for name, parameter, _ in _named(model, optimizer)
        for key, value in optimizer.state.get(parameter, {}).items()
    }
    plain = (bool, int, float, str, tuple, list, type(None))
    groups = [
        {key: value for key, value in group.items() if key != "params" and isinstance(value, plain)}
        for group in optimizer.param_groups
    ]
    return tensors, groups


def _restore_optimizer(path: Path, model: Any, optimizer: Any) -> None:
    parameters = {name: (parameter, group) for name, parameter, group in _named(model, optimizer)}
    with safe_open(path, framework="pt", device="cpu") as file:
        groups = json.loads((file.metadata() or {}).get("groups", "[]"))
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    if len(groups) != len(optimizer.param_groups):
        raise CheckpointError(f"{path} has {len(groups)} parameter groups, the optimiser {len(optimizer.param_groups)}")
    optimizer.state.clear()
    for key, tensor in tensors.items():
        name, _, part = key.rpartition(".")
        if name not in parameters:
            raise CheckpointError(f"{path} does not fit this optimiser: it has no parameter {name}")
        parameter, group = parameters[name]
        # AdamW counts on the host, unless a fused kernel does the update
        on_host = part == "step" and not (group.get("capturable") or group.get("fused"))
        optimizer.state[parameter][part] = tensor if on_host else tensor.to(parameter.device)
    for group, saved in zip(optimizer.param_groups, groups, strict=True):
        group.update({key: tuple(value) if isinstance(value, list) else value for key, value in saved.items()})
