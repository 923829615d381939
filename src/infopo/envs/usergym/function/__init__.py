"""`usergym/function`: find out what a hidden function of four numbers gives for a test case.

The agent tries numbers (`[action] 1 2 3 4`), looks at the test case (`[search] test`) and answers (`[answer] 24`).
In mode `fixed` the first answer counts, only whole numbers may be tried, and results are shown in full.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from infopo.envs.base import Env, Expert
from infopo.envs.options import check_user
from infopo.envs.registry import Canary, EnvSpec, ExpertKind, Split
from infopo.envs.usergym.function.bank import make_task, num_tasks
from infopo.envs.usergym.function.env import TEST_CASE, FunctionEnv
from infopo.envs.usergym.function.expert import FunctionExpert
from infopo.envs.usergym.function.formula import read_formula
from infopo.envs.usergym.function.options import ENV_ID, FIXED, UPSTREAM, FunctionOptions, Rules
from infopo.envs.usergym.function.task import Task, load_records, read_task
from infopo.envs.usergym.function.texts import spaced, spoken
from infopo.envs.usergym.records import with_records
from infopo.envs.usergym.upstream import read_settings
from infopo.users import ChatModel

__all__ = ["SPEC", "FunctionEnv", "FunctionExpert", "FunctionOptions", "Rules", "from_upstream", "load_records"]


PLANTED_TEST = (7368787, 15485863, 32452843, 49979687)  # for the canary
RULE_MARK = 86028121


def from_upstream(record: Any, options: Mapping[str, Any], chat: ChatModel) -> Env:
    """The published gym on an upstream record; `options` are settings by their published names. Asks no model."""
    task = read_task(record, f"task of {ENV_ID}")
    rules = read_settings(UPSTREAM, options, ENV_ID)
    return FunctionEnv(task, seed=0, options=FunctionOptions(mode="upstream", reward="upstream"), rules=rules)


def _build(task: int, split: Split, seed: int, user: str | None, options: FunctionOptions) -> Env:
    check_user(ENV_ID, user)
    return _env(make_task(task, split, options), seed, options)


def _env(task: Task, seed: int, options: FunctionOptions) -> Env:
    rules = replace(UPSTREAM if options.mode == "upstream" else FIXED, max_steps=options.max_turns)
    return FunctionEnv(task, seed=seed, options=options, rules=rules)


def _canary(seed: int, options: FunctionOptions) -> Canary:
    """A task of numbers that nobody says by chance: those of the test case, its result, and one that stands in the rule
    without changing what it computes."""
    # A rule that is one letter stands in every text, and its result in the test case.
    task = next(one for one in (make_task(index, "train", options) for index in count(seed)) if len(one.rule) > 1)
    rule = f"({task.rule}) + 0 * {RULE_MARK}"
    expected = read_formula(rule)(PLANTED_TEST)
    secrets: dict[str, tuple[str, ...]] = {"the result": (spoken([expected], ""), str(expected))}
    if options.reveal != "all":
        secrets["the rule"] = (str(RULE_MARK), task.rule, spaced(task.rule))
    if options.reveal == "none":
        secrets[TEST_CASE] = tuple(map(str, PLANTED_TEST))
    planted = replace(task, rule=rule, test_case=PLANTED_TEST, expected=expected)
    return Canary(env=_env(planted, seed, options), secrets=secrets)


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
        canary=_canary,
        from_upstream=from_upstream,
    ),
    load_records,
    asks=False,
)
