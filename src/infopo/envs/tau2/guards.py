"""What an agent may send to the benchmark: no call from free text, none that hangs it, no token of the customer."""

import json
import re
from typing import Any

from infopo.core import InfopoError, ToolCall, after_thought

CUSTOMER_TOKENS = re.compile(r"###\s*(?:STOP|TRANSFER|OUT-OF-SCOPE)\s*###")  # with these a customer ends the talk
LONGEST_EXPRESSION = 200
LONGEST_ARGUMENTS, DEEPEST = 20_000, 20  # characters; lists and objects one inside the other. No tool needs as much
REFUSED = "(refused: a power, or too long)"  # what `calculate` gets instead, and answers with its own error


class BadCallError(InfopoError):
    """A tool call that cannot be read; the text is for the policy."""


def spoken(content: str) -> str:
    """What of a message is said aloud: no thought, no token that is the customer's.

    A text with the tags of a tool call is a call that could not be read: `BadCallError`, the customer must not hear it.

    >>> spoken("<think>Hm.</think>Goodbye! ###STOP###")
    'Goodbye!'
    """
    text = after_thought(content).partition("<think>")[0]  # what might be a thought is not for the customer
    if "<tool_call>" in text or "</tool_call>" in text:
        raise BadCallError("a tool call that cannot be read")
    while CUSTOMER_TOKENS.search(text):  # again, since what remains may join to another
        text = CUSTOMER_TOKENS.sub("", text)
    return text.encode(errors="replace").decode().strip()


def read_arguments(call: ToolCall) -> dict[str, Any]:
    """The arguments as an object with text keys; those of `calculate` made harmless. Raises `BadCallError`.

    The benchmark evaluates the expression as Python: a tower of powers would never come back. It copies arguments with
    their inner lists and objects one inside the other: deep ones would break the episode, and it would not be scored.
    """
    if len(call.arguments) > LONGEST_ARGUMENTS:
        raise BadCallError(f"the arguments are longer than {LONGEST_ARGUMENTS} characters")
    try:
        arguments = json.loads(call.arguments or "{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadCallError(f"the arguments are no JSON: {error}") from error
    if not isinstance(arguments, dict):
        raise BadCallError("the arguments must be a JSON object")
    if _is_deep(arguments):
        raise BadCallError(f"the arguments are nested more than {DEEPEST} deep")
    try:
        json.dumps(arguments, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise BadCallError("the arguments hold half a character") from error
    if call.name == "calculate" and not _is_bounded(arguments.get("expression", "")):
        arguments["expression"] = REFUSED
    return arguments


def _is_deep(value: Any) -> bool:
    layer = [value]
    for _ in range(DEEPEST):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return any(isinstance(value, dict | list) for value in layer)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _is_bounded(expression: Any) -> bool:
    return isinstance(expression, str) and len(expression) <= LONGEST_EXPRESSION and "**" not in expression
