"""Options that every user gym has, and the checks of their values."""

from dataclasses import dataclass
from typing import ClassVar

from infopo.core import UnknownNameError, UserError

MODES = ("fixed", "upstream")
DIFFICULTIES = ("standard", "nano")
REWARDS = ("outcome", "upstream")
REVEALS = ("none", "some", "all")
USUAL_TURNS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class GymOptions:
    """Keyword options of every user gym; a bad value raises `UserError`.

    `mode` upstream: the published gym's behaviour, quirks included. `difficulty` nano: short texts from a closed
    vocabulary, same rules. `reward` upstream pays the published step rewards; outcome pays nothing before the end.
    `reveal`: what the opening says of what is hidden. `unanswered`: chance that a question gets no answer.
    """

    env_id: ClassVar[str]

    mode: str = "fixed"
    difficulty: str = "standard"
    reward: str = "outcome"
    reveal: str = "none"
    unanswered: float = 0.0
    max_turns: int = USUAL_TURNS

    def __post_init__(self) -> None:
        known = {"mode": MODES, "difficulty": DIFFICULTIES, "reward": REWARDS, "reveal": REVEALS}
        for name, values in known.items():
            check_choice(self.env_id, name, getattr(self, name), values)
        check_share(self.env_id, "unanswered", self.unanswered)
        check_whole(self.env_id, "max_turns", self.max_turns, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOptions(GymOptions):
    """Options of a gym that can play published records in place of own tasks, by the published rules.

    `data`: the file that holds them; `rows`: a folder with the published train.parquet and test.parquet, which say what
    belongs to which split.
    """

    data: str | None = None
    rows: str | None = None

    def __post_init__(self) -> None:
        GymOptions.__post_init__(self)  # slots make a new class, which a bare super() does not know
        if self.rows is not None and self.data is None:
            raise UserError(f"option rows of {self.env_id} needs option data, the file that holds the records")
        if self.data is not None and (self.difficulty, self.reveal, self.unanswered) != ("standard", "none", 0.0):
            raise UserError(f"option data of {self.env_id}: published records know no difficulty, reveal or unanswered")


def check_choice(env_id: str, name: str, value: object, known: tuple[str, ...]) -> None:
    """`UnknownNameError` for a value that is none of `known`."""
    if value not in known:
        raise UnknownNameError(f"{name} of {env_id}", str(value), list(known))


def check_share(env_id: str, name: str, value: object) -> None:
    """`UserError` for anything but a number in [0, 1]."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0.0 <= value <= 1.0:  # type: ignore[operator]
        raise UserError(f"option {name} of {env_id} must be a number in [0, 1], got {value!r}")


def check_whole(env_id: str, name: str, value: object, least: int, most: int | None = None) -> None:
    """`UserError` for anything but a whole number within the limits."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):  # type: ignore[operator]
        limits = f"at least {least}" if most is None else f"from {least} to {most}"
        raise UserError(f"option {name} of {env_id} must be a whole number, {limits}, got {value!r}")


def check_user(env_id: str, user: str | None) -> None:
    """`UserError` for a user that the gym does not have."""
    if user not in (None, "scripted"):
        raise UserError(f"{env_id} has no user {user!r}; available: scripted")
