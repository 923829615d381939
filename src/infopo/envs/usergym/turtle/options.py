"""The options of `usergym/turtle`, and the rules that its two modes play by."""

from dataclasses import dataclass

from infopo.envs.usergym.guessing import GuessRules
from infopo.envs.usergym.judged import RULE, check_judge
from infopo.envs.usergym.options import RecordOptions

ENV_ID = "usergym/turtle"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurtleOptions(RecordOptions):
    """Keyword options of `make_env("usergym/turtle", ...)`; a bad value raises `UserError`.

    `mode` upstream: the published gym's behaviour, quirks included. `reveal` some: the opening tells half of what
    happened; all: everything. `unanswered`: chance that a question gets no answer. `reward` upstream pays for each
    explanation what it gains over the best one before.
    `data` and `rows`: published records to play, see `RecordOptions`.
    `judge`: `rule`, or `llm:NAME`: a language model that judges answers which the rules do not accept.
    """

    env_id = ENV_ID

    judge: str = RULE

    def __post_init__(self) -> None:
        RecordOptions.__post_init__(self)  # slots make a new class, which a bare super() does not know
        check_judge(self.env_id, self.judge, data=self.data)


FIXED = GuessRules(free_answers=False)
UPSTREAM = GuessRules(success_threshold=0.9, exact_threshold=True, bare_questions=True, both_flags=True)
