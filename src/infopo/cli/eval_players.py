"""Who plays in an evaluation, as far as it changes what is said: kept with it, and held to when it is gone on with."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infopo.core import UserError, atomic_write_text
from infopo.core.typed_data import to_data
from infopo.users.chat_settings import ChatSettings, read_settings
from infopo.users.names import parse_user

FILE = "players.json"
REPLY_SETTINGS = (
    "model",
    "base_url",
    "temperature",
    "max_reply_tokens",
    "structured",
    "extra",
)  # what a reply depends on


def hosted(settings: ChatSettings) -> dict[str, Any]:
    """What the replies of a model behind an endpoint depend on: no limits, prices or waits."""
    data = to_data(settings)
    return {name: data[name] for name in REPLY_SETTINGS}


def chat_users(users: Sequence[str | None]) -> dict[str, Any]:
    """The same of every user that a chat model words, by the user's name."""
    named = {user: parse_user(user) for user in users if user is not None}
    return {user: hosted(read_settings(str(one.argument))) for user, one in named.items() if one.kind == "llm"}


def hold_to(folder: Path, policy: Mapping[str, Any], users: Mapping[str, Any]) -> None:
    """Keep who plays; `UserError` where this evaluation was begun with others, says what is different."""
    now = json.loads(json.dumps({"policy": policy, "users": users}))
    path = folder / FILE
    if not path.is_file():
        atomic_write_text(path, json.dumps(now, indent=1) + "\n")
        return
    begun = json.loads(path.read_text(encoding="utf-8"))
    before, after = _flat(begun), _flat(now)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            raise UserError(
                f"{folder} was begun with another model or other settings: {name} was {before.get(name)!r}, now it is"
                f" {after.get(name)!r}; put back what it was begun with, or start anew with another --out"
            )


def _flat(players: Mapping[str, Any]) -> dict[str, Any]:
    found = {f"policy {name}": value for name, value in players["policy"].items()}
    return found | {f"{user} {name}": value for user, part in players["users"].items() for name, value in part.items()}
