"""Read the one JSON object that a language model was asked for, whatever it wrapped around it."""

import json
import re
from typing import Any

from infopo.users.base import ChatError

_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)


def read_json(text: str) -> dict[str, Any]:
    """The whole text, else the first fenced block, else from the first `{` to the last `}`.

    Raises `ChatError` where none of them is a JSON object; the reply itself is not in the error's text.

    >>> read_json('Sure:\\n```json\\n{"correct": true}\\n```')
    {'correct': True}
    """
    fenced = _FENCE.search(text)
    candidates = (text, fenced[1] if fenced else "", text[text.find("{") : text.rfind("}") + 1])
    for candidate in candidates:
        try:
            value = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    raise ChatError(f"expected one JSON object, got {len(text)} characters of something else")
