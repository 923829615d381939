"""Options that both grid puzzles have."""

from dataclasses import dataclass
from typing import ClassVar

from infopo.envs.options import DIFFICULTIES, REWARDS, check_choice, check_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class GridOptions:
    """Keyword options of every grid puzzle; a bad value raises `UserError`.

    `max_turns` actions an episode, `moves_per_turn` of each of them executed, `max_moves` in all. `difficulty` nano:
    positions in a few words in place of a drawn board. `reward` upstream pays the published reward of every move, and
    -0.1 for an action that names no move or something else; outcome pays nothing before the end.
    """

    env_id: ClassVar[str]

    difficulty: str = "standard"
    reward: str = "outcome"
    max_turns: int = 5
    max_moves: int = 10
    moves_per_turn: int = 5

    def __post_init__(self) -> None:
        check_choice(self.env_id, "difficulty", self.difficulty, DIFFICULTIES)
        check_choice(self.env_id, "reward", self.reward, REWARDS)
        for name in ("max_turns", "max_moves", "moves_per_turn"):
            check_whole(self.env_id, name, getattr(self, name), 1)

    @property
    def nano(self) -> bool:
        """Whether positions are told in words."""
        return self.difficulty == "nano"
