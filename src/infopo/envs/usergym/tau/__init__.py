"""`usergym/tau`: serve the customers of a shop and of an airline, with tools over a database and by a policy.

The agent asks the customer (`[action] What is your zip code?`), calls tools (`[answer] {"name": ..., "arguments":
...}`) and is done when the customer leaves. What counts is the database at the end, and what the customer was told.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infopo.core import UserError, derive_random
from infopo.envs.base import Env
from infopo.envs.registry import Canary, EnvSpec, Split
from infopo.envs.usergym.tau.bank import make_task, num_tasks
from infopo.envs.usergym.tau.case import Case, replayed
from infopo.envs.usergym.tau.customer import ChatCustomer, ScriptedCustomer
from infopo.envs.usergym.tau.domains import DOMAINS
from infopo.envs.usergym.tau.env import TauEnv
from infopo.envs.usergym.tau.expert import TauExpert
from infopo.envs.usergym.tau.options import ENV_ID, FIXED, UPSTREAM, TauOptions
from infopo.envs.usergym.tau.task import Task, check_database, load_records, read_task, record_of
from infopo.envs.usergym.tau.texts import STANDARD, TEXTS, opening, pick
from infopo.envs.usergym.tau.tools import ToolError
from infopo.envs.usergym.upstream import read_settings
from infopo.users import ChatModel
from infopo.users.names import make_user

__all__ = ["SPEC", "TauEnv", "TauExpert", "TauOptions", "from_upstream", "load_records", "record_of"]


def from_upstream(record: Any, options: Mapping[str, Any], chat: ChatModel) -> Env:
    """The published gym on a record in the published form; `options` are settings by their published names.

    The record must bring its database (see `record_of`): the published ones name records of tau-bench's, not here.
    """
    task = read_task(record, f"task of {ENV_ID}")
    if not task.draft.database:
        raise UserError(f"task of {ENV_ID}: field 'database' is missing; that of the published tasks is not here")
    check_database(task.draft.database, DOMAINS[task.domain].fields, f"task of {ENV_ID}, database")
    rules = read_settings(UPSTREAM, options, ENV_ID)
    case = Case(task.draft, DOMAINS[task.domain].tools, loose=rules.loose_outputs)
    try:
        replayed(task.draft, case.tools)
    except ToolError as error:
        raise UserError(f"task of {ENV_ID}: field 'actions' does not fit the database: {error}") from error
    customer = ChatCustomer(task, chat, STANDARD["user_error"][0])
    policy = "" if rules.hides_policy else DOMAINS[task.domain].policy["standard"]
    return TauEnv(
        task,
        case,
        customer,
        customer,
        opening=opening(task.opening, {}, told=(), difficulty="standard", policy=policy),
        texts=STANDARD,
        nano=False,
        rules=rules,
        pays=True,
    )


def _build(index: int, split: Split, seed: int, user: str | None, options: TauOptions) -> Env:
    return _env(make_task(index, split, options), seed, user, options)


def _env(task: Task, seed: int, user: str | None, options: TauOptions) -> Env:
    texts, domain = TEXTS[options.difficulty], DOMAINS[task.domain]
    rules = replace(UPSTREAM if options.mode == "upstream" else FIXED, max_steps=options.max_turns)
    case = Case(task.draft, domain.tools, loose=rules.loose_outputs)
    script = ScriptedCustomer(task, case, texts, seed=seed, unanswered=options.unanswered)
    said = pick(texts, task.domain, derive_random(seed, ENV_ID, "opening", task.task_id).random())
    return TauEnv(
        task,
        case,
        make_user(user, script, task_id=task.task_id, seed=seed, brief=task.instruction),
        script,
        opening=opening(
            task.opening if rules.stale_opening else said,
            task.draft.facts,
            told=task.told,
            difficulty=options.difficulty,
            policy="" if rules.hides_policy else domain.policy[options.difficulty],
        ),
        texts=texts,
        nano=options.difficulty == "nano",
        rules=rules,
        pays=options.reward == "upstream",
    )


def _canary(seed: int, options: TauOptions) -> Canary:
    """A customer whose facts are no words: whoever sees one has seen what the customer knows."""
    task = make_task(seed, "train", options)
    facts = {slot: value if slot in task.told else f"zq{slot}zq" for slot, value in task.draft.facts.items()}
    secrets = {slot: (facts[slot],) for slot in task.hidden}
    secrets["reference"] = (task.reference(nano=options.difficulty == "nano"),)
    return Canary(env=_env(replace(task, draft=replace(task.draft, facts=facts)), seed, None, options), secrets=secrets)


SPEC = EnvSpec(
    env_id=ENV_ID,
    summary="serve the customers of a shop and an airline: ask, look up, act by the policy",
    options=TauOptions,
    num_tasks=num_tasks,
    build=_build,
    expert=TauExpert,
    canary=_canary,
    from_upstream=from_upstream,
)
