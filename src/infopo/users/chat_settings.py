"""How a language model is reached: endpoint, limits, prices, cache. The key itself is never part of it."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import yaml

from infopo.core import UserError
from infopo.core.typed_data import from_data

OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSettings:
    """One model at one OpenAI-compatible endpoint; a bad value raises `UserError`.

    `key_variable` names the environment variable with the key; None: the endpoint takes none. `temperature` None: the
    endpoint's own. `token_limit` and `money_limit` are for the whole process; the latter needs both prices (per million
    tokens). `cache`: a folder; equal requests get the stored reply, also across runs. `structured` auto: a JSON schema
    is sent, until the endpoint refuses one. `extra` goes into every request as it is.
    """

    model: str
    base_url: str = OPENAI_URL
    key_variable: str | None = "OPENAI_API_KEY"
    temperature: float | None = 0.0
    max_reply_tokens: int = 512
    reply_limit_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    structured: Literal["auto", "off"] = "auto"
    concurrency: int = 8
    attempts: int = 4
    attempt_seconds: float = 20.0
    deadline_seconds: float = 50.0  # for one reply: queue, attempts and waits together
    first_wait_seconds: float = 0.5  # doubles with every attempt, unless the endpoint asks for more
    token_limit: int | None = None
    money_limit: float | None = None
    prompt_price: float | None = None
    reply_price: float | None = None
    cache: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        address = urlsplit(self.base_url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise UserError("base_url of a chat model must start with http:// or https:// and name a host")
        if address.username or address.password or address.query:
            raise UserError("base_url of a chat model must hold no secret; the key comes from the environment")
        if not self.model:
            raise UserError("a chat model needs a name, such as llm:gpt-4o-mini")
        for name in ("max_reply_tokens", "concurrency", "attempts"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} of a chat model must be at least 1, got {getattr(self, name)}")
        for name in ("attempt_seconds", "deadline_seconds"):
            if not getattr(self, name) > 0:
                raise UserError(f"{name} of a chat model must be positive, got {getattr(self, name)}")
        for name in ("first_wait_seconds", "token_limit", "money_limit", "prompt_price", "reply_price"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise UserError(f"{name} of a chat model must not be negative, got {value}")
        if self.money_limit is not None and (self.prompt_price is None or self.reply_price is None):
            raise UserError("money_limit of a chat model needs prompt_price and reply_price, per million tokens")

    def key(self) -> str:
        """The key from the environment; `UserError` where the variable is not set."""
        if self.key_variable is None:
            return "none"
        key = os.environ.get(self.key_variable, "").strip()
        if not key:
            raise UserError(f"no key for {self.model}: set the environment variable {self.key_variable}")
        return key


def read_settings(name: str) -> ChatSettings:
    """What stands after `llm:`: a model name, or a YAML file (`.yaml`, `.yml`) with the fields of `ChatSettings`.

    The endpoint of a bare name, or of a file that names none, is `OPENAI_BASE_URL`, else OpenAI's own.
    """
    data: Any = {"model": name}
    if name.endswith((".yaml", ".yml")):
        try:
            data = yaml.safe_load(Path(name).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"cannot read {name}: {error}") from error
        except yaml.YAMLError as error:
            raise UserError(f"{name} is not valid YAML: {' '.join(str(error).split())}") from error
        if not isinstance(data, dict) or not isinstance(data.get("model"), str):
            raise UserError(f"{name} must name a model: `model: gpt-4o-mini`")
    return from_data({"base_url": os.environ.get("OPENAI_BASE_URL") or OPENAI_URL} | data, ChatSettings, where=name)
