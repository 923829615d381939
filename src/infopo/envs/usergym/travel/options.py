"""The options of `usergym/travel`, and the constants of its published step rewards."""

from dataclasses import dataclass

from infopo.envs.options import DIFFICULTIES, REVEALS, REWARDS, check_choice, check_share, check_whole
from infopo.envs.usergym.options import MODES, USUAL_TURNS
from infopo.envs.usergym.upstream import Settings

ENV_ID = "usergym/travel"

TIERS: dict[str, tuple[int, ...]] = {
    "22": (2, 2),
    "33": (3, 3),
    "44": (4, 4),
    "233": (2, 3, 3),
    "333": (3, 3, 3),
    "334": (3, 3, 4),
    "444": (4, 4, 4),
    "2222": (2, 2, 2, 2),
}

SPARE_TURNS = 4

# A full dialogue is one search and one answer an aspect, and one question a preference. A limit of 16 leaves the
# larger tiers no room for a single slip (and 444, with 18 needed turns, no way to finish), so they get spare turns.
TURN_LIMITS: dict[str, int] = {
    tier: max(USUAL_TURNS, 2 * len(counts) + sum(counts) + SPARE_TURNS) for tier, counts in TIERS.items()
}

MOST_OPTIONS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRewards:
    """What one step pays under the scheme `upstream` (the values of the published training runs)."""

    search_correct: float = 0.0
    preference_correct: float = 0.8
    choice_best: float = 1.0
    choice_correct: float = 0.8


UPSTREAM_REWARDS = StepRewards()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamRules(Settings):
    """The published settings of mode `upstream`, and the quirks that can be told apart: each is a flag."""

    normalize_rewards: bool = False
    search_failure_interval: int = 5
    elicitation_interval: int = 3
    search_correct_reward: float = 0.2
    preference_correct_reward: float = 0.2
    choice_best_reward: float = 1.0
    choice_correct_reward: float = 0.8
    wrong_choice_penalty: float = 0.0
    one_choice_per_aspect: bool = True
    lost_reveals: bool = True  # a wish that should come unasked never arrives
    several_ids: bool = True  # an answer may hold several ids, and their rewards add up without a cap
    text_verdicts: bool = True  # a judge that answers with a JSON true or false counts as an outage
    endless_misses: bool = True  # a missed aspect can neither be answered again nor end the episode


PUBLISHED = UpstreamRules()
TRAINING = UpstreamRules(
    search_correct_reward=UPSTREAM_REWARDS.search_correct,
    preference_correct_reward=UPSTREAM_REWARDS.preference_correct,
    choice_best_reward=UPSTREAM_REWARDS.choice_best,
    choice_correct_reward=UPSTREAM_REWARDS.choice_correct,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TravelOptions:
    """Keyword options of `make_env("usergym/travel", ...)`; a bad value raises `UserError`.

    `mode` upstream: the published gym's behaviour, quirks included. `tier`: one digit an aspect, its number of
    preferences. `reveal`: which preferences the opening states.
    `options_per_aspect` None: see `listing_size`. `unanswered`: chance that a concrete question gets no answer.
    `search_failures`: every n-th search fails, 0 for never (mode upstream has its own). `max_turns` None:
    `TURN_LIMITS[tier]`.
    """

    mode: str = "fixed"
    tier: str = "22"
    difficulty: str = "standard"
    reward: str = "outcome"
    reveal: str = "none"
    options_per_aspect: int | None = None
    unanswered: float = 0.0
    search_failures: int = 0
    max_turns: int | None = None

    def __post_init__(self) -> None:
        # a command line or a YAML file may hand over the number 22
        object.__setattr__(self, "tier", str(self.tier))
        known = {"mode": MODES, "tier": tuple(TIERS), "difficulty": DIFFICULTIES, "reward": REWARDS}
        for name, values in known.items():
            check_choice(ENV_ID, name, getattr(self, name), values)
        check_choice(ENV_ID, "reveal", self.reveal, REVEALS)
        if self.options_per_aspect is not None:
            least = max(4, max(TIERS[self.tier]) + 1)
            check_whole(ENV_ID, "options_per_aspect", self.options_per_aspect, least, MOST_OPTIONS)
        check_share(ENV_ID, "unanswered", self.unanswered)
        check_whole(ENV_ID, "search_failures", self.search_failures, 0)
        if self.max_turns is not None:
            check_whole(ENV_ID, "max_turns", self.max_turns, 1)

    @property
    def counts(self) -> tuple[int, ...]:
        """Preferences per aspect, sorted: tier 233 gives (2, 3, 3)."""
        return TIERS[self.tier]

    @property
    def turn_limit(self) -> int:
        """The limit on executed steps."""
        return TURN_LIMITS[self.tier] if self.max_turns is None else self.max_turns

    def listing_size(self, preferences: int) -> int:
        """How many options a search for an aspect with that many preferences shows.

        By default 6 (nano) or 12 (standard), raised where 2^preferences look-alikes would not fit: with fewer
        rows the best option is the only one with a near miss for every preference, and a reader could find it
        without a question.

        >>> TravelOptions(difficulty="nano").listing_size(2), TravelOptions(difficulty="nano").listing_size(3)
        (6, 9)
        """
        if self.options_per_aspect is not None:
            return self.options_per_aspect
        if self.difficulty == "nano":
            return max(6, (1 << preferences) + 1)
        return max(12, (1 << preferences) + 2)
