"""From the name of a model to a policy. The only place that knows what the word `nano` stands for: the policy that
was warm-started on the environment at hand, or, as `nano:ENV`, on another one or on a mixture."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infopo.cli.progress import Quarters
from infopo.core import UserError
from infopo.core.sealed_folder import MANIFEST, verify
from infopo.envs.registry import Split, make_env, members, option_names
from infopo.rollout.schedule import most_episodes

NANO = "nano"
HOSTED = "openai:"  # what follows is a model name, or a settings file
ADAPTERS = "adapter_model.safetensors"
NANO_SEED = 0  # one warm start an environment, whatever the seed of a run


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A `LanguageModel`, the tokenizer to save beside it, and the learning rate that its folder recommends."""

    policy: Any
    tokenizer: Any
    learning_rate: float
    folder: str
    adapted: bool = False  # the initial policy has adapters already


def with_nano_difficulty(model: str, env: str, env_options: dict[str, Any]) -> dict[str, Any]:
    """The options with `difficulty` nano where a nano model plays and nothing else was asked for."""
    recorded = any(name.rpartition(".")[2] == "data" for name in env_options)  # published records are as they are
    if recorded or "difficulty" in env_options or not _is_nano(model):
        return env_options
    knows = any("difficulty" in names for names in option_names(env).values())
    return env_options | {"difficulty": NANO} if knows else env_options


def check_playable(env: str, env_options: dict[str, Any], *, split: Split, user: str | None) -> int:
    """Make an environment of every member, so that what is refused is refused now; returns how many tasks there are."""
    found = members(env, split, **env_options)
    for member in found:
        make_env(member.env_id, task=0, split=split, user=user, **member.options)
    return most_episodes(found)


def load(
    model: str,
    env: str,
    env_options: dict[str, Any],
    *,
    temperature: float = 1.0,
    dtype: str = "float32",
    lora: Any = None,
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> Loaded:
    """Load `nano` (built on first use for this environment; `nano:ENV`: for that one), a folder, an adapter folder or a
    hub name.

    Adapters of a folder go on being trained; new ones are made only for a model without any. Raises `UserError` for
    what cannot be loaded or is not finite, for a sealed folder that is damaged, and for adapters of another rank than
    the folder's.
    """
    from transformers import AutoTokenizer

    from infopo.samplers.load import load_policy, recommended_learning_rate

    if model.startswith(HOSTED):
        raise UserError(f"{model} is behind an endpoint: it can be evaluated (infopo eval), and nothing else")
    adapter: Path | None = None
    model = _newest_checkpoint(model)
    _check_seal(Path(model))
    if model == NANO or model.startswith(f"{NANO}:"):
        from infopo.nano import nano_folder

        learnt, options = env, env_options
        if model != NANO:
            learnt = model.partition(":")[2]
            options = with_nano_difficulty(NANO, learnt, {})
        path = str(nano_folder(learnt, options, seed=NANO_SEED, progress=Quarters(say, "warm start")))
    elif (Path(model) / "adapter_config.json").is_file():
        adapter = Path(model)
        path = _base_model(adapter)
    else:
        path = model
    adapters: dict[str, Any] = {}
    if lora is not None and lora.rank > 0 and adapter is None:
        adapters = {f"lora_{name}": getattr(lora, name) for name in ("rank", "alpha", "targets")}
    policy = load_policy(path, temperature=temperature or 1.0, dtype=dtype, seed=seed, **adapters)
    if adapter is not None:
        _put_on(policy, adapter, 0 if lora is None else lora.rank)
    rate = recommended_learning_rate(path)
    tokenizer = AutoTokenizer.from_pretrained(path)
    return Loaded(policy=policy, tokenizer=tokenizer, learning_rate=rate, folder=path, adapted=adapter is not None)


def _put_on(policy: Any, adapter: Path, rank: int) -> None:
    """The adapters of a folder on a policy, trainable. `rank` 0: whichever they have."""
    from peft import PeftModel
    from safetensors import SafetensorError

    from infopo.samplers.load import check_finite

    if not (adapter / ADAPTERS).is_file():
        raise UserError(f"{adapter} has no {ADAPTERS}; other formats are not read")
    try:
        model = PeftModel.from_pretrained(policy.model, str(adapter), is_trainable=True).eval()
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        said = " ".join(str(error).split())
        raise UserError(f"adapters {str(adapter)!r} do not go on their base model: {said:.300}") from error
    check_finite(model, str(adapter))
    found: int = getattr(model.peft_config["default"], "r")  # noqa: B009
    if rank not in (0, found):
        raise UserError(f"{adapter} holds adapters of rank {found}, not {rank}; give --lora.rank {found}")
    policy.model = model


def _newest_checkpoint(model: str) -> str:
    """A run folder stands for its newest intact checkpoint; anything else for itself."""
    folder = Path(model)
    if not ((folder / "config.yaml").is_file() and (folder / "checkpoints").is_dir()):
        return model
    from infopo.core.checkpoint_folders import latest_checkpoint

    newest = latest_checkpoint(folder / "checkpoints")
    if newest is None:
        raise UserError(f"the run {model} has no checkpoint yet; resume it, or give a model folder")
    return str(newest)


def _check_seal(folder: Path) -> None:
    """`UserError` where a folder has a manifest and does not agree with it."""
    problem = verify(folder) if (folder / MANIFEST).is_file() else None
    if problem is not None:
        raise UserError(f"{folder} is damaged: {problem}; put the file back from a copy, or give another checkpoint")


def _is_nano(model: str) -> bool:
    """Whether a model is `nano` or `nano:ENV`, a folder that says so in `infopo.json`, or a checkpoint of its run."""
    if model == NANO or model.startswith(f"{NANO}:"):
        return True
    folder = Path(_newest_checkpoint(model))
    note = _mapping(folder / "infopo.json")
    if note.get("difficulty") == NANO or note.get("name") == NANO or note.get(NANO):
        return True
    run = folder.resolve().parent.parent / "config.yaml"
    if folder.resolve().parent.name != "checkpoints" or not run.is_file():
        return False
    from infopo.training.config_io import read_yaml

    return bool((read_yaml(run).get("env_options") or {}).get("difficulty") == NANO)


def _base_model(adapter: Path) -> str:
    base = _mapping(adapter / "adapter_config.json").get("base_model_name_or_path")
    if not base:
        raise UserError(f"{adapter}/adapter_config.json does not name its base model; merge the adapter into a model")
    return str(base)


def _mapping(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
