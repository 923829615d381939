"""Where the thought of an action ends, and what it says begins."""


def after_thought(text: str) -> str:
    """What an action says: what follows its last thought; nothing where that was opened and never closed.

    A thought is opened at the start, or where another has ended: in the middle of a text the tag is a word of it.

    >>> after_thought("<think>Hm.</think>Hello.")
    'Hello.'
    >>> after_thought("<think>Hm, I could say Hello.")
    ''
    >>> after_thought("s.split('<think>')")
    "s.split('<think>')"
    """
    rest = text.rpartition("</think>")[2]
    return "" if rest.lstrip().startswith("<think>") else rest
