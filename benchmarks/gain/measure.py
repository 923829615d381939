"""Tokens, seconds and memory of some pieces of work, side by side."""

import ctypes
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from infopo.tokens.language_model import LanguageModel, decoder_of

MIB = 1 << 20
PROCESS = Path("/proc/self")


@dataclass(slots=True, kw_only=True)
class Measured:
    """What one piece of work took. `peak`: bytes above those before it, None where this system does not tell."""

    tokens: int = 0  # that the decoder was given, padding included
    peak: int | None = None
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def cells(self) -> list[str]:
        """Tokens, seconds and memory as a table shows them."""
        peak = "-" if self.peak is None else f"{self.peak / MIB:.0f}"
        return [f"{self.tokens}", f"{self.median:.3f} ({min(self.seconds):.3f})", peak]


CELLS = ["tokens forwarded", "seconds, median (least)", "peak MiB"]


def measure(policy: LanguageModel, works: Mapping[str, Callable[[], object]], *, repeats: int) -> dict[str, Measured]:
    """Every work once for its tokens and memory, which also warms it up; then all of them in turn, `repeats` times."""
    found = {name: Measured() for name in works}
    for name, work in works.items():
        with counted_tokens(policy) as count, peak_memory(policy.device) as peak:
            work()
        found[name].tokens, found[name].peak = count[0], peak[0]
    for _ in range(repeats):
        for name, work in works.items():
            _wait(policy.device)
            start = time.perf_counter()
            work()
            _wait(policy.device)
            found[name].seconds.append(time.perf_counter() - start)
    return found


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def counted_tokens(policy: LanguageModel) -> Iterator[list[int]]:
    """Counts what the decoder is given, padding included, in the one entry of the list."""
    count = [0]

    def hook(module: Any, arguments: Any, named: Mapping[str, Any]) -> None:
        count[0] += named["input_ids"].numel()

    handle = decoder_of(policy.model).register_forward_pre_hook(hook, with_kwargs=True)
    try:
        yield count
    finally:
        handle.remove()


@contextmanager
def peak_memory(device: torch.device) -> Iterator[list[int | None]]:
    """The most memory in use inside, above that before, in bytes, in the one entry of the list; None: not known."""
    found: list[int | None] = [None]
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        yield found
        torch.cuda.synchronize(device)
        found[0] = torch.cuda.max_memory_allocated(device) - before
    elif (PROCESS / "clear_refs").is_file():  # Linux: the high-water mark of resident memory can be set back
        ctypes.CDLL(None).malloc_trim(0)  # what the allocator keeps would hide what is allocated next
        (PROCESS / "clear_refs").write_text("5")
        before = _status("VmRSS")
        yield found
        found[0] = max(0, _status("VmHWM") - before)
    else:
        yield found


def _status(name: str) -> int:
    for line in (PROCESS / "status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(name)


def print_table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]], note: str = "") -> None:
    """A Markdown table under a heading; rows are printed as they come."""
    print(f"\n### {title}\n")
    if note:
        print(f"{note}\n")
    print(f"| {' | '.join(header)} |")
    print(f"|{'---|' * len(header)}", flush=True)
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)
