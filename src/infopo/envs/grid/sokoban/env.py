"""The environment: push every box on a target."""

from infopo.envs.grid.episode import GridEpisode
from infopo.envs.grid.rewards import sokoban_reward
from infopo.envs.grid.sokoban.bank import Task
from infopo.envs.grid.sokoban.options import ENV_ID, SokobanOptions

RULES = """You are to solve a Sokoban puzzle: push every box on a target.

# wall, _ floor, O target, X box, √ box on a target, P you, S you on a target.

You move up, down, left or right, and push a box that is in your way if the cell behind it is free; you cannot pull. A \
blocked move changes nothing and counts all the same.

[action] up || left || left  makes up to {moves_per_turn} moves. You have {max_turns} turns and {max_moves} moves.
[finish]  give up."""


class SokobanEnv(GridEpisode):
    """One room. Success: every box is on a target."""

    env_id = ENV_ID

    def __init__(self, task: Task, *, options: SokobanOptions) -> None:
        limits = {name: getattr(options, name) for name in ("moves_per_turn", "max_turns", "max_moves")}
        super().__init__(task_id=task.task_id, rules=RULES.format(**limits), options=options)
        self._task, self._room, self._state = task, task.room, task.start

    def reference_answer(self) -> str | None:
        """A shortest row of moves from the start."""
        return " ".join(self._room.solution(self._task.start, self._task.moves) or ())

    @property
    def _solved(self) -> bool:
        return self._state[1] == self._room.targets

    def _move(self, move: str) -> float:
        before, self._state = self._state, self._room.after(self._state, move)
        gained = self._on_target(self._state[1]) - self._on_target(before[1])
        return sokoban_reward(boxes_on=max(gained, 0), boxes_off=max(-gained, 0), solved=self._solved)

    def _on_target(self, boxes: frozenset[tuple[int, int]]) -> int:
        return len(boxes & self._room.targets)

    def _drawn(self) -> str:
        return self._room.drawn(self._state)

    def _told(self) -> str:
        return self._room.told(self._state)
