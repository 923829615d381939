"""The standard output: always there, never refusing a character, and given up where its reader has left."""

import io
import os
import sys

from infopo.core import visible


def prepare() -> None:
    """Give a closed stream an empty one, and show `?` for a character that the terminal's encoding lacks."""
    for name in ("stdin", "stdout", "stderr"):  # in this order: each takes the lowest free number, which is its own
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 (open until the end)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def plain(text: str) -> str:
    """The text on one line, every control character written out."""
    return visible(" ".join(text.split()))


def give_up() -> None:
    """Send what is still to be written nowhere: otherwise the interpreter would try again, and fail, at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
