"""`infopo doctor`: what this machine has, and what is missing."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from infopo.core import UserError
from infopo.sandbox import available

REQUIRED = ("torch", "transformers", "accelerate", "peft", "safetensors", "tokenizers", "numpy", "matplotlib", "tyro")
EXTRAS = ("vllm", "verl", "trl", "wandb", "trackio", "tensorboard")
GIGA = 1 << 30


def run(arguments: Sequence[str]) -> int:
    """Print the findings; returns 1 where something that every run needs is missing."""
    if any(argument in ("-h", "--help") for argument in arguments):
        print("usage: infopo doctor\n\nShow what this machine has, and what is missing.")
        return 0
    if arguments:
        raise UserError(f"infopo doctor takes no arguments, got {' '.join(arguments)}")
    problems = []
    for name, found, problem in _findings():
        print(f"{name:14s} {found}")
        problems += [problem] if problem else []
    for problem in problems:
        print(f"problem: {problem}")
    print("everything that a run needs is here" if not problems else f"{len(problems)} to mend before a run")
    return 1 if problems else 0


def _findings() -> Iterator[tuple[str, str, str | None]]:
    """Name, what was found, what to do about it."""
    yield "infopo", _version("infopo") or "not installed, run from its sources", None
    yield "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}", None
    for name in REQUIRED:
        version = _version(name)
        yield name, version or "missing", None if version else f"{name} is missing; run: pip install {name}"
    if importlib.util.find_spec("torch") is not None:
        yield from _torch()
    yield "memory", _memory(), None
    free = shutil.disk_usage(Path.cwd()).free / GIGA
    yield "disk", f"{free:.1f} GiB free here", None if free > 1 else "less than 1 GiB free here; free some space"
    yield _cache()
    yield "sandbox", _sandbox(), None
    present = [name for name in EXTRAS if importlib.util.find_spec(name) is not None]
    yield "extras", f"{', '.join(present) or 'none'} (of {', '.join(EXTRAS)})", None


def _torch() -> Iterator[tuple[str, str, str | None]]:
    import torch

    cuda = torch.cuda.is_available()
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())] if cuda else []
    yield "devices", ", ".join(names) or "no GPU; the built-in nano model needs none", None
    yield "threads", f"{torch.get_num_threads()} for torch, {os.cpu_count()} cores", None
    kinds = {
        "flash": torch.backends.cuda.flash_sdp_enabled() and cuda,
        "memory-efficient": torch.backends.cuda.mem_efficient_sdp_enabled() and cuda,
        "math": torch.backends.cuda.math_sdp_enabled(),
    }
    packages = [name for name in ("flash_attn", "xformers") if importlib.util.find_spec(name) is not None]
    usable = [f"sdpa ({', '.join(name for name, on in kinds.items() if on)})", "eager"]
    yield "attention", ", ".join(usable + [f"{name} is installed, not used" for name in packages]), None


def _memory() -> str:
    try:
        page, total = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_PHYS_PAGES")
        free = os.sysconf("SC_AVPHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "unknown"
    return f"{page * total / GIGA:.1f} GiB, {page * free / GIGA:.1f} GiB unused"


def _sandbox() -> str:
    """Every level of isolation for untrusted code, tried on the spot."""
    found = [one.level if one.works else f"no {one.level} ({one.reason})" for one in available()]
    return ", ".join(found)


def cache_folder() -> Path:
    """Where warm-started models are kept: `$INFOPO_CACHE`, else `~/.cache/infopo`."""
    named = os.environ.get("INFOPO_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "infopo"


def _cache() -> tuple[str, str, str | None]:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        return "cache", str(folder), f"cannot write in {folder}: {error.strerror}; set INFOPO_CACHE to another folder"
    return "cache", str(folder), None


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
