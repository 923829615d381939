"""The options of `usergym/persuade`, and the rules that its two modes play by."""

from dataclasses import dataclass

from infopo.envs.usergym.options import RecordOptions
from infopo.envs.usergym.upstream import Settings

ENV_ID = "usergym/persuade"
STANCES = (
    "Strongly Agree",
    "Agree",
    "Partly Agree",
    "Neutral",
    "Partly Disagree",
    "Disagree",
    "Strongly Disagree",
)
LAST = len(STANCES) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PersuadeOptions(RecordOptions):
    """Keyword options of `make_env("usergym/persuade", ...)`; a bad value raises `UserError`.

    `mode` upstream: the published gym's behaviour, quirks included. `reveal` some: the opening states one reason of
    the believer; all: all of them. `unanswered`: chance that a question gets no answer. `reward` upstream pays for
    levels of the stance.
    `data` and `rows`: published records to play, see `RecordOptions`.
    """

    env_id = ENV_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules(Settings):
    """The published settings, and the quirks: each flag is one way in which the published gym differs."""

    pays_every_rise: bool = False  # against the stance before, not the best so far: swinging back and forth pays
    any_label: bool = False  # a stance that there is not is believed, and makes the next move worth nothing
    bare_arguments: bool = False  # whatever has no tag, or another one, is an argument

    def pay(self, reward: float, steps: float) -> float:
        """As for all gyms, except that nothing scales the reward."""
        paid = reward - self.step_penalty * steps
        return min(1.0, max(0.0, paid)) if self.normalize_rewards else paid


def worth(before: str, after: str) -> float:
    """What a move is worth: levels towards disagreement, of six. Where a label is unknown, nothing.

    >>> worth("Strongly Agree", "Partly Agree"), worth("Neutral", "Agree"), worth("Neutral", "disagree")
    (0.333333, 0.0, 0.0)
    """
    if before not in STANCES or after not in STANCES:
        return 0.0
    rise = STANCES.index(after) - STANCES.index(before)
    return round(max(0, rise) / LAST, 6)


FIXED = Rules()
UPSTREAM = Rules(pays_every_rise=True, any_label=True, bare_arguments=True)
