"""`usergym/intention`: find out what a vague request leaves out, one question at a time.

The agent asks (`[action] Which budget would you like?`) and ends when it has heard enough (`[finish]`). A question is
worth the most important detail that it brings up, less for every further one.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infopo.core import Message
from infopo.envs.base import Env
from infopo.envs.registry import EnvSpec, Split
from infopo.envs.usergym.intention.bank import make_task, num_tasks
from infopo.envs.usergym.intention.env import IntentionEnv
from infopo.envs.usergym.intention.expert import IntentionExpert
from infopo.envs.usergym.intention.options import ENV_ID, FIXED, UPSTREAM, IntentionOptions
from infopo.envs.usergym.intention.task import load_records, read_task
from infopo.envs.usergym.intention.texts import STANDARD, SYSTEM, TEXTS, opening
from infopo.envs.usergym.intention.user import ChatPair, RevealedCoverage, ScriptedUser
from infopo.envs.usergym.options import check_user
from infopo.envs.usergym.upstream import read_settings
from infopo.users import ChatModel

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
    check_user(ENV_ID, user)
    task = make_task(index, split, options)
    texts = TEXTS[options.difficulty]
    return IntentionEnv(
        task,
        ScriptedUser(task, texts, seed=seed, unanswered=options.unanswered),
        RevealedCoverage(),
        opening=opening(task, options.difficulty),
        texts=texts,
        rules=replace(UPSTREAM if options.mode == "upstream" else FIXED, max_steps=options.max_turns),
        pays=options.reward == "upstream",
    )


SPEC = EnvSpec(
    env_id=ENV_ID,
    summary="find out what a vague request leaves out, one question at a time",
    options=IntentionOptions,
    num_tasks=num_tasks,
    build=_build,
    expert=IntentionExpert,
    from_upstream=from_upstream,
)
