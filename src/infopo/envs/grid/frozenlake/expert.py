"""Scripted policies that read only what a policy sees: `full` proves solvability, `weak` feeds the warm start."""

from infopo.core import Message, derive_random
from infopo.envs.base import parse_action
from infopo.envs.grid.frozenlake.lake import Lake, read_drawn, read_told
from infopo.envs.grid.frozenlake.options import SIZE, FrozenLakeOptions
from infopo.envs.grid.moves import MOVES, Cell, read_moves, towards
from infopo.envs.registry import ExpertKind

CARE = (0.1, 0.4, 0.7)  # weak: how often a move is meant, one of these a dialogue
HASTE = (1, 2, 3)  # weak: moves before it looks again


class FrozenLakeExpert:
    """`full` makes the likeliest moves, as few at a time as the turns allow. `weak` moves at random, by chance.

    On slippery ice each move is the best one if those before it in the action went where they were meant to; that is
    as good as it gets for the first move of a turn. One expert may play many dialogues, one after another.
    """

    def __init__(self, kind: ExpertKind, seed: int, options: FrozenLakeOptions) -> None:
        self._kind, self._options = kind, options
        self._random = derive_random(seed, "frozenlake-expert", kind)
        self._care = 1.0

    def act(self, messages: tuple[Message, ...]) -> str:
        """The next action's text; `ValueError` where the last message shows no board."""
        options = self._options
        taken = [message for message in messages if message.role == "assistant"]
        if not taken and self._kind == "weak":
            self._care = self._random.choice(CARE)
        lake, player = read_told(messages[-1].content, SIZE) if options.nano else read_drawn(messages[-1].content)
        made = sum(len(read_moves(parse_action(message).content)[0][: options.moves_per_turn]) for message in taken)
        left = max(1, options.max_moves - made)
        if self._kind == "full":
            most = -(-left // max(1, options.max_turns - len(taken)))
            moves = self._plan(lake, player, left)[:most]
        else:
            moves = [
                move if self._random.random() < self._care else self._random.choice(list(MOVES))
                for move in self._plan(lake, player, left)[: self._random.choice(HASTE)]
            ]
        if not options.nano:
            return f"[action] {' || '.join(moves)}"
        return f"<think> goal {towards(player, lake.goal)}</think>[action] {' '.join(moves)}"

    def _plan(self, lake: Lake, player: Cell, left: int) -> list[str]:
        """The best moves one after the other, as if none of them slipped."""
        slips = self._options.slippery
        if not slips:
            return list(lake.way(player) or [self._random.choice(list(MOVES))])
        chances = lake.chances(self._options.max_moves, slippery=True)
        moves: list[str] = []
        for later in reversed(chances[:left]):
            if player in lake.holes or player == lake.goal:
                break
            worth = {move: lake.chance(player, move, later, slippery=True) for move in MOVES}
            moves.append(max(worth, key=lambda move: worth[move]))
            player = lake.after(player, moves[-1])
        return moves
