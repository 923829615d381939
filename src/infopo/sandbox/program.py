"""What goes into a sandbox and what comes out of it."""

from dataclasses import dataclass
from typing import Any

from infopo.core import InfopoError

LEVELS = ("namespaces", "bubblewrap", "docker", "process")  # strongest first; the last one isolates nothing


class SandboxError(InfopoError):
    """The sandbox itself broke. Says nothing about the program: an episode that meets it has failed, not scored low."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one program may use, all its calls together. `docs/sandbox.md` says which level enforces what."""

    wall_seconds: float = 5.0
    cpu_seconds: float = 2.0  # whole seconds to the kernel, rounded up
    memory_mib: int = 256  # address space of a process
    processes: int = 1  # threads count as well; with 1 the program can start nothing
    output_bytes: int = 65536  # of JSON, the answers of all calls together

    def __post_init__(self) -> None:
        for name in ("wall_seconds", "cpu_seconds", "memory_mib", "processes", "output_bytes"):
            if not 0 < getattr(self, name) < 1 << 30:
                raise ValueError(f"{name} must be positive and below 2**30, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Python source and the calls to make. Arguments are JSON data, positional, fresh for every call."""

    source: str
    function: str | None = None  # None: the last function that the source defines at its top level
    calls: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """What one call returned, as JSON data (tuples come back as lists), or in one line why there is nothing."""

    value: Any | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxResult:
    """One result for every call. `error`: what befell the program as a whole; then it is every call's error too."""

    level: str
    results: tuple[CallResult, ...]
    error: str | None = None
    seconds: float  # wall clock, from the moment the program's text began to run


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """Whether this host gives a level: tried, not guessed. `reason` says why it does not."""

    level: str
    works: bool
    reason: str | None = None
