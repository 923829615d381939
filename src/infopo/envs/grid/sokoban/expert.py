"""Scripted policies that read only what a policy sees: `full` proves solvability, `weak` feeds the warm start."""

from infopo.core import Message, derive_random
from infopo.envs.grid.moves import MOVES, towards
from infopo.envs.grid.sokoban.options import SokobanOptions
from infopo.envs.grid.sokoban.room import read_drawn, read_told
from infopo.envs.registry import ExpertKind

CARE = (0.1, 0.4, 0.7)  # weak: how often a move is meant, one of these a dialogue
HASTE = (1, 2, 3)  # weak: moves before it looks again


class SokobanExpert:
    """`full` follows a shortest way, as many moves a turn as it takes. `weak` moves at random, by chance.

    One expert may play many dialogues, one after another.
    """

    def __init__(self, kind: ExpertKind, seed: int, options: SokobanOptions) -> None:
        self._kind, self._options = kind, options
        self._random = derive_random(seed, "sokoban-expert", kind)
        self._care = 1.0

    def act(self, messages: tuple[Message, ...]) -> str:
        """The next action's text; `ValueError` where the last message shows no board."""
        turns = sum(message.role == "assistant" for message in messages)
        if turns == 0 and self._kind == "weak":
            self._care = self._random.choice(CARE)
        last, nano = messages[-1].content, self._options.nano
        room, state = read_told(last, self._options.plan.size) if nano else read_drawn(last)
        way = list(room.solution(state, self._options.max_moves) or self._random.choices(list(MOVES), k=2))
        if self._kind == "full":
            moves = way[: max(2, -(-len(way) // max(1, self._options.max_turns - turns)))]
        else:
            moves = [
                move if self._random.random() < self._care else self._random.choice(list(MOVES))
                for move in way[: self._random.choice(HASTE)]
            ]
        if not nano:
            return f"[action] {' || '.join(moves)}"
        box = min(state[1] - room.targets)
        goal = min(room.targets - state[1])
        thought = f"<think> box {towards(state[0], box)} goal {towards(box, goal)}</think>"
        return f"{thought}[action] {' '.join(moves)}"
