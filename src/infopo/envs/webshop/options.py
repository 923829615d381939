"""The options of `webshop/small`."""

from dataclasses import dataclass

from infopo.envs.options import DIFFICULTIES, REWARDS, check_choice, check_whole

ENV_ID = "webshop/small"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebShopOptions:
    """Keyword options of `make_env("webshop/small", ...)`; a bad value raises `UserError`.

    `difficulty` nano: short names from a closed vocabulary, three results a page in place of ten, and a product's page
    that says everything. `reward` upstream pays for the purchase when it is made; outcome pays nothing before the end.
    Either way the score is what the purchase is worth.
    """

    difficulty: str = "standard"
    reward: str = "outcome"
    max_turns: int = 9

    def __post_init__(self) -> None:
        check_choice(ENV_ID, "difficulty", self.difficulty, DIFFICULTIES)
        check_choice(ENV_ID, "reward", self.reward, REWARDS)
        check_whole(ENV_ID, "max_turns", self.max_turns, 1)

    @property
    def nano(self) -> bool:
        """Whether everything is short."""
        return self.difficulty == "nano"

    @property
    def results_a_page(self) -> int:
        """How many products a page of results lists."""
        return 3 if self.nano else 10
