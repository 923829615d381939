"""`usergym/persuade`: change the mind of somebody who believes in a claim.

The agent asks for reasons (`[action] Why do you think so?`) and argues against them (`[answer] ...`), one at a time.
In mode `fixed` only what goes beyond the best stance so far is paid.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infopo.core import Message
from infopo.envs.base import Env, Opening
from infopo.envs.options import check_user
from infopo.envs.registry import EnvSpec, Split
from infopo.envs.usergym.persuade.bank import make_task, num_tasks
from infopo.envs.usergym.persuade.env import PersuadeEnv
from infopo.envs.usergym.persuade.expert import PersuadeExpert
from infopo.envs.usergym.persuade.options import ENV_ID, FIXED, UPSTREAM, PersuadeOptions
from infopo.envs.usergym.persuade.texts import STANDARD, TEXTS, UPSTREAM_SYSTEM, opening
from infopo.envs.usergym.persuade.user import ChatBeliever, ScriptedBeliever, load_records, read_statement
from infopo.envs.usergym.records import with_records
from infopo.envs.usergym.upstream import read_settings
from infopo.users import ChatModel

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
    check_user(ENV_ID, user)
    task = make_task(index, split, options)
    texts = TEXTS[options.difficulty]
    hidden = tuple(reason for reason in task.reasons if reason not in task.told)
    script = ScriptedBeliever(task, texts, seed=seed, unanswered=options.unanswered)
    return PersuadeEnv(
        script,
        script,
        task_id=task.task_id,
        opening=Opening(messages=opening(task, options.difficulty), hidden=hidden),
        reference=", ".join(task.reasons),
        texts=texts,
        rules=replace(UPSTREAM if options.mode == "upstream" else FIXED, max_steps=options.max_turns),
        pays=options.reward == "upstream",
    )


SPEC = with_records(
    EnvSpec(
        env_id=ENV_ID,
        summary="change the mind of somebody who believes in a claim",
        options=PersuadeOptions,
        num_tasks=num_tasks,
        build=_build,
        expert=PersuadeExpert,
        from_upstream=from_upstream,
    ),
    load_records,
)
