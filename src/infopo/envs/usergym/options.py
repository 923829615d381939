"""Options that every user gym has."""

from dataclasses import dataclass
from typing import ClassVar

from infopo.core import UserError
from infopo.envs.options import DIFFICULTIES, REVEALS, REWARDS, check_choice, check_share, check_whole

MODES = ("fixed", "upstream")
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
