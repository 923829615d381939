"""Where the thought of an action ends, and what it says begins."""


def after_thought(text: str) -> str:
    """What an action says: what follows its last thought, up to one that was opened and never closed.

    >>> after_thought("<think>Hm.</think>Hello.")
    'Hello.'
    >>> after_thought("<think>Hm, I could say Hello.")
    ''
    """
    return text.rpartition("</think>")[2].partition("<think>")[0]
