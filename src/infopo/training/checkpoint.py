"""Full-state checkpoints: an ordinary transformers (or adapter) folder, plus optimiser state, counters and a manifest.

`step_000020/` is a sealed folder (`core.sealed_folder`): whole, or never looked at. Weights and optimiser states are
safetensors. One process writes; optimiser states sharded over processes are not covered.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from infopo.core import InfopoError, UserError
from infopo.core.sealed_folder import MANIFEST, SealedFolder, remove, sweep, verify

STATE, OPTIMIZER = "state.json", "optimizer.safetensors"
_NAME = re.compile(r"step_(\d{6,})")
_logger = logging.getLogger(__name__)


class CheckpointError(InfopoError):
    """A state that must not be saved, or that does not fit what it is restored into."""


def save_checkpoint(
    folder: Path,
    step: int,
    model: Any,
    tokenizer: Any,
    optimizer: Any,
    state: Mapping[str, Any],
    *,
    keep: int | None = None,
) -> Path:
    """Write `folder/step_NNNNNN` whole or not at all, then keep the newest `keep`; returns its path.

    `state` is what the loop wants back (JSON). Raises `CheckpointError` for non-finite weights or optimiser states,
    `StorageError` where the disk refuses; the checkpoints made before stay as they are.
    """
    tensors, groups = _optimizer_state(model, optimizer)
    for name, tensor in (*model.named_parameters(), *tensors.items()):
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{name} is not finite and is not saved; resume from the last checkpoint in {folder}")
    sweep(folder)
    path = folder / f"step_{step:06d}"
    with SealedFolder(path) as partial:
        if _is_adapter(model):
            # "auto" would ask the hub whether the base model's vocabulary has changed
            model.save_pretrained(partial, save_embedding_layers=False)
        else:
            model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        save_file(tensors, partial / OPTIMIZER, metadata={"groups": json.dumps(groups)})
        (partial / STATE).write_text(json.dumps(dict(state), indent=1, allow_nan=False) + "\n")
    if keep is not None:
        rotate(folder, keep)
    return path


def checkpoint_step(path: Path) -> int:
    """The number in a checkpoint's name.

    >>> checkpoint_step(Path("run/checkpoints/step_000020"))
    20
    """
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise UserError(f"{path} is not a checkpoint: its name must be step_ and six digits")
    return int(match[1])


def latest_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint whose checksums agree; None where none was ever finished.

    A damaged one is skipped with a warning that names the file. Raises `UserError` where all are damaged.
    """
    problems = []
    for path in reversed(_finished(folder)):
        problem = verify(path)
        if problem is None:
            return path
        _logger.warning("skipping the damaged checkpoint %s: %s", path, problem)
        problems.append(f"{path.name}: {problem}")
    if problems:
        raise UserError(
            f"no usable checkpoint in {folder} ({'; '.join(problems)}); put those files back from a copy, "
            f"or delete that folder to start the run from its first step"
        )
    return None


def restore(path: Path, model: Any, optimizer: Any) -> dict[str, Any]:
    """Put weights and optimiser state back in place, bit for bit; returns what was stored as `state`.

    Raises `CheckpointError` naming the tensor that does not fit this model or optimiser.
    """
    if _is_adapter(model):
        _restore_adapter(path, model)
    else:
        _restore_weights(path, model)
    _restore_optimizer(path, model, optimizer)
    state: dict[str, Any] = json.loads((path / STATE).read_text())
    return state


def rotate(folder: Path, keep: int) -> None:
    """Delete all but the newest `keep` checkpoints; one without its manifest is left alone and not counted."""
    sealed = [path for path in _finished(folder) if (path / MANIFEST).is_file()]
    for path in sealed[: max(0, len(sealed) - max(1, keep))]:
        remove(path)


def _finished(folder: Path) -> list[Path]:
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)] if folder.is_dir() else []
    return sorted(found, key=checkpoint_step)


def _is_adapter(model: Any) -> bool:
    return hasattr(model, "peft_config") and hasattr(model, "get_base_model")


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


def _restore_adapter(path: Path, model: Any) -> None:
    from peft import load_peft_weights, set_peft_model_state_dict

    found: Any = set_peft_model_state_dict(model, load_peft_weights(str(path), device="cpu"))
    foreign = [name for name in found.missing_keys if "lora_" in name] + list(found.unexpected_keys)
    if foreign:
        raise CheckpointError(f"{path} does not fit this adapter: {foreign[0]} is in only one of the two")


def _restore_weights(path: Path, model: Any) -> None:
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


def _restore_optimizer(path: Path, model: Any, optimizer: Any) -> None:
    parameters = {name: (parameter, group) for name, parameter, group in _named(model, optimizer)}
    with safe_open(path / OPTIMIZER, framework="pt", device="cpu") as file:
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
