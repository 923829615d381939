"""The task bank: lakes that can be crossed in the moves that there are.

A lake and its turned and mirrored images are on one side: train and test share none.
"""

from dataclasses import dataclass
from functools import cache

from infopo.core import derive_random, derive_seed
from infopo.envs.grid.frozenlake.lake import Lake, cells_of
from infopo.envs.grid.frozenlake.options import ENV_ID, FROZEN, SIZE, FrozenLakeOptions
from infopo.envs.grid.moves import Cell, one_of_eight
from infopo.envs.registry import Split

BANK_VERSION = 1
TASKS: dict[Split, int] = {"train": 2000, "test": 500}
TEST_SHARE = 5  # one lake in five is kept for the test split
LONGEST = 10  # moves of the shortest way, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A lake, and where the player starts."""

    task_id: str
    lake: Lake
    start: Cell


def num_tasks(split: Split, options: FrozenLakeOptions) -> int:
    """How many tasks a split holds."""
    return TASKS[split]


@cache
def make_task(index: int, split: Split) -> Task:
    """Task `index` of a split, a pure function of its arguments, the same in both difficulties."""
    rng = derive_random(ENV_ID, BANK_VERSION, split, index)
    cells = cells_of(SIZE)
    while True:
        start, goal = rng.sample(cells, 2)
        holes = frozenset(cell for cell in cells if rng.random() >= FROZEN) - {start, goal}
        lake = Lake(size=SIZE, holes=holes, goal=goal)
        way = lake.way(start)
        if way is not None and len(way) <= LONGEST and split_of(lake, start) == split:
            return Task(task_id=f"{ENV_ID}/{split}/{index}", lake=lake, start=start)


def split_of(lake: Lake, start: Cell) -> Split:
    """By what the board shows, however it is turned."""
    kinds = ([(row - 1, column - 1) for row, column in cells] for cells in (lake.holes, [lake.goal], [start]))
    shown = one_of_eight(lake.size, list(kinds))
    return "test" if derive_seed(ENV_ID, BANK_VERSION, shown) % TEST_SHARE == 0 else "train"
