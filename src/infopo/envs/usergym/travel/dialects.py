"""Which dialect a difficulty speaks."""

from infopo.envs.usergym.travel.dialect import Dialect
from infopo.envs.usergym.travel.nano import NanoDialect
from infopo.envs.usergym.travel.standard import StandardDialect

_DIALECTS: dict[str, Dialect] = {"nano": NanoDialect(), "standard": StandardDialect()}


def dialect_of(difficulty: str) -> Dialect:
    """The dialect of `nano` or `standard`; dialects hold no state and are shared."""
    return _DIALECTS[difficulty]
