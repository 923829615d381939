"""`usergym/intention`: find out what a vague request leaves out, one question at a time.

The agent asks (`[action] Which budget would you like?`) and ends when it has heard enough (`[finish]`). A question is
worth the most important detail that it brings up, less for every further one.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infopo.core import Message
from infopo.envs.base import Env
from infopo.envs.registry import Canary, EnvSpec, Split
from infopo.envs.usergym.intention.bank import make_task, num_tasks
from infopo.envs.usergym.intention.env import IntentionEnv
from infopo.envs.usergym.intention.expert import IntentionExpert
from infopo.envs.usergym.intention.options import ENV_ID, FIXED, UPSTREAM, IntentionOptions
from infopo.envs.usergym.intention.task import Task, load_records, read_task
from infopo.envs.usergym.intention.texts import STANDARD, SYSTEM, TEXTS, opening
from infopo.envs.usergym.intention.user import AskedCoverage, ChatPair, RevealedCoverage, ScriptedUser
from infopo.envs.usergym.records import with_records
from infopo.envs.usergym.upstream import read_settings
from infopo.users import ChatModel
from infopo.users.names import make_user, parse_user

__all__ = ["SPEC", "IntentionEnv", "IntentionExpert", "IntentionOptions", "from_upstream", "load_records"]


def from_upstream(record: Any, options: Mapping[str, Any], chat: ChatModel) -> Env:
    """The published gym on an upstream record; `options` are settings by their published names.

    The published user was shown the details by mistake; here it sees the request only.
    """
    task = read_task(record, f"task of {ENV_ID}")
    request = Message(role="user", content=f"{task.category}\n{task.request}")
    pair = ChatPair(task, chat, STANDARD["fallback"])
    return IntentionEnv(
        task,
        pair,
        pair,
        opening=(Message(role="system", content=SYSTEM), request),
        texts=STANDARD,
        rules=read_settings(UPSTREAM, options, ENV_ID),
        pays=True,
    )


def _build(index: int, split: Split, seed: int, user: str | None, options: IntentionOptions) -> Env:
    return _env(make_task(index, split, options), seed, user, options)


def _env(task: Task, seed: int, user: str | None, options: IntentionOptions) -> Env:
    texts = TEXTS[options.difficulty]
    script = ScriptedUser(task, texts, seed=seed, unanswered=options.unanswered)
    brief = "You want: " + ", ".join(f"{detail.fact} {detail.value}" for detail in task.details)
    return IntentionEnv(
        task,
        make_user(user, script, task_id=task.task_id, seed=seed, brief=brief),
        RevealedCoverage() if parse_user(user).asks_script else AskedCoverage(task),
        opening=opening(task, options.difficulty),
        texts=texts,
        rules=replace(UPSTREAM if options.mode == "upstream" else FIXED, max_steps=options.max_turns),
        pays=options.reward == "upstream",
    )


def _canary(seed: int, options: IntentionOptions) -> Canary:
    """A task whose wishes are no words: whoever sees one has seen what the user has in mind."""
    task = make_task(seed, "train", options)
    details = tuple(
        detail if detail.fact in task.told else replace(detail, value=f"zq{detail.fact}zq") for detail in task.details
    )
    env = _env(replace(task, details=details), seed, None, options)
    hidden = {detail.fact: (detail.value,) for detail in details if detail.fact not in task.told}
    return Canary(env=env, secrets=hidden)


SPEC = with_records(
    EnvSpec(
        env_id=ENV_ID,
        summary="find out what a vague request leaves out, one question at a time",
        options=IntentionOptions,
        num_tasks=num_tasks,
        build=_build,
        expert=IntentionExpert,
        canary=_canary,
        from_upstream=from_upstream,
    ),
    load_records,
)
