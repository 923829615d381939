"""What the grid puzzles share: several moves an action, limits on them, the price of what is no move."""

from abc import abstractmethod

from infopo.core import Message, Outcome, TurnFacts
from infopo.envs.base import Opening, parse_action
from infopo.envs.episode import Episode, Result
from infopo.envs.grid.moves import read_moves
from infopo.envs.grid.options import GridOptions

BAD_FORM = -0.1  # of a whole action

STANDARD = {"moves": "Moves left: {left}.", "solved": "Solved.", "lost": "Lost.", "finish": "You gave up."}
STANDARD_INVALID = "This names no move. Start your message with [action], then name moves: up, down, left, right."
NANO = {"solved": "solved", "lost": "lost", "finish": "bye"}
NANO_INVALID = "which move ?"


class GridEpisode(Episode):
    """One puzzle: a subclass executes a move and shows the board. Score: 1 where it is solved at the end, else 0."""

    def __init__(self, *, task_id: str, rules: str, options: GridOptions) -> None:
        super().__init__(task_id=task_id, max_turns=options.max_turns, pays=options.reward == "upstream")
        self._rules, self._options = rules, options
        self._moves_left = options.max_moves
        self._tried: set[tuple[str, tuple[str, ...]]] = set()
        self._lost = False

    @abstractmethod
    def _move(self, move: str) -> float:
        """Execute a move; its published reward."""

    @property
    @abstractmethod
    def _solved(self) -> bool: ...

    @abstractmethod
    def _drawn(self) -> str:
        """The board as it is, drawn."""

    @abstractmethod
    def _told(self) -> str:
        """The board as it is, in a few words."""

    async def outcome(self) -> Outcome:
        """Whether it is solved."""
        return Outcome(score=float(self._solved), success=self._solved)

    def state_key(self) -> str | None:
        """The board, drawn."""
        return self._drawn()

    def _open(self) -> Opening:
        board = Message(role="user", content=self._shown())
        return Opening(
            messages=(board,) if self._options.nano else (Message(role="system", content=self._rules), board)
        )

    async def _execute(self, action: Message) -> Result:
        parsed = parse_action(action)
        nano = self._options.nano
        if parsed.choice == "finish":
            text = (NANO if nano else STANDARD)["finish"]
            return Result(text=text, kind="env", facts=TurnFacts(kind="finish"), done=True)
        moves, clean = read_moves(parsed.content) if parsed.choice == "action" else ((), False)
        reward = 0.0 if clean else BAD_FORM
        if not moves:
            text = f"{NANO_INVALID if nano else STANDARD_INVALID}\n{self._shown()}"
            return Result(text=text, kind="env", facts=TurnFacts(kind="invalid"), reward=reward)
        before, tried = self._drawn(), set(self._tried)
        for move in moves[: min(self._options.moves_per_turn, self._moves_left)]:
            reward += self._move(move)
            self._moves_left -= 1
            if self._solved or self._lost:
                break
        self._tried.add((before, moves))
        done = self._solved or self._lost
        facts = TurnFacts(kind="act", repeated=(before, moves) in tried, useful=self._solved)
        spent = self._moves_left == 0 or self._at_limit
        return Result(
            text=self._shown(), kind="env", facts=facts, reward=reward, done=done, truncated=spent and not done
        )

    def _shown(self) -> str:
        if self._options.nano:
            return NANO["solved"] if self._solved else NANO["lost"] if self._lost else self._told()
        verdict = "solved" if self._solved else "lost" if self._lost else "moves"
        return f"{self._drawn()}\n{STANDARD[verdict].format(left=self._moves_left)}"
