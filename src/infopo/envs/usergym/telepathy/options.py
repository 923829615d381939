"""The options of `usergym/telepathy`, and the rules that its two modes play by."""

from dataclasses import dataclass

from infopo.envs.usergym.guessing import GuessRules
from infopo.envs.usergym.judged import RULE, check_judge
from infopo.envs.usergym.options import RecordOptions

ENV_ID = "usergym/telepathy"


@dataclass(frozen=True, slots=True, kw_only=True)
class TelepathyOptions(RecordOptions):
    """Keyword options of `make_env("usergym/telepathy", ...)`; a bad value raises `UserError`.

    `mode` upstream: the published gym's behaviour, quirks included. `reveal` some: the opening states half of what
    describes the thing; all: everything. `unanswered`: chance that a question gets no answer. `reward` upstream pays
    1.0 for the right guess.
    `data` and `rows`: published records to play, see `RecordOptions`.
    `judge`: `rule`, or `llm:NAME`: a language model that judges answers which the rules do not accept.
    """

    env_id = ENV_ID

    judge: str = RULE

    def __post_init__(self) -> None:
        RecordOptions.__post_init__(self)  # slots make a new class, which a bare super() does not know
        check_judge(self.env_id, self.judge, data=self.data)


FIXED = GuessRules()
UPSTREAM = GuessRules(bare_questions=True, both_flags=True)
