"""Golden cases of the methods that compare outcomes inside a group."""

from collections.abc import Mapping
from typing import Any

HANDLERS: Mapping[str, Any] = {}
