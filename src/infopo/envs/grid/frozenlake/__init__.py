"""`grid/frozenlake`: cross the ice to the goal, a few moves a turn (`[action] up || left`), around the holes.

Maps, limits and rewards as in "RAGEN" (arXiv 2504.20073), where the ice is slippery; here it is firm unless option
`slippery` says so, and every lake can be crossed in the moves that there are. On slippery ice the best that can be done
is a chance, `Lake.chances`.
"""

from infopo.envs.base import Env
from infopo.envs.grid.frozenlake.bank import make_task, num_tasks
from infopo.envs.grid.frozenlake.env import FrozenLakeEnv
from infopo.envs.grid.frozenlake.expert import FrozenLakeExpert
from infopo.envs.grid.frozenlake.options import ENV_ID, FrozenLakeOptions
from infopo.envs.options import check_user
from infopo.envs.registry import EnvSpec, Split

__all__ = ["SPEC", "FrozenLakeEnv", "FrozenLakeExpert", "FrozenLakeOptions"]


def _build(index: int, split: Split, seed: int, user: str | None, options: FrozenLakeOptions) -> Env:
    check_user(ENV_ID, user)
    return FrozenLakeEnv(make_task(index, split), seed=seed, options=options)


SPEC = EnvSpec(
    env_id=ENV_ID,
    summary="cross the ice to the goal, a few moves a turn",
    options=FrozenLakeOptions,
    num_tasks=num_tasks,
    build=_build,
    expert=FrozenLakeExpert,
)
