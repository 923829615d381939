"""The options of `grid/frozenlake`."""

from dataclasses import dataclass

from infopo.core import UserError
from infopo.envs.grid.options import GridOptions

ENV_ID = "grid/frozenlake"
SIZE = 4
FROZEN = 0.8  # chance that a cell bears


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenLakeOptions(GridOptions):
    """Keyword options of `make_env("grid/frozenlake", ...)`; a bad value raises `UserError`.

    `slippery` true, as published: a move goes where it is meant to in one case of three, else to one of the sides; by
    default the ice is firm. `max_turns` actions an episode, `moves_per_turn` of each of them executed, `max_moves` in
    all. `difficulty` nano: positions in a few words in place of a drawn board. `reward` upstream pays 1 at the goal,
    and -0.1 for an action that names no move or something else; outcome pays nothing before the end.
    """

    env_id = ENV_ID

    slippery: bool = False

    def __post_init__(self) -> None:
        GridOptions.__post_init__(self)  # slots make a new class, which a bare super() does not know
        if not isinstance(self.slippery, bool):
            raise UserError(f"option slippery of {ENV_ID} must be true or false, got {self.slippery!r}")
