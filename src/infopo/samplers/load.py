"""Load a policy: any transformers folder or hub name with a chat template."""

import json
from pathlib import Path
from typing import Any

import torch

from infopo.core import UserError
from infopo.tokens import Renderer
from infopo.tokens.cpu_attention import attention_name
from infopo.tokens.guard import own_random_state
from infopo.tokens.language_model import LanguageModel, check_head
from infopo.tokens.visibility import attention_mask

PATTERNS = ("*.safetensors", "*.safetensors.index.json")
OBJECTS = (  # JSON files of which the library takes for granted that they hold an object
    "config.json",
    "generation_config.json",
    "model.safetensors.index.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
TOKENIZERS = ("tokenizer.json", "*.model", "vocab.*")  # one of them; what the library makes up without any is useless


def load_policy(
    path: str,
    *,
    temperature: float = 1.0,
    dtype: str = "float32",
    lora_rank: int = 0,
    lora_alpha: int = 32,
    lora_targets: str = "all-linear",
    seed: int = 0,
    template_options: dict[str, Any] | None = None,
) -> LanguageModel:
    """The model, its tokenizer and its template as one policy; `lora_rank` above 0 adds trainable adapters.

    Code from a hub is never run; weights are read from safetensors only. Raises `UserError` for a path that does not
    exist, a folder without configuration, tokenizer or weights, damaged, missing, misshapen or non-finite weights, a
    tokenizer without chat template, an unsupported attention, adapter targets that the model does not have.
    """
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    local = Path(path)
    looks_local = local.exists() or path.startswith((".", "/", "~")) or path.count("/") > 1
    if looks_local:
        _check_folder(local)
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
        renderer = Renderer(tokenizer, template_options=template_options or {}, name=path)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            path,
            dtype=getattr(torch, dtype),
            attn_implementation=attention_name(default_device(), dtype),
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # said in one line below, instead of a table and a traceback
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError, StrictDataclassError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        hint = "" if looks_local else "; there is no folder of that name here either"
        raise UserError(f"model {path!r} could not be loaded: {first}{hint}") from error
    model, report = loaded
    _check_report(report, path)
    _check_weights(model, len(tokenizer), path)
    if lora_rank > 0:
        model = _with_lora(model, lora_rank, lora_alpha, lora_targets, seed)
    model.eval().to(default_device())
    check_finite(model, path)
    check_head(model)
    nothing = torch.zeros(1, 1, dtype=torch.long)
    attention_mask(model, torch.ones(1, 1, 1, dtype=torch.bool), nothing, nothing)  # refuses what it cannot mask
    return LanguageModel(model=model, renderer=renderer, temperature=temperature)


def default_device() -> torch.device:
    """Where a policy works: CUDA where there is any, else the CPU (others lack the float64 that sums need)."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def recommended_learning_rate(path: str) -> float:
    """The rate that a folder's `infopo.json` names, else 1e-6 (the published one for models of 4B and more)."""
    note = Path(path) / "infopo.json"
    if not note.is_file():
        return 1e-6
    data = _object(note)
    rate = data.get("learning_rate", 1e-6)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 1:
        raise UserError(f"{note}: learning_rate must be a number between 0 and 1, got {rate!r:.60}; correct it")
    return float(rate)


def check_finite(model: Any, path: str) -> None:
    """`UserError` where a weight is not finite. A sum a weight: not a number, or infinite, stays so in it."""
    for name, weight in model.named_parameters():
        if not bool(torch.isfinite(weight.detach().sum(dtype=torch.float64))):
            raise UserError(
                f"model {path!r}: the weight {name} holds values that are not finite (NaN or infinite); training broke"
                " it, or the file is damaged: give an earlier checkpoint"
            )


def _object(path: Path) -> dict[str, Any]:
    """What a JSON file of a model folder says; `UserError` where that is no object."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} could not be loaded: {error}; put the file back from a copy") from error
    if not isinstance(data, dict):
        raise UserError(f"{path} must hold a JSON object, got {data!r:.60}; put the file back from a copy")
    return data


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise UserError(f"model folder {str(folder)!r} does not exist; give a transformers folder or a hub name")
    if not (folder / "config.json").is_file():
        raise UserError(f"model folder {str(folder)!r} has no config.json; it is not a transformers model")
    if not any(next(folder.glob(pattern), None) for pattern in PATTERNS):
        raise UserError(f"model folder {str(folder)!r} has no *.safetensors weights; other formats are not read")
    if not any(next(folder.glob(pattern), None) for pattern in TOKENIZERS):
        raise UserError(
            f"model folder {str(folder)!r} has no tokenizer (tokenizer.json); copy the tokenizer's files of the"
            " model that it was trained from"
        )
    for name in OBJECTS:
        if (folder / name).is_file():
            _object(folder / name)


def _check_report(report: dict[str, Any], path: str) -> None:
    """The library fills what is missing with random numbers; a policy must not hold any."""
    misshapen = [name for name, *_ in report["mismatched_keys"]]
    for problem, names in (("is not", report["missing_keys"]), ("has another shape", misshapen)):
        if names:
            raise UserError(
                f"model {path!r}: the weight {sorted(names)[0]} of config.json {problem} in *.safetensors ("
                f"and {len(names) - 1} more); put files of one model together"
            )


def _check_weights(model: Any, vocabulary: int, path: str) -> None:
    rows = model.get_input_embeddings().weight.shape[0]
    if vocabulary > rows:
        raise UserError(
            f"model {path!r} has {rows} embeddings for a tokenizer of {vocabulary} tokens; use the tokenizer it was"
            " trained with"
        )


def _with_lora(model: Any, rank: int, alpha: int, targets: str, seed: int) -> Any:
    from peft import LoraConfig, get_peft_model

    names = targets if targets == "all-linear" else targets.split(",")
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=names, task_type="CAUSAL_LM")
    with own_random_state(seed):  # peft draws the adapters from the global generator
        try:
            return get_peft_model(model, config)
        except ValueError as error:
            raise UserError(f"lora.targets {targets!r}: {error}") from error
