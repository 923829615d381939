"""The options of `usergym/function`, and the rules that its two modes play by."""

from dataclasses import dataclass

from infopo.envs.usergym.options import RecordOptions
from infopo.envs.usergym.upstream import Settings

ENV_ID = "usergym/function"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionOptions(RecordOptions):
    """Keyword options of `make_env("usergym/function", ...)`; a bad value raises `UserError`.

    `mode` upstream: the published gym's behaviour, quirks included. `difficulty` nano: one of the numbers, or the
    sum or the product of two, from 1 to 7. `reveal` some: the opening states the test case; all: the rule as well.
    `unanswered`: chance that a probe, or the question for the test case, gets no answer. `reward` upstream pays the
    published step rewards. `data` and `rows`: published records to play, see `RecordOptions`.
    """

    env_id = ENV_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules(Settings):
    """The published settings, and the quirks: each flag is one way in which the published gym differs."""

    normalize_rewards: bool = False
    correct_answer_reward: float = 1.0
    incorrect_answer_reward: float = 0.0
    loose_probes: bool = False  # fractions may be probed: the test case plus a trifle gives the answer away
    rounded_results: bool = False  # results are shown to four decimals, yet answers need six
    free_answers: bool = False  # a wrong answer costs nothing but a step
    plain_prefixes: bool = False  # a lower-case tag at the start, or nothing; a thought or a capital hides it
    both_flags: bool = False  # an episode that ends at the limit is truncated as well


FIXED = Rules()
UPSTREAM = Rules(loose_probes=True, rounded_results=True, free_answers=True, plain_prefixes=True, both_flags=True)
