"""`usergym/persuade`: change the mind of somebody who believes in a claim.

The agent asks for reasons (`[action] Why do you think so?`) and argues against them (`[answer] ...`), one at a time.
In mode `fixed` only what goes beyond the best stance so far is paid.

Whoever the user is, where the believer stands is decided by the rules of the script. A persona or `llm:NAME` only words
what the script says, and what a persona withholds the believer has not heard; beside a recording or a person the script
hears every message and keeps quiet.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infopo.core import Message
from infopo.envs.base import Env, Opening
from infopo.envs.registry import Canary, EnvSpec, Split
from infopo.envs.usergym.persuade.bank import Task, make_task, num_tasks
from infopo.envs.usergym.persuade.env import PersuadeEnv
from infopo.envs.usergym.persuade.expert import PersuadeExpert
from infopo.envs.usergym.persuade.options import ENV_ID, FIXED, UPSTREAM, PersuadeOptions
from infopo.envs.usergym.persuade.texts import STANDARD, TEXTS, UPSTREAM_SYSTEM, opening
from infopo.envs.usergym.persuade.user import ChatBeliever, Overheard, ScriptedBeliever, load_records, read_statement
from infopo.envs.usergym.records import with_records
from infopo.envs.usergym.upstream import read_settings
from infopo.users import ChatModel
from infopo.users.names import make_user, parse_user

__all__ = ["SPEC", "PersuadeEnv", "PersuadeExpert", "PersuadeOptions", "from_upstream", "load_records"]


def from_upstream(record: Any, options: Mapping[str, Any], chat: ChatModel) -> Env:
    """The published gym on an upstream record; `options` are settings by their published names."""
    statement = read_statement(record, f"task of {ENV_ID}")
    claim = Message(role="user", content=statement.claim)
    believer = ChatBeliever(statement, chat, STANDARD["failed"][0])
    return PersuadeEnv(
        believer,
        believer,
        task_id=statement.task_id,
        opening=Opening(messages=(Message(role="system", content=UPSTREAM_SYSTEM), claim), hidden=("argument",)),
        reference=statement.argument,
        texts=STANDARD,
        rules=read_settings(UPSTREAM, options, ENV_ID),
        pays=True,
    )


def _build(index: int, split: Split, seed: int, user: str | None, options: PersuadeOptions) -> Env:
    return _env(make_task(index, split, options), seed, user, options)


def _env(task: Task, seed: int, user: str | None, options: PersuadeOptions) -> Env:
    texts = TEXTS[options.difficulty]
    hidden = tuple(reason for reason in task.reasons if reason not in task.told)
    script = ScriptedBeliever(task, texts, seed=seed, unanswered=options.unanswered)
    brief = "You believe it because of " + ", ".join(task.reasons)
    answering = make_user(user, script, task_id=task.task_id, seed=seed, brief=brief)
    if not parse_user(user).asks_script:
        answering = Overheard(answering, script)
    return PersuadeEnv(
        answering,
        script,
        task_id=task.task_id,
        opening=Opening(messages=opening(task, options.difficulty), hidden=hidden),
        reference=", ".join(task.reasons),
        texts=texts,
        rules=replace(UPSTREAM if options.mode == "upstream" else FIXED, max_steps=options.max_turns),
        pays=options.reward == "upstream",
    )


def _canary(seed: int, options: PersuadeOptions) -> Canary:
    """A believer whose reasons are no words: whoever sees one has seen what the believer thinks of."""
    task = make_task(seed, "train", options)
    reasons = tuple(
        reason if reason in task.told else f"zqreason{number}zq" for number, reason in enumerate(task.reasons)
    )
    env = _env(replace(task, reasons=reasons), seed, None, options)
    return Canary(env=env, secrets={reason: (reason,) for reason in reasons if reason not in task.told})


SPEC = with_records(
    EnvSpec(
        env_id=ENV_ID,
        summary="change the mind of somebody who believes in a claim",
        options=PersuadeOptions,
        num_tasks=num_tasks,
        build=_build,
        expert=PersuadeExpert,
        canary=_canary,
        from_upstream=from_upstream,
    ),
    load_records,
)
