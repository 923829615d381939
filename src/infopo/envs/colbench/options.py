"""The options of `colbench/code`."""

from dataclasses import dataclass

from infopo.core import UserError
from infopo.envs.options import DIFFICULTIES, REVEALS, REWARDS, check_choice, check_share, check_whole

ENV_ID = "colbench/code"
SCOPES = ("module", "official")
SCORES = ("share", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeOptions:
    """Keyword options of `make_env("colbench/code", ...)`; a bad value raises `UserError`.

    `difficulty` nano: one-line functions, short texts from a closed vocabulary. `scope` official: answers are read, run
    and compared as the published checker does, quirks included. `provider` and `required_level`: which sandbox runs the
    code, and how closed it must be, see `infopo.sandbox`. `score`: the `share` of tests that pass, or `all`, 1 where
    all pass and else 0. `reward` upstream pays the score on the last step, outcome pays nothing before the end.
    `reveal`: which of the facts the opening states. `unanswered`: chance that a question gets no answer.

    `data`: published tasks to play in place of own ones, see `published`.
    """

    difficulty: str = "standard"
    scope: str = "module"
    score: str = "share"
    reward: str = "outcome"
    reveal: str = "none"
    unanswered: float = 0.0
    max_turns: int = 10
    provider: str = "auto"
    required_level: str | None = None
    data: str | None = None

    def __post_init__(self) -> None:
        known = {
            "difficulty": DIFFICULTIES,
            "scope": SCOPES,
            "score": SCORES,
            "reward": REWARDS,
            "reveal": REVEALS,
        }
        for name, values in known.items():
            check_choice(ENV_ID, name, getattr(self, name), values)
        if (self.provider, self.required_level) != ("auto", None):
            from infopo.sandbox import LEVELS

            check_choice(ENV_ID, "provider", self.provider, ("auto", *LEVELS))
            check_choice(ENV_ID, "required_level", self.required_level or LEVELS[-1], LEVELS)
        check_share(ENV_ID, "unanswered", self.unanswered)
        check_whole(ENV_ID, "max_turns", self.max_turns, 1)
        if self.data is not None and (self.difficulty, self.reveal, self.unanswered) != ("standard", "none", 0.0):
            raise UserError(f"option data of {ENV_ID}: published tasks know no difficulty, reveal or unanswered")
