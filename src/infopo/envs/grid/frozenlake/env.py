"""The environment: cross the ice to the goal."""

from infopo.core import derive_random
from infopo.envs.grid.episode import GridEpisode
from infopo.envs.grid.frozenlake.bank import Task
from infopo.envs.grid.frozenlake.options import ENV_ID, FrozenLakeOptions
from infopo.envs.grid.moves import SIDEWAYS
from infopo.envs.grid.rewards import frozenlake_reward

RULES = """You are to cross a frozen lake to the goal without falling into a hole.

P you, _ ice, O hole, G goal.

You move up, down, left or right; the shore stops you.{slippery}

[action] up || left || left  makes up to {moves_per_turn} moves. You have {max_turns} turns and {max_moves} moves.
[finish]  give up."""
SLIPPERY = """ The ice is slippery: a move goes where you want in one case of three, else to one of the \
two sides of that direction, each as often."""


class FrozenLakeEnv(GridEpisode):
    """One lake. Success: the player is at the goal."""

    env_id = ENV_ID

    def __init__(self, task: Task, *, seed: int, options: FrozenLakeOptions) -> None:
        limits = {name: getattr(options, name) for name in ("moves_per_turn", "max_turns", "max_moves")}
        rules = RULES.format(slippery=SLIPPERY if options.slippery else "", **limits)
        super().__init__(task_id=task.task_id, rules=rules, options=options)
        self._task, self._lake, self._player = task, task.lake, task.start
        self._slips = options.slippery
        self._random = derive_random(seed, ENV_ID, task.task_id)

    def reference_answer(self) -> str | None:
        """A shortest row of moves from the start, were the ice firm."""
        return " ".join(self._lake.way(self._task.start) or ())

    @property
    def _solved(self) -> bool:
        return self._player == self._lake.goal

    def _move(self, move: str) -> float:
        if self._slips:
            move = self._random.choice((move, *SIDEWAYS[move]))
        self._player = self._lake.after(self._player, move)
        self._lost = self._player in self._lake.holes
        return frozenlake_reward(solved=self._solved)

    def _drawn(self) -> str:
        return self._lake.drawn(self._player)

    def _told(self) -> str:
        return self._lake.told(self._player)
