"""`usergym/function`: find out what a hidden function of four numbers gives for a test case.

The agent tries numbers (`[action] 1 2 3 4`), looks at the test case (`[search] test`) and answers (`[answer] 24`).
In mode `fixed` the first answer counts, only whole numbers may be tried, and results are shown in full.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infopo.envs.base import Env, Expert
from infopo.envs.options import check_user
from infopo.envs.registry import EnvSpec, ExpertKind, Split
from infopo.envs.usergym.function.bank import make_task, num_tasks
from infopo.envs.usergym.function.env import FunctionEnv
from infopo.envs.usergym.function.expert import FunctionExpert
from infopo.envs.usergym.function.options import ENV_ID, FIXED, UPSTREAM, FunctionOptions, Rules
from infopo.envs.usergym.function.task import load_records, read_task
from infopo.envs.usergym.records import with_records
from infopo.envs.usergym.upstream import read_settings
from infopo.users import ChatModel

__all__ = ["SPEC", "FunctionEnv", "FunctionExpert", "FunctionOptions", "Rules", "from_upstream", "load_records"]


def from_upstream(record: Any, options: Mapping[str, Any], chat: ChatModel) -> Env:
    """The published gym on an upstream record; `options` are settings by their published names. Asks no model."""
    task = read_task(record, f"task of {ENV_ID}")
    rules = read_settings(UPSTREAM, options, ENV_ID)
    return FunctionEnv(task, seed=0, options=FunctionOptions(mode="upstream", reward="upstream"), rules=rules)


def _build(task: int, split: Split, seed: int, user: str | None, options: FunctionOptions) -> Env:
    check_user(ENV_ID, user)
    rules = replace(UPSTREAM if options.mode == "upstream" else FIXED, max_steps=options.max_turns)
    return FunctionEnv(make_task(task, split, options), seed=seed, options=options, rules=rules)


def _expert(kind: ExpertKind, seed: int, options: FunctionOptions) -> Expert:
    return FunctionExpert(kind, seed, options)


SPEC = with_records(
    EnvSpec(
        env_id=ENV_ID,
        summary="find out what a hidden function of four numbers computes, by trying numbers",
        options=FunctionOptions,
        num_tasks=num_tasks,
        build=_build,
        expert=_expert,
        from_upstream=from_upstream,
    ),
    load_records,
    asks=False,
)
