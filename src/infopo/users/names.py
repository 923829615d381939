"""Who answers, by name: `scripted[:PERSONA] | llm:NAME | recorded:FILE | human`, read in this one place."""

from infopo.users.base import User


def make_user(name: str | None, scripted: User, *, task_id: str, seed: int, brief: str) -> User:
    """The user called `name`, around an environment's `scripted` one (None: `scripted` itself).

    A persona changes how the script's replies are worded, or withholds them; `llm:NAME` has a language model write what
    the script decides to say; `recorded:FILE` replays the replies recorded for `task_id`; `human` is told `brief`,
    the hidden goal in words, and answers in the terminal. Raises `UserError` for any other name.
    """
    raise NotImplementedError
