"""Environments: the protocol, the registry, and one folder a family."""

from infopo.envs.base import CHOICES, INTERACT_TOOL, Action, Env, Expert, Opening, Resampling, Step, parse_action
from infopo.envs.registry import (
    Canary,
    EnvSpec,
    Member,
    get_spec,
    list_envs,
    make_env,
    make_expert,
    members,
    num_tasks,
    resolve_options,
)

__all__ = [
    "CHOICES",
    "INTERACT_TOOL",
    "Action",
    "Canary",
    "Env",
    "EnvSpec",
    "Expert",
    "Member",
    "Opening",
    "Resampling",
    "Step",
    "get_spec",
    "list_envs",
    "make_env",
    "make_expert",
    "members",
    "num_tasks",
    "parse_action",
    "resolve_options",
]
