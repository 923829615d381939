"""What a move in Sokoban or on the frozen lake is worth, as in "RAGEN" (arXiv 2504.20073) and what it plays."""

MOVE = -0.1
BOX_ON_TARGET = 1.0
BOX_OFF_TARGET = -1.0
SOLVED = 10.0


def sokoban_reward(*, boxes_on: int, boxes_off: int, solved: bool) -> float:
    """The reward of one move that pushed so many boxes on and off targets; `solved`: all of them are on now.

    >>> round(sokoban_reward(boxes_on=1, boxes_off=0, solved=True), 4)
    10.9
    """
    return MOVE + BOX_ON_TARGET * boxes_on + BOX_OFF_TARGET * boxes_off + SOLVED * solved


def frozenlake_reward(*, solved: bool) -> float:
    """The reward of one move on the lake; `solved`: it led to the goal."""
    return float(solved)
