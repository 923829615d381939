"""The options of `usergym/search`, and the rules that its two modes play by."""

from dataclasses import dataclass

from infopo.envs.usergym.judged import RULE, check_judge
from infopo.envs.usergym.options import GymOptions
from infopo.envs.usergym.upstream import Settings

ENV_ID = "usergym/search"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions(GymOptions):
    """Keyword options of `make_env("usergym/search", ...)`; a bad value raises `UserError`.

    `mode` upstream: the published gym's behaviour, quirks included. `reveal` some: the opening states the first of the
    two facts that lead to the answer; all: both. `unanswered`: chance that a search finds nothing. `reward` upstream
    pays 1.0 for the right answer.
    `judge`: `rule`, or `llm:NAME`: a language model that judges answers which the rules do not accept.
    """

    env_id = ENV_ID

    judge: str = RULE

    def __post_init__(self) -> None:
        GymOptions.__post_init__(self)  # slots make a new class, which a bare super() does not know
        check_judge(self.env_id, self.judge)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules(Settings):
    """The published settings, and the quirks: each flag is one way in which the published gym differs."""

    normalize_rewards: bool = False
    correct_answer_reward: float = 1.0
    incorrect_answer_reward: float = 0.0
    eval_method: str = "llm"  # rule: no judge is asked where the answer is not word for word
    max_search_results: int = 5
    max_search_steps: int = 5
    free_answers: bool = False  # a wrong answer costs nothing but a step
    finish_tells: bool = False  # giving up brings the answer
    plain_prefixes: bool = False  # a lower-case tag at the start, or nothing
    both_flags: bool = False  # an episode that ends at the limit is truncated as well


FIXED = Rules()
UPSTREAM = Rules(free_answers=True, finish_tells=True, plain_prefixes=True, both_flags=True)
