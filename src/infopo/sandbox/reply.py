"""Reads what a sandbox wrote, believing nothing: the writer may be the untrusted program itself.

The line's length was limited before it came here. Numbers that are not finite (also `1e999`), text that is no Unicode,
nesting deeper than 50, a wrong nonce, too few or too many results, unknown keys: all make the whole reply unreadable.
"""

import json
import math
from typing import Any, NoReturn

from infopo.sandbox.program import CallResult

DEEPEST = 50
LONGEST_ERROR = 200


def longest_reply(output_bytes: int, calls: int) -> int:
    """Bytes of an honest reply at most: the answers, and for every call an envelope or an error."""
    return output_bytes + 2048 * (calls + 1)


def says_ready(line: bytes, nonce: str) -> bool:
    return line == json.dumps({"ready": nonce}).encode() + b"\n"


def read_reply(line: bytes, nonce: str, calls: int) -> tuple[str | None, tuple[CallResult, ...]]:
    """The program's error as a whole, or a result for every call. Raises `ValueError` for an unreadable reply."""
    reply = _load(line)
    if type(reply) is not dict or set(reply) != {"nonce", "error", "results"} or reply["nonce"] != nonce:
        raise ValueError("not a reply")
    if reply["error"] is not None:
        return one_line(reply["error"]), ()
    results = reply["results"]
    if type(results) is not list or len(results) != calls:
        raise ValueError("not one result a call")
    return None, tuple(_result(one) for one in results)


def one_line(text: Any) -> str:
    """An error's text, safe to print: no control characters, no second line."""
    if type(text) is not str:
        raise ValueError("an error that is no text")
    return "".join(letter if letter.isprintable() else " " for letter in text[:LONGEST_ERROR]) or "error"


def _result(one: Any) -> CallResult:
    if type(one) is not dict or set(one) not in ({"value"}, {"error"}):
        raise ValueError("not a result")
    if "error" in one:
        return CallResult(error=one_line(one["error"]))
    return CallResult(value=one["value"])


def _load(text: str | bytes) -> Any:
    try:
        data = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deep") from None
    check_plain(data, most=DEEPEST + 3)  # the reply, its results, a result
    return data


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def check_plain(data: Any, most: int = DEEPEST) -> None:
    """Raises `ValueError` for numbers that are not finite, text that is no Unicode, and more than `most` levels."""
    if most < 0:
        raise ValueError("nested too deep")
    if type(data) is float and not math.isfinite(data):
        raise ValueError("a number that is not finite")
    if type(data) is str:
        data.encode()  # raises for half a surrogate pair
    elif type(data) is list:
        for one in data:
            check_plain(one, most - 1)
    elif type(data) is dict:
        for key, one in data.items():
            key.encode()
            check_plain(one, most - 1)
