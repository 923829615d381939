"""Who answers, by name: `scripted[:PERSONA] | llm:NAME | recorded:FILE | human`, read in this one place."""

from dataclasses import dataclass

from infopo.core import UnknownNameError, UserError, derive_random, derive_seed
from infopo.users.base import User

KINDS = ("scripted", "llm", "recorded", "human")
_EXAMPLES = {"llm": "llm:gpt-4o-mini", "recorded": "recorded:runs/x"}


@dataclass(frozen=True, slots=True, kw_only=True)
class UserName:
    """A user's name, taken apart: `argument` is what follows the colon."""

    kind: str
    argument: str | None = None

    @property
    def asks_script(self) -> bool:
        """Whether the script beside it decides what is said; a recording and a person answer by themselves."""
        return self.kind in ("scripted", "llm")


def parse_user(name: str | None) -> UserName:
    """Take a name apart; None is `scripted`. Raises `UserError` for one that is not of the four forms.

    >>> parse_user("scripted:terse")
    UserName(kind='scripted', argument='terse')
    """
    from infopo.users.personas import PERSONAS

    kind, colon, argument = ("scripted" if name is None else name).partition(":")
    if kind not in KINDS:
        known = ["scripted", *(f"scripted:{persona}" for persona in PERSONAS), "llm:NAME", "recorded:FILE", "human"]
        raise UnknownNameError("user", str(name), known)
    if kind in _EXAMPLES and not argument:
        raise UserError(f"user {name!r} needs a name after the colon, such as {_EXAMPLES[kind]}")
    if kind == "human" and colon:
        raise UserError(f"user {name!r}: a human takes no name")
    if kind == "scripted" and colon and argument not in PERSONAS:
        raise UnknownNameError("persona", argument, list(PERSONAS))
    return UserName(kind=kind, argument=argument or None)


def make_user(name: str | None, scripted: User, *, task_id: str, seed: int, brief: str) -> User:
    """The user called `name`, around an environment's `scripted` one (None: `scripted` itself).

    A persona changes how the script's replies are worded, or withholds them; `llm:NAME` has a language model write what
    the script decides to say (see `open_chat`); `recorded:FILE` replays the replies recorded for `task_id`; `human` is
    told `brief`, the hidden goal in words, and answers in the terminal. Raises `UserError` for any other name.
    """
    parsed = parse_user(name)
    if parsed.kind == "human":
        from infopo.users.human import HumanUser

        return HumanUser(brief)
    if parsed.argument is None:
        return scripted
    if parsed.kind == "scripted":
        from infopo.users.personas import PersonaUser

        return PersonaUser(scripted, parsed.argument, generator=derive_random(seed, "persona", task_id))
    if parsed.kind == "llm":
        from infopo.users.llm import open_chat
        from infopo.users.written import WrittenUser

        return WrittenUser(scripted, open_chat(parsed.argument))
    from infopo.users.recorded import RecordedUser, read_exchanges

    pick = derive_seed(seed, "recorded", task_id)
    return RecordedUser(read_exchanges(parsed.argument, task_id, pick=pick))
