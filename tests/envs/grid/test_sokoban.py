"""`grid/sokoban`: moves by the rules, rooms that can be solved, the published rewards and limits."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infopo.envs import make_env
from infopo.envs.check import check_env
from infopo.envs.grid.moves import MOVES, one_of_eight
from infopo.envs.grid.sokoban import SokobanEnv, SokobanOptions
from infopo.envs.grid.sokoban.bank import Task, make_task, split_of
from infopo.envs.grid.sokoban.room import read_drawn, read_told

Play = Callable[..., Any]
CORRIDOR = "######\n#P_XO#\n######"
PLANS = [(difficulty, room) for difficulty in ("standard", "nano") for room in ("simple", "larger")]


def square(board: str) -> str:
    """The same board with walls below it, as many rows as columns."""
    rows = board.split("\n")
    return "\n".join(rows + ["#" * len(rows[0])] * (len(rows[0]) - len(rows)))


def env_of(board: str, **options: Any) -> SokobanEnv:
    room, state = read_drawn(square(board))
    return SokobanEnv(
        Task(task_id="drawn", room=room, start=state, moves=0), options=SokobanOptions(reward="upstream", **options)
    )


def rewards(dialogue: Any) -> list[float]:
    return [round(step.reward, 6) for step in dialogue.steps]


@pytest.mark.parametrize(("difficulty", "room"), PLANS)
def test_every_room_can_be_solved_in_just_the_moves_that_reverse_play_counted(difficulty: str, room: str) -> None:
    options = SokobanOptions(difficulty=difficulty, room=room)
    for index in range(100 if room == "simple" else 20):
        task = make_task(index, "train", options)
        solution = task.room.solution(task.start, options.plan.most)
        assert solution is not None
        assert len(solution) == task.moves
        assert task.room.solution(task.start, task.moves - 1) is None
        assert options.plan.least <= task.moves <= options.plan.most <= options.max_moves
        assert len(task.start[1]) == options.plan.boxes
        assert not task.start[1] & task.room.targets
        state = task.start
        for move in solution:
            state = task.room.after(state, move)
        assert state[1] == task.room.targets


@pytest.mark.parametrize("difficulty", ["standard", "nano"])
def test_train_and_test_share_no_room_however_it_is_turned(difficulty: str) -> None:
    options, shown = SokobanOptions(difficulty=difficulty), {}
    for split in ("train", "test"):
        tasks = [make_task(index, split, options) for index in range(400)]  # type: ignore[arg-type]
        shown[split] = {
            one_of_eight(one.room.size, [one.room.floor, one.room.targets, [one.start[0]], one.start[1]])
            for one in tasks
        }
        assert len({(one.room, one.start) for one in tasks}) > 200
    assert not shown["train"] & shown["test"]


def test_a_room_and_its_mirror_image_are_in_one_split() -> None:
    for index in range(20):
        room, state = read_drawn((board := make_task(index, "test", SokobanOptions())).room.drawn(board.start))
        turned = "\n".join(line[::-1] for line in reversed(room.drawn(state).split("\n")))
        assert split_of(*read_drawn(turned)) == "test"


@given(index=st.integers(0, 200), moves=st.lists(st.sampled_from(list(MOVES)), max_size=12), nano=st.booleans())
def test_moves_keep_the_rules(index: int, moves: list[str], nano: bool) -> None:
    """Boxes are neither lost nor in walls, every real move can be taken back by reverse play, a board can be read."""
    task = make_task(index, "train", SokobanOptions(difficulty="nano" if nano else "standard"))
    room, state = task.room, task.start
    for move in moves:
        following = room.after(state, move)
        assert following[1] <= room.floor
        assert len(following[1]) == len(state[1])
        assert following[0] in room.floor - following[1]
        assert following == state or state in set(room.before(following))
        state = following
        assert read_drawn(f"above\n{room.drawn(state)}\nMoves left: 3.") == (room, state)
        if nano:
            assert read_told(room.told(state), room.size) == (room, state)


def test_the_published_rewards_of_the_golden_game(play: Play) -> None:
    solved = play(env_of(CORRIDOR), ["[action] left", "[action] Right", "[action] right"])
    assert rewards(solved) == [-0.1, -0.1, 10.9]
    assert sum(rewards(solved)) == pytest.approx(10.7)
    assert solved.outcome.success
    assert solved.replies[-1] == square("######\n#__P√#\n######") + "\nSolved."


def test_a_box_pushed_off_costs_what_it_brought(play: Play) -> None:
    board = "#######\n#PXO__#\n#_XO__#\n#######"
    dialogue = play(env_of(board), ["[action] right", "[action] right", "[action] left || left"])
    assert rewards(dialogue) == [0.9, -1.1, -0.2]
    assert not dialogue.outcome.success
    assert dialogue.outcome.score == 0


def test_several_moves_an_action_end_with_the_last_box(play: Play) -> None:
    dialogue = play(env_of(CORRIDOR), ["[action] right || right || left || left"])
    assert rewards(dialogue) == [10.8]
    assert dialogue.steps[0].done
    assert not dialogue.steps[0].truncated


def test_a_turn_executes_five_moves_and_an_episode_ten(play: Play) -> None:
    board = "#########\n#P______#\n#____XO_#\n#########"
    dialogue = play(
        env_of(board), ["[action] right right right right right right right", "[action] left,left,left,left,left"]
    )
    assert rewards(dialogue) == [-0.5, -0.5]
    assert "#_____P_#" in dialogue.replies[0]
    assert "Moves left: 5." in dialogue.replies[0]
    assert dialogue.steps[1].truncated
    assert not dialogue.steps[0].truncated


def test_what_is_no_move_costs_a_turn_and_a_tenth(play: Play) -> None:
    actions = ["hello", "[action]", "[action] jump", "[action] go right", "[search] box"]
    dialogue = play(env_of(CORRIDOR), actions)
    assert rewards(dialogue) == [-0.1, -0.1, -0.1, -0.2, -0.1]
    assert [step.facts.kind for step in dialogue.steps] == ["invalid"] * 3 + ["act", "invalid"]
    assert "Moves left: 10." in dialogue.replies[2]
    assert dialogue.steps[4].truncated


def test_nano_tells_positions_in_a_line(play: Play) -> None:
    board = "#######\n#_____#\n#P____#\n#_X___#\n#__O__#\n#_____#\n#######"
    dialogue = play(env_of(board, difficulty="nano"), ["[action] right", "jump", "[action] down"])
    assert dialogue.opening.messages[0].content == "you b 1 box c 2 goal d 3"
    assert dialogue.replies == [
        "you b 2 box c 2 goal d 3",
        "which move ?\nyou b 2 box c 2 goal d 3",
        "you c 2 box d 2 goal d 3",
    ]


def test_the_state_key_is_the_board_and_a_walk_in_vain_is_a_repetition(play: Play) -> None:
    env = env_of(CORRIDOR)
    keys = [env.state_key()]
    dialogue = play(env, ["[action] left", "[action] left", "[action] right"])
    keys.append(env.state_key())
    assert keys == [square(CORRIDOR), square("######\n#_PXO#\n######")]
    assert [step.facts.repeated for step in dialogue.steps] == [False, True, False]


def test_steps_pay_nothing_by_default_and_the_reference_solves(play: Play) -> None:
    env = make_env("grid/sokoban", task=3)
    dialogue = play(env, ["[action] up", "[action] down"])
    assert [step.reward for step in dialogue.steps] == [None, None]
    again = make_env("grid/sokoban", task=3, moves_per_turn=10)
    assert play(again, [f"[action] {env.reference_answer()}"]).outcome.success


@pytest.mark.parametrize("difficulty", ["standard", "nano"])
def test_larger_rooms_keep_to_the_protocol(difficulty: str) -> None:
    check_env("grid/sokoban", difficulty=difficulty, room="larger")
