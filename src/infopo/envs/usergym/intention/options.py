"""The options of `usergym/intention`, and the rules that its two modes play by."""

from dataclasses import dataclass

from infopo.envs.usergym.options import RecordOptions
from infopo.envs.usergym.upstream import Settings

ENV_ID = "usergym/intention"
IMPORTANCE_REWARDS = {1: 0.4, 2: 0.7, 3: 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentionOptions(RecordOptions):
    """Keyword options of `make_env("usergym/intention", ...)`; a bad value raises `UserError`.

    `mode` upstream: the published gym's behaviour, quirks included. `reveal` some: the opening states half of the
    details; all: all of them. `unanswered`: chance that a question gets no answer. `reward` upstream pays for each
    question the most important detail it brought up, less for every further one.
    `data` and `rows`: published records to play, see `RecordOptions`.
    """

    env_id = ENV_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules(Settings):
    """The published settings, and the quirks: each flag is one way in which the published gym differs."""

    multi_detail_penalty: float = 0.2
    duplicates_count: bool = False  # a detail that the judge names twice is covered twice
    bare_questions: bool = False  # whatever has no tag, or another one, is a question
    both_flags: bool = False  # the limit terminates as well as truncates

    def worth(self, importances: list[int]) -> float:
        """What a question is worth by the details it covered: that of the most important one, less for the others.

        >>> Rules().worth([2, 2]), Rules().worth([])
        (0.49999999999999994, 0.0)
        """
        if not importances:
            return 0.0
        base = IMPORTANCE_REWARDS[max(importances)]
        return max(0.0, base - self.multi_detail_penalty * (len(importances) - 1))


FIXED = Rules()
UPSTREAM = Rules(duplicates_count=True, bare_questions=True, both_flags=True)
