"""The task bank: rooms whose start is found by reverse play from the end, so that every one can be solved.

A room and its turned and mirrored images are on one side: train and test share none.
"""

import random
from dataclasses import dataclass
from functools import cache, lru_cache

from infopo.core import derive_random, derive_seed
from infopo.envs.grid.moves import MOVES, Cell, one_of_eight, shifted
from infopo.envs.grid.sokoban.options import ENV_ID, Plan, SokobanOptions
from infopo.envs.grid.sokoban.room import Room, State, bare_floor
from infopo.envs.registry import Split

BANK_VERSION = 1
TASKS: dict[Split, int] = {"train": 2000, "test": 500}
TEST_SHARE = 5  # one room in five is kept for the test split
TURN = 0.35  # chance that the walk which digs a room turns
STEPS_A_SIZE = 3.4  # of that walk: 1.7 for every row and every column


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A room, where it starts, and the least number of moves to its end."""

    task_id: str
    room: Room
    start: State
    moves: int


def num_tasks(split: Split, options: SokobanOptions) -> int:
    """How many tasks a split holds."""
    return TASKS[split]


def make_task(index: int, split: Split, options: SokobanOptions) -> Task:
    """Task `index` of a split, a pure function of its arguments; of the options difficulty and room matter."""
    return _made(index, split, options.difficulty, options.room, options.plan)


@cache
def _made(index: int, split: Split, difficulty: str, size: str, plan: Plan) -> Task:
    rng = derive_random(ENV_ID, BANK_VERSION, difficulty, size, split, index)
    while True:
        floor = bare_floor(plan.size) if plan.bare else _dug(rng, plan.size)
        if len(floor) < 2 * plan.boxes + 2:
            continue
        targets = frozenset(rng.sample(sorted(floor), plan.boxes))
        room = Room(size=plan.size, floor=floor, targets=targets)
        starts = _starts(room, plan)
        if not starts:
            continue
        start, moves = starts[rng.randrange(len(starts))]
        if split_of(room, start) == split:
            task_id = f"{ENV_ID}/{difficulty}/{size}/{split}/{index}"
            return Task(task_id=task_id, room=room, start=start, moves=moves)


@lru_cache(maxsize=64)  # bare rooms are few and come again and again
def _starts(room: Room, plan: Plan) -> list[tuple[State, int]]:
    """The states with no box on a target that are as far from the end as the plan says, and how far that is."""
    far = room.distances(plan.most).items()
    return [(state, moves) for state, moves in far if moves >= plan.least and not state[1] & room.targets]


def split_of(room: Room, start: State) -> Split:
    """By what the board shows, however it is turned."""
    shown = one_of_eight(room.size, [room.floor, room.targets, [start[0]], start[1]])
    return "test" if derive_seed(ENV_ID, BANK_VERSION, shown) % TEST_SHARE == 0 else "train"


def _dug(rng: random.Random, size: int) -> frozenset[Cell]:
    """The floor that a random walk digs inside the outer walls: where it goes, and often the cell beside."""
    inside = bare_floor(size)
    cell, move = rng.choice(sorted(inside)), rng.choice(list(MOVES))
    floor = {cell}
    for _ in range(int(STEPS_A_SIZE * size)):
        if rng.random() < TURN:
            move = rng.choice(list(MOVES))
        if shifted(cell, move) in inside:
            cell = shifted(cell, move)
        beside = shifted(cell, rng.choice(list(MOVES)))
        floor |= {cell, beside} & inside
    return frozenset(floor)
