"""Finds the benchmark, says what is wrong where it is not there, and gathers the names that an episode needs."""

import importlib
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOMAINS = ("airline", "retail", "telecom")
INDEX = "the package index has an unrelated package of that name"


class UnusableError(Exception):
    """The benchmark cannot be used; the text says why."""


@dataclass(frozen=True)
class Package:
    """What is used of the benchmark, whichever generation it is of."""

    registry: Any
    orchestrator: Any  # the module
    message: Any  # the module
    tasks: Any  # the module
    simulation: Any  # the module
    evaluator: Any  # the module
    agent: Any  # the module with the prompts
    agent_base: Any  # the class that agents derive from
    user_base: Any  # the class that users derive from
    user_state: Any
    user_simulator: Any
    data: Path


def load(checkout: str) -> Package:
    """Import the benchmark, from `checkout` where one is given. Raises `UnusableError`."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it downloads a price list when imported
    if checkout:
        source = Path(checkout) / "src"
        if not (source / "tau2").is_dir():
            raise UnusableError(f"{checkout} is no checkout of the benchmark: it has no folder src/tau2")
        sys.path.insert(0, str(source))
    try:
        registry = importlib.import_module("tau2.registry").registry
    except ModuleNotFoundError as error:
        raise UnusableError(_missing(error)) from error
    except (ImportError, AttributeError) as error:
        raise UnusableError(f"the package tau2 cannot be imported: {error}") from error
    absent = [name for name in DOMAINS if name not in registry.get_domains()]
    if absent:
        raise UnusableError(f"the package tau2 has no domain {', '.join(absent)}: it is not the benchmark")
    try:
        package = _gather(registry)
    except (ImportError, AttributeError) as error:
        raise UnusableError(f"this version of the benchmark is not known here: {error}") from error
    if not (package.data / "tau2" / "domains").is_dir():
        raise UnusableError(f"the benchmark's data are not in {package.data}; set TAU2_DATA_DIR to CHECKOUT/data")
    _silence()
    return package


def _missing(error: ModuleNotFoundError) -> str:
    if error.name == "tau2":
        return "the package tau2 is not installed"
    if (error.name or "").startswith("tau2."):
        return f"the installed package tau2 is not the benchmark ({INDEX})"
    if error.name == "audioop":  # left out of Python 3.13; the benchmark's metadata allow that version
        return (
            "the benchmark needs the module audioop, which Python 3.13 lacks; install audioop-lts, or use Python 3.12"
        )
    return f"the benchmark needs the package {error.name}"


def _gather(registry: Any) -> Package:
    def module(name: str) -> Any:
        return importlib.import_module(f"tau2.{name}")

    orchestrator = module("orchestrator.orchestrator")
    for name in ("initialize", "step", "get_trajectory"):
        getattr(orchestrator.Orchestrator, name)
    if importlib.util.find_spec("tau2.user.user_simulator_base") is not None:  # not the version: it is not kept up
        users, agent_base = module("user.user_simulator_base"), module("agent.base_agent").HalfDuplexAgent
        user_base = users.HalfDuplexUser
    else:
        users, agent_base = module("user.base"), module("agent.base").LocalAgent
        user_base = users.BaseUser
    return Package(
        registry=registry,
        orchestrator=orchestrator,
        message=module("data_model.message"),
        tasks=module("data_model.tasks"),
        simulation=module("data_model.simulation"),
        evaluator=module("evaluator.evaluator"),
        agent=module("agent.llm_agent"),
        agent_base=agent_base,
        user_base=user_base,
        user_state=users.UserState,
        user_simulator=module("user.user_simulator").UserSimulator,
        data=Path(module("utils.utils").DATA_DIR),
    )


def _silence() -> None:
    """Its log holds whole observations and the customer's instructions: nobody here is to read them."""
    importlib.import_module("loguru").logger.remove()
