"""Where a message holds an answer, and which part of it is code.

Scope `official` is strict, as published: the exact marker, the text up to a second one, the first fenced block. Scope
`module` also takes `i_want_to_answer:` and indented code.
"""

import re
import textwrap

from infopo.envs.base import Action
from infopo.envs.colbench.texts import MARKER

OUTPUT = "OUTPUT:"
BANNED = (
    "import os",
    "from os",
    "import sys",
    "from sys",
    "sudo",
    "transformers",
    "exit(",
    "quit(",
    "argparse",
)
_LOOSE_MARKER = re.compile(r"\bi[ _]+want[ _]+to[ _]+answer[ _]*:", re.IGNORECASE)
_FENCES = (re.compile(r"```python(.*?)```", re.DOTALL), re.compile(r"```(.*?)```", re.DOTALL))


def read_answer(action: Action, scope: str, *, last: bool) -> str | None:
    """The answer that a message gives; None: it gives none. The `last` one is an answer, whatever is in it.

    >>> read_answer(Action(choice=None, content="So: i want to answer: def f(): pass"), "module", last=False)
    'def f(): pass'
    >>> read_answer(Action(choice=None, content="i want to answer: def f(): pass"), "official", last=False) is None
    True
    """
    text = action.content
    if scope == "official":
        parts = text.split(OUTPUT)
        text = parts[1] if len(parts) > 1 else text
        marked = text.split(MARKER)
        if len(marked) > 1:
            return marked[1].strip()
    else:
        found = _LOOSE_MARKER.search(text)
        if found:
            return text[found.end() :].strip()
    return text if last or action.choice == "answer" else None


def code_of(answer: str, scope: str) -> str:
    """The first block fenced as python, else the first fenced one, else all of it.

    >>> code_of("Here:\\n```python\\nx = 1\\n```", "module")
    'x = 1'
    """
    for fence in _FENCES:
        found = fence.search(answer)
        if found:
            answer = found[1]
            break
    return answer.strip() if scope == "official" else textwrap.dedent(answer.strip("\n")).strip()


def banned(code: str) -> bool:
    """Whether the published checker refuses to run this: it looks for pieces of text, wherever they stand."""
    return any(piece in code for piece in BANNED)
