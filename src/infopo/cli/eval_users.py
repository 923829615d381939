"""Which users an evaluation plays with: one, a list, or all that an environment offers."""

from typing import Any

from infopo.cli.policy import check_playable
from infopo.core import UserError
from infopo.envs.mixtures import folder_name
from infopo.envs.registry import Split
from infopo.users.names import parse_user
from infopo.users.personas import PERSONAS

ALL = "all"


def resolve_users(
    names: str | None, env: str, env_options: dict[str, Any], *, split: Split, dry: bool = False
) -> list[str | None]:
    """The users that `--user` names; `all`: the scripted user and every persona of it that the environment takes.

    Raises `UserError` for a name that is none, one that stands there twice, and one that the environment refuses
    (`dry`: chat models are not opened, so they need no key).

    >>> resolve_users("scripted:terse, scripted", "toy/slots", {}, split="test")
    ['scripted:terse', 'scripted']
    """
    if names is None:
        return [None]
    if names == ALL:
        personas = [f"scripted:{persona}" for persona in PERSONAS]
        return ["scripted", *(one for one in personas if _taken(one, env, env_options, split))]
    users = [name.strip() for name in names.split(",")]
    for user in users:
        if parse_user(user).kind == "human":
            raise UserError(
                f"--user {user}: an evaluation plays many episodes at one time, and a person one; use infopo play"
            )
        if not (dry and parse_user(user).kind == "llm"):
            check_playable(env, env_options, split=split, user=user)
    folders = [folder_name(user) for user in users]
    if len(set(folders)) < len(folders):
        raise UserError(f"--user names one twice: {names}")
    return list(users)


def _taken(user: str, env: str, env_options: dict[str, Any], split: Split) -> bool:
    try:
        check_playable(env, env_options, split=split, user=user)
    except UserError:
        return False
    return True
