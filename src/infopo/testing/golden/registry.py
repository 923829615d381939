"""Who runs which golden case: one module a family, found by the case's `method`."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from infopo.testing.golden.fixture import Inputs

# A handler gives every value that the functions of the package make of the inputs, under the names of `expected`.
Handler = Callable[[Inputs], Mapping[str, Any]]

MODULES = (
    "group_cases",
    "infopo_cases",
    "loss_cases",
    "critic_cases",
    "env_cases",
    "igpo_cases",
    "peer_cases",
    "ragen_cases",
)


def handlers() -> dict[str, Handler]:
    """Every handler by the `method` of the cases that it runs: `HANDLERS` of all modules."""
    found: dict[str, Handler] = {}
    for name in MODULES:
        module = import_module(f"infopo.testing.golden.{name}")
        twice = found.keys() & module.HANDLERS.keys()
        if twice:
            raise ValueError(f"golden handlers: {', '.join(sorted(twice))} in two modules")
        found |= module.HANDLERS
    return found
