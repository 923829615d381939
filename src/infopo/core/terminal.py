"""Texts of strangers on a terminal: what could steer it is shown, not obeyed."""

import re

# Control characters except tab and newline, and those that turn the direction of text around.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def visible(text: str) -> str:
    r"""The text with every control character written out.

    >>> visible("a\x1b[31mred")
    'a\\x1b[31mred'
    """
    return _CONTROLS.sub(lambda found: ascii(found.group())[1:-1], text)
