"""From a task's index to an environment, and from a user's name to who answers."""

from typing import Any

from infopo.core import UserError
from infopo.envs.registry import Split
from infopo.envs.tau2.catalogue import entries
from infopo.envs.tau2.env import Tau2Env
from infopo.envs.tau2.options import Tau2Options
from infopo.users.chat_settings import read_settings
from infopo.users.names import parse_user

UNSUPPORTED = ("token_limit", "money_limit", "cache")


def build(domain: str, index: int, split: Split, seed: int, user: str | None, options: Tau2Options) -> Tau2Env:
    """The environment of a task; no process is started before its `start`. Raises `UserError`."""
    entry = entries(domain, split, options)[index]
    return Tau2Env(
        domain,
        entry.upstream_id,
        task_id=f"tau2/{domain}/{split}/{entry.place}",  # ids of the benchmark's telecom tasks name the fault
        seed=seed,
        user=simulator_arguments(user),
        options=options,
        place=options.place(),
    )


def simulator_arguments(user: str | None) -> dict[str, Any] | None:
    """Model and arguments for the benchmark's own user simulator; None: the scripted customer."""
    parsed = parse_user(user)
    if parsed.kind == "scripted" and parsed.argument is None:
        return None
    if parsed.kind != "llm" or parsed.argument is None:
        raise UserError(f"user {user!r}: tau2 takes scripted, or llm:NAME for the benchmark's own simulator")
    settings = read_settings(parsed.argument)
    unsupported = [name for name in UNSUPPORTED if getattr(settings, name) is not None]
    if unsupported:
        raise UserError(f"user {user!r}: {', '.join(unsupported)} cannot be kept by tau2's simulator; leave it out")
    # No limit on a reply: it could cut the token by which the customer leaves.
    arguments: dict[str, Any] = {
        "api_base": settings.base_url,
        "api_key": settings.key(),
        "timeout": settings.attempt_seconds,
        "num_retries": settings.attempts - 1,
        **settings.extra,
    }
    if settings.temperature is not None:
        arguments["temperature"] = settings.temperature
    return {"llm": f"openai/{settings.model}", "llm_args": arguments}
