"""The options of `usergym/travel`, and the constants of its published step rewards."""

from dataclasses import dataclass

from infopo.core import UnknownNameError, UserError

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

USUAL_TURNS = 16
SPARE_TURNS = 4

# A full dialogue is one search and one answer an aspect, and one question a preference. A limit of 16 leaves the
# larger tiers no room for a single slip (and 444, with 18 needed turns, no way to finish), so they get spare turns.
TURN_LIMITS: dict[str, int] = {
    tier: max(USUAL_TURNS, 2 * len(counts) + sum(counts) + SPARE_TURNS) for tier, counts in TIERS.items()
}

DIFFICULTIES = ("standard", "nano")
REWARDS = ("outcome", "upstream")
REVEALS = ("none", "some", "all")
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
class TravelOptions:
    """Keyword options of `make_env("usergym/travel", ...)`; a bad value raises `UserError`.

    `tier`: one digit an aspect, its number of preferences. `reveal`: which preferences the opening states.
    `options_per_aspect` None: see `listing_size`. `unanswered`: chance that a concrete question gets no answer.
    `search_failures`: every n-th search fails, 0 for never. `max_turns` None: `TURN_LIMITS[tier]`.
    """

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
        for name, known in (("tier", tuple(TIERS)), ("difficulty", DIFFICULTIES), ("reward", REWARDS)):
            _check_choice(name, getattr(self, name), known)
        _check_choice("reveal", self.reveal, REVEALS)
        if self.options_per_aspect is not None:
            least = max(4, max(TIERS[self.tier]) + 1)
            _check_whole("options_per_aspect", self.options_per_aspect, least, MOST_OPTIONS)
        if isinstance(self.unanswered, bool) or not isinstance(self.unanswered, int | float):
            raise UserError(f"option unanswered of usergym/travel must be a number, got {self.unanswered!r}")
        if not 0.0 <= self.unanswered <= 1.0:
            raise UserError(f"option unanswered of usergym/travel must lie in [0, 1], got {self.unanswered!r}")
        _check_whole("search_failures", self.search_failures, 0, None)
        if self.max_turns is not None:
            _check_whole("max_turns", self.max_turns, 1, None)

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


def _check_choice(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UnknownNameError(f"{name} of usergym/travel", str(value), list(known))


def _check_whole(name: str, value: object, least: int, most: int | None) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):  # type: ignore[operator]
        limits = f"at least {least}" if most is None else f"from {least} to {most}"
        raise UserError(f"option {name} of usergym/travel must be a whole number, {limits}, got {value!r}")
