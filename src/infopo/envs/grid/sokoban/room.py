"""A room, what a move does in it, how far every state is from the end, and the shortest way there."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from infopo.envs.grid.moves import MOVES, Cell, named, read_named, shifted

State = tuple[Cell, frozenset[Cell]]  # where the player is, where the boxes are

MARKS = {"wall": "#", "floor": "_", "target": "O", "done": "√", "box": "X", "player": "P", "player on target": "S"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A square room; `floor` are the cells that are no wall, targets among them."""

    size: int
    floor: frozenset[Cell]
    targets: frozenset[Cell]

    def after(self, state: State, move: str) -> State:
        """The state after a move; the same one where it is blocked."""
        player, boxes = state
        cell, beyond = shifted(player, move), shifted(player, move, 2)
        if cell not in self.floor:
            return state
        if cell not in boxes:
            return cell, boxes
        if beyond not in self.floor or beyond in boxes:
            return state
        return cell, boxes - {cell} | {beyond}

    def before(self, state: State) -> Iterator[State]:
        """Every state from which one unblocked move leads here: steps and pulls."""
        player, boxes = state
        for move in MOVES:
            cell, ahead = shifted(player, move, -1), shifted(player, move)
            if cell in self.floor and cell not in boxes:
                yield cell, boxes
                if ahead in boxes:
                    yield cell, boxes - {ahead} | {player}

    def distances(self, most: int) -> dict[State, int]:
        """The states that are at most so many moves from the end, with the least number of moves: reverse play."""
        ends: list[State] = [(cell, self.targets) for cell in sorted(self.floor - self.targets)]
        found = dict.fromkeys(ends, 0)
        edge = ends
        for distance in range(1, most + 1):
            edge = list(dict.fromkeys(one for state in edge for one in self.before(state) if one not in found))
            found.update(dict.fromkeys(edge, distance))
        return found

    def solution(self, state: State, most: int) -> tuple[str, ...] | None:
        """A shortest row of moves to the end; None where there is none of at most so many."""
        ways: dict[State, tuple[str, ...]] = {state: ()}
        edge = [state]
        for length in range(most + 1):
            for one in edge:
                if one[1] == self.targets:
                    return ways[one]
            later = []
            for one, move in product(edge, MOVES) if length < most else ():
                following = self.after(one, move)
                if following not in ways:
                    ways[following] = (*ways[one], move)
                    later.append(following)
            edge = later
        return None

    def drawn(self, state: State) -> str:
        """The board, a line a row."""
        cells = range(self.size)
        return "\n".join("".join(MARKS[self._kind((row, column), state)] for column in cells) for row in cells)

    def _kind(self, cell: Cell, state: State) -> str:
        player, boxes = state
        if cell == player:
            return "player on target" if cell in self.targets else "player"
        if cell in boxes:
            return "done" if cell in self.targets else "box"
        return "wall" if cell not in self.floor else "target" if cell in self.targets else "floor"

    def told(self, state: State) -> str:
        """The positions in words; walls inside a room are left out, so only for bare rooms."""
        boxes, targets = (" ".join(map(named, sorted(cells))) for cells in (state[1], self.targets))
        return f"you {named(state[0])} box {boxes} goal {targets}"


def bare_floor(size: int) -> frozenset[Cell]:
    """Everything inside the outer walls."""
    return frozenset((row, column) for row in range(1, size - 1) for column in range(1, size - 1))


def read_drawn(text: str) -> tuple[Room, State]:
    """Room and state of a drawn board, whatever lines are around it; `ValueError` where there is none."""
    kinds = {mark: kind for kind, mark in MARKS.items()}
    rows = [line for line in text.split("\n") if line and set(line) <= set(kinds)]
    cells = {(r, c): kinds[mark] for r, row in enumerate(rows) for c, mark in enumerate(row)}

    def of(*wanted: str) -> frozenset[Cell]:
        return frozenset(cell for cell, kind in cells.items() if kind in wanted)

    players = of("player", "player on target")
    if len(players) != 1:
        raise ValueError("no board of grid/sokoban in the messages")
    room = Room(size=len(rows), floor=frozenset(cells) - of("wall"), targets=of("target", "done", "player on target"))
    return room, (min(players), of("box", "done"))


def read_told(text: str, size: int) -> tuple[Room, State]:
    """Room and state of positions in words; `ValueError` where there are none."""
    _, found, positions = text.rpartition("you ")
    player, _, rest = positions.partition(" box ")
    boxes, _, targets = rest.partition(" goal ")
    if not found or not targets:
        raise ValueError("no board of grid/sokoban in the messages")
    room = Room(size=size, floor=bare_floor(size), targets=frozenset(read_named(targets)))
    return room, (read_named(player)[0], frozenset(read_named(boxes)))
