"""`grid/sokoban`: push the boxes on the targets, a few moves a turn (`[action] up || up || left`).

Rooms, limits and rewards as in "RAGEN" (arXiv 2504.20073). Every room can be solved in the moves that there are.
"""

from infopo.envs.base import Env
from infopo.envs.grid.sokoban.bank import make_task, num_tasks
from infopo.envs.grid.sokoban.env import SokobanEnv
from infopo.envs.grid.sokoban.expert import SokobanExpert
from infopo.envs.grid.sokoban.options import ENV_ID, SokobanOptions
from infopo.envs.options import check_user
from infopo.envs.registry import EnvSpec, Split

__all__ = ["SPEC", "SokobanEnv", "SokobanExpert", "SokobanOptions"]


def _build(index: int, split: Split, seed: int, user: str | None, options: SokobanOptions) -> Env:
    check_user(ENV_ID, user)
    return SokobanEnv(make_task(index, split, options), options=options)


SPEC = EnvSpec(
    env_id=ENV_ID,
    summary="push the boxes on the targets, a few moves a turn",
    options=SokobanOptions,
    num_tasks=num_tasks,
    build=_build,
    expert=SokobanExpert,
)
