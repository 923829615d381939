"""The options of `search/qa`."""

from dataclasses import dataclass

from infopo.core import UserError
from infopo.envs.options import DIFFICULTIES, REVEALS, REWARDS, check_choice, check_share, check_whole

ENV_ID = "search/qa"
DOMAINS = ("in", "relations", "hops")
SCORES = ("f1", "exact", "form")
TAGS = ("project", "published")
RESULTS = {"standard": 3, "nano": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQAOptions:
    """Keyword options of `make_env("search/qa", ...)`; a bad value raises `UserError`.

    `test_domain`: what the test split asks: `in` the domain of training, other `relations`, or more `hops`; the train
    split is the same whatever it is. `reveal` some: the opening states the first half of the facts that lead to the
    answer; all: every one. `unanswered`: chance that a search finds nothing. `results`: documents a search shows; None:
    3, in nano 2. `score`: `f1` of words (IGPO), `exact` match, or `form`, exact match with a price on form (Search-R1).
    `reward` upstream pays the score at the end, as a step reward, or minus `format_penalty` where tags are unbalanced
    or no answer is given (IGPO: 2). `tags` published: `<search>`, `<answer>` and `<information>`; score `form` and
    `format_penalty` need them. `data` and `test_data`: `LAYOUT:FILE`, own questions in place of the generated ones.
    `backend`: `bm25`, `bm25:FILE` (a corpus), the URL of a retrieval server, or `module:NAME`; `timeout_seconds` and
    `attempts` are for the server. docs/search-qa.md has more.
    """

    difficulty: str = "standard"
    test_domain: str = "in"
    reveal: str = "none"
    unanswered: float = 0.0
    max_turns: int = 8
    results: int | None = None
    score: str = "f1"
    reward: str = "outcome"
    tags: str = "project"
    format_penalty: float = 0.0
    data: str | None = None
    test_data: str | None = None
    backend: str = "bm25"
    timeout_seconds: float = 10.0
    attempts: int = 3

    def __post_init__(self) -> None:
        known = {
            "difficulty": DIFFICULTIES,
            "test_domain": DOMAINS,
            "reveal": REVEALS,
            "score": SCORES,
            "reward": REWARDS,
            "tags": TAGS,
        }
        for name, values in known.items():
            check_choice(ENV_ID, name, getattr(self, name), values)
        check_share(ENV_ID, "unanswered", self.unanswered)
        for name in ("max_turns", "attempts", *(("results",) if self.results is not None else ())):
            check_whole(ENV_ID, name, getattr(self, name), 1)
        _check_number("timeout_seconds", self.timeout_seconds, above=True)
        _check_number("format_penalty", self.format_penalty, above=False)
        self._check_together()

    def _check_together(self) -> None:
        if self.tags != "published" and (self.score == "form" or self.format_penalty):
            raise UserError(f"score form and format_penalty of {ENV_ID} look at published tags: set tags to published")
        if self.format_penalty and self.reward != "upstream":
            raise UserError(f"format_penalty of {ENV_ID} is a step reward: set reward to upstream")
        if self.format_penalty and self.score == "form":
            raise UserError(f"score form and format_penalty of {ENV_ID} both put a price on form: set one")
        if self.test_data is not None and self.test_data == self.data:
            raise UserError(f"options data and test_data of {ENV_ID} name one file: set data alone, which is split")
        if self.test_data is not None and self.test_domain != "in":
            raise UserError(f"options test_data and test_domain of {ENV_ID} both say what the test split is: set one")
        if (self.data or self.test_data) and (self.difficulty, self.reveal) != ("standard", "none"):
            raise UserError(
                f"options data and test_data of {ENV_ID}: own questions have neither compact texts nor known facts; set"
                " difficulty to standard and leave reveal out"
            )

    @property
    def shown(self) -> int:
        """How many documents a search shows at most."""
        return RESULTS[self.difficulty] if self.results is None else self.results


def _check_number(name: str, value: object, *, above: bool) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not (value > 0 if above else value >= 0):  # type: ignore[operator]
        least = "above 0" if above else "0 or more"
        raise UserError(f"option {name} of {ENV_ID} must be a number {least}, got {value!r}")
