"""The options of `grid/sokoban`, and how large its rooms are."""

from collections.abc import Mapping
from dataclasses import dataclass

from infopo.envs.grid.options import GridOptions
from infopo.envs.options import check_choice

ENV_ID = "grid/sokoban"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a room is made from. `size` includes the outer walls; a solution takes `least` to `most` moves.

    `bare`: no walls inside.
    """

    size: int
    boxes: int
    least: int
    most: int
    bare: bool = False


PLANS: Mapping[tuple[str, str], Plan] = {
    ("standard", "simple"): Plan(size=6, boxes=1, least=3, most=10),
    ("standard", "larger"): Plan(size=8, boxes=2, least=3, most=10),
    ("nano", "simple"): Plan(size=7, boxes=1, least=2, most=7, bare=True),
    ("nano", "larger"): Plan(size=8, boxes=2, least=3, most=10, bare=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SokobanOptions(GridOptions):
    """Keyword options of `make_env("grid/sokoban", ...)`; a bad value raises `UserError`.

    `room` simple: one box; larger: two, in a larger room. `max_turns` actions an episode, `moves_per_turn` of each of
    them executed, `max_moves` in all; every room can be solved in 10. `difficulty` nano: a bare room, positions in a
    few words in place of a drawn board. `reward` upstream pays -0.1 a move, 1 for a box on a target, -1 for one pushed
    off, 10 for the end, and -0.1 for an action that names no move or something else; outcome pays nothing before the
    end.
    """

    env_id = ENV_ID

    room: str = "simple"

    def __post_init__(self) -> None:
        GridOptions.__post_init__(self)  # slots make a new class, which a bare super() does not know
        check_choice(ENV_ID, "room", self.room, ("simple", "larger"))

    @property
    def plan(self) -> Plan:
        """What rooms are made from."""
        return PLANS[self.difficulty, self.room]
