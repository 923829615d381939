"""Cells, the four moves, how an action names them, and what is the same up to turning and mirroring."""

import re
from collections.abc import Callable, Collection, Mapping

Cell = tuple[int, int]  # row and column, from the top left

MOVES: Mapping[str, Cell] = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
SIDEWAYS: Mapping[str, tuple[str, str]] = {
    "up": ("left", "right"),
    "down": ("left", "right"),
    "left": ("up", "down"),
    "right": ("up", "down"),
}


def shifted(cell: Cell, move: str, steps: int = 1) -> Cell:
    """The cell so many steps away."""
    return cell[0] + steps * MOVES[move][0], cell[1] + steps * MOVES[move][1]


def read_moves(text: str) -> tuple[tuple[str, ...], bool]:
    """The moves that a text names, apart by `||`, commas or blanks; and whether it names at least one and nothing else.

    >>> read_moves("Up || left,left"), read_moves("go up"), read_moves("")
    ((('up', 'left', 'left'), True), (('up',), False), ((), False))
    """
    words = [word for word in re.split(r"[\s,|]+", text.lower()) if word]
    moves = tuple(word for word in words if word in MOVES)
    return moves, bool(words) and len(moves) == len(words)


def named(cell: Cell) -> str:
    """A cell inside the outer walls as a letter for its row and a number for its column.

    >>> named((1, 3))
    'a 3'
    """
    return f"{chr(ord('a') + cell[0] - 1)} {cell[1]}"


def read_named(text: str) -> list[Cell]:
    """Cells written by `named`, one after the other."""
    return [(ord(row) - ord("a") + 1, int(column)) for row, column in re.findall(r"\b([a-z]) (\d+)", text)]


def one_of_eight(size: int, kinds: Collection[Collection[Cell]]) -> str:
    """A text that is the same for a square board, given as cells by kind, and its turned and mirrored images.

    >>> one_of_eight(3, [[(0, 0)], [(0, 1)]]) == one_of_eight(3, [[(2, 2)], [(1, 2)]])
    True
    """
    last = size - 1
    images: tuple[Callable[[Cell], Cell], ...] = (
        lambda c: c,
        lambda c: (c[0], last - c[1]),
        lambda c: (last - c[0], c[1]),
        lambda c: (last - c[0], last - c[1]),
        lambda c: (c[1], c[0]),
        lambda c: (c[1], last - c[0]),
        lambda c: (last - c[1], c[0]),
        lambda c: (last - c[1], last - c[0]),
    )
    return min(str([sorted(map(image, cells)) for cells in kinds]) for image in images)


def towards(start: Cell, end: Cell) -> str:
    """The way from one cell to another in words: rows first; `here` where there is none.

    >>> towards((1, 1), (3, 2)), towards((1, 1), (1, 1))
    ('down 2 right 1', 'here')
    """
    rows, columns = end[0] - start[0], end[1] - start[1]
    words = [f"{'down' if rows > 0 else 'up'} {abs(rows)}"] if rows else []
    words += [f"{'right' if columns > 0 else 'left'} {abs(columns)}"] if columns else []
    return " ".join(words) or "here"
