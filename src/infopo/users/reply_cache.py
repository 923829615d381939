"""Replies of language models on disk: one small file a request, written whole or not at all."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infopo.core import UserError, atomic_write_text


def request_key(request: Mapping[str, Any]) -> str:
    """The name of a request (endpoint, model, messages, parameters): equal requests, equal names."""
    text = json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()


class ReplyCache:
    """A folder of replies. It holds neither requests nor keys; a file that cannot be read counts as absent."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot make the cache folder {folder}: {error.strerror}") from error

    def get(self, key: str) -> str | None:
        """The stored reply, or None."""
        try:
            data = json.loads(self._path(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        reply = data.get("reply") if isinstance(data, dict) else None
        return reply if isinstance(reply, str) else None

    def put(self, key: str, reply: str) -> None:
        """Store a reply under its request's name."""
        path = self._path(key)
        path.parent.mkdir(exist_ok=True)
        atomic_write_text(path, json.dumps({"v": 1, "reply": reply}) + "\n")

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key[2:]}.json"
