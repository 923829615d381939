"""Sandbox: runs untrusted Python in a fresh process, at a level of isolation that is recorded and can be required."""

from infopo.sandbox.program import (
    LEVELS,
    Availability,
    CallResult,
    Limits,
    Program,
    SandboxError,
    SandboxResult,
)
from infopo.sandbox.run import available, run_program

__all__ = [
    "LEVELS",
    "Availability",
    "CallResult",
    "Limits",
    "Program",
    "SandboxError",
    "SandboxResult",
    "available",
    "run_program",
]
