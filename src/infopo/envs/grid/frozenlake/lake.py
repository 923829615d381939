"""A lake, what a move does on it, and how best to cross it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from infopo.envs.grid.moves import MOVES, SIDEWAYS, Cell, named, read_named, shifted

MARKS = {"ice": "_", "hole": "O", "goal": "G", "player": "P", "player in hole": "X", "player at goal": "√"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lake:
    """A square lake; cells count from 1. Who steps into a hole is lost."""

    size: int
    holes: frozenset[Cell]
    goal: Cell

    def after(self, cell: Cell, move: str) -> Cell:
        """Where a move leads that does not slip; the same cell at the shore."""
        beyond = shifted(cell, move)
        return beyond if min(beyond) >= 1 and max(beyond) <= self.size else cell

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All cells, row by row."""
        return cells_of(self.size)

    def way(self, start: Cell) -> tuple[str, ...] | None:
        """A shortest row of moves to the goal around the holes; None where there is none."""
        ways: dict[Cell, tuple[str, ...]] = {start: ()}
        edge = [start]
        while edge and self.goal not in ways:
            later = []
            for cell in edge:
                for move in MOVES:
                    following = self.after(cell, move)
                    if following not in ways and following not in self.holes:
                        ways[following] = (*ways[cell], move)
                        later.append(following)
            edge = later
        return ways.get(self.goal)

    def chances(self, moves: int, *, slippery: bool) -> tuple[Mapping[Cell, float], ...]:
        """`[k][cell]`: the chance to reach the goal in `k` moves, each chosen in sight of where the last one led."""
        return _chances(self, moves, slippery)

    def chance(self, cell: Cell, move: str, left: Mapping[Cell, float], *, slippery: bool) -> float:
        """The chance after one move, by those of the cells it may lead to."""
        ways = (move, *SIDEWAYS[move]) if slippery else (move,)
        return sum(left[self.after(cell, way)] for way in ways) / len(ways)

    def best(self, cell: Cell, left: Mapping[Cell, float], *, slippery: bool) -> float:
        """The chance after the best move."""
        if cell in self.holes or cell == self.goal:
            return float(cell == self.goal)
        return max(self.chance(cell, move, left, slippery=slippery) for move in MOVES)

    def drawn(self, player: Cell) -> str:
        """The lake, a line a row."""
        marks = [MARKS[self._kind(cell, player)] for cell in self.cells]
        return "\n".join("".join(marks[start : start + self.size]) for start in range(0, len(marks), self.size))

    def _kind(self, cell: Cell, player: Cell) -> str:
        kind = "hole" if cell in self.holes else "goal" if cell == self.goal else "ice"
        return {"ice": "player", "hole": "player in hole", "goal": "player at goal"}[kind] if cell == player else kind

    def told(self, player: Cell) -> str:
        """The positions in words."""
        holes = " ".join(named(cell) for cell in sorted(self.holes))
        return f"you {named(player)} goal {named(self.goal)} hole {holes or 'none'}"


@cache
def cells_of(size: int) -> tuple[Cell, ...]:
    """The cells of a lake, row by row."""
    return tuple((row, column) for row in range(1, size + 1) for column in range(1, size + 1))


@lru_cache(maxsize=64)  # an expert asks for one lake every turn
def _chances(lake: Lake, moves: int, slippery: bool) -> tuple[Mapping[Cell, float], ...]:
    rows: list[Mapping[Cell, float]] = [{cell: float(cell == lake.goal) for cell in lake.cells}]
    for _ in range(moves):
        rows.append({cell: lake.best(cell, rows[-1], slippery=slippery) for cell in lake.cells})
    return tuple(rows)


def read_drawn(text: str) -> tuple[Lake, Cell]:
    """Lake and player of a drawn one, whatever lines are around it; `ValueError` where there is none."""
    rows = [line for line in text.split("\n") if line and set(line) <= set(MARKS.values())]
    marks = {(r, c): mark for r, row in enumerate(rows, start=1) for c, mark in enumerate(row, start=1)}

    def of(kind: str) -> list[Cell]:
        return [cell for cell, mark in marks.items() if mark == MARKS[kind]]

    if len(of("player")) != 1 or len(of("goal")) != 1:
        raise ValueError("no board of grid/frozenlake in the messages")
    return Lake(size=len(rows), holes=frozenset(of("hole")), goal=of("goal")[0]), of("player")[0]


def read_told(text: str, size: int) -> tuple[Lake, Cell]:
    """Lake and player of positions in words; `ValueError` where there are none."""
    positions = text.rpartition("you ")[2]
    player, _, rest = positions.partition(" goal ")
    goal, found, holes = rest.partition(" hole ")
    if not found:
        raise ValueError("no board of grid/frozenlake in the messages")
    return Lake(size=size, holes=frozenset(read_named(holes)), goal=read_named(goal)[0]), read_named(player)[0]
