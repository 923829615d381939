"""`grid/frozenlake`: lakes that can be crossed, firm and slippery ice, the published reward."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infopo.core import UserError
from infopo.envs import make_env, make_expert
from infopo.envs.check import check_env
from infopo.envs.grid.frozenlake import FrozenLakeEnv, FrozenLakeOptions
from infopo.envs.grid.frozenlake.bank import LONGEST, Task, make_task, split_of
from infopo.envs.grid.frozenlake.lake import Lake, read_drawn, read_told

Play = Callable[..., Any]
OPEN = "____\n_P__\n____\n___G"


def env_of(board: str, seed: int = 0, **options: Any) -> FrozenLakeEnv:
    lake, player = read_drawn(board)
    return FrozenLakeEnv(
        Task(task_id="drawn", lake=lake, start=player),
        seed=seed,
        options=FrozenLakeOptions(reward="upstream", **options),
    )


def test_every_lake_can_be_crossed_and_has_about_a_fifth_of_holes() -> None:
    holes = 0
    for index in range(300):
        task = make_task(index, "train")
        way, cell = task.lake.way(task.start), task.start
        assert way is not None
        assert 1 <= len(way) <= LONGEST
        for move in way:
            assert cell != task.lake.goal
            cell = task.lake.after(cell, move)
            assert cell not in task.lake.holes
        assert cell == task.lake.goal
        holes += len(task.lake.holes)
    assert 0.1 < holes / (300 * 14) < 0.22  # 0.2 of all cells but two, less what cannot be crossed


def test_train_and_test_share_no_lake_however_it_is_turned() -> None:
    drawn = {
        split: {task.lake.drawn(task.start) for task in (make_task(index, split) for index in range(500))}  # type: ignore[arg-type]
        for split in ("train", "test")
    }
    assert not drawn["train"] & drawn["test"]
    for board in drawn["test"]:
        mirrored = "\n".join(line[::-1] for line in board.split("\n"))
        assert mirrored not in drawn["train"]
        assert split_of(*read_drawn(mirrored)) == "test"


@given(index=st.integers(0, 400))
def test_a_lake_can_be_read_from_either_text(index: int) -> None:
    task = make_task(index, "train")
    assert read_drawn(f"{task.lake.drawn(task.start)}\nMoves left: 10.") == (task.lake, task.start)
    assert read_told(f"which move ?\n{task.lake.told(task.start)}", 4) == (task.lake, task.start)


def test_the_goal_pays_one_a_hole_ends_and_the_shore_stops(play: Play) -> None:
    board = "PO__\n____\n____\n__G_"
    solved = play(env_of(board), ["[action] left", "[action] down || down || down", "[action] right right up"])
    assert [step.reward for step in solved.steps] == [0, 0, 1]
    assert solved.outcome.success
    assert "√" in solved.replies[-1]
    lost = play(env_of(board), ["[action] right down"])
    assert lost.steps[0].done
    assert lost.steps[0].reward == 0
    assert lost.outcome.score == 0
    assert lost.replies[0].startswith("_X__")
    assert play(env_of(board), ["what"]).steps[0].reward == -0.1


def test_slippery_ice_leads_to_the_sides_as_often_as_ahead_and_never_back(play: Play) -> None:
    ends = Counter(
        play(env_of(OPEN, seed, slippery=True), ["[action] up"]).replies[0].split("\nMoves")[0] for seed in range(600)
    )
    assert sum(ends.values()) == 600
    for board in ("_P__\n____\n____\n___G", "____\nP___\n____\n___G", "____\n__P_\n____\n___G"):
        assert 150 < ends[board] < 250
    firm = {play(env_of(OPEN, seed), ["[action] up"]).replies[0] for seed in range(20)}
    assert len(firm) == 1


@given(index=st.integers(0, 100), moves=st.integers(0, 6))
def test_chances_grow_with_moves_and_are_certain_on_firm_ice(index: int, moves: int) -> None:
    task = make_task(index, "test")
    slippery, firm = (task.lake.chances(moves + 1, slippery=slips) for slips in (True, False))
    way = task.lake.way(task.start) or ()
    assert firm[moves][task.start] == float(len(way) <= moves)
    for cell in task.lake.cells:
        assert slippery[moves][cell] <= slippery[moves + 1][cell] + 1e-12 <= firm[moves + 1][cell] + 2e-12


def test_the_chance_of_one_move_by_hand() -> None:
    lake = Lake(size=4, holes=frozenset({(1, 1)}), goal=(1, 3))
    (_, one) = lake.chances(1, slippery=True)
    assert one[(1, 2)] == pytest.approx(1 / 3)  # to the right, or down or against the shore
    assert one[(1, 4)] == pytest.approx(1 / 3)
    assert one[(1, 1)] == 0
    assert one[(3, 3)] == 0


def test_on_slippery_ice_the_full_expert_does_almost_what_can_be_done(play: Play) -> None:
    best, full, weak = 0.0, 0, 0
    for index in range(120):
        options = {"slippery": True}
        task = make_task(index, "test")
        best += task.lake.chances(10, slippery=True)[10][task.start]
        env = {"task": index, "split": "test", "seed": index, **options}
        full += play(
            make_env("grid/frozenlake", **env), make_expert("grid/frozenlake", "full", **options).act
        ).outcome.success
        weak += play(
            make_env("grid/frozenlake", **env), make_expert("grid/frozenlake", "weak", seed=index, **options).act
        ).outcome.success
    assert weak < full < best + 15
    assert full > 0.75 * best  # it looks every other move only


def test_nano_tells_positions_in_a_line(play: Play) -> None:
    dialogue = play(env_of("____\n_P_O\n____\n___G", difficulty="nano"), ["[action] right", "[action] right"])
    assert dialogue.opening.messages[0].content == "you b 2 goal d 4 hole b 4"
    assert dialogue.replies == ["you b 3 goal d 4 hole b 4", "lost"]
    assert env_of(OPEN, difficulty="nano")._told() == "you b 2 goal d 4 hole none"


def test_slippery_is_true_or_false() -> None:
    with pytest.raises(UserError, match="slippery"):
        make_env("grid/frozenlake", task=0, slippery="very")


@pytest.mark.parametrize("difficulty", ["standard", "nano"])
def test_slippery_ice_keeps_to_the_protocol(difficulty: str) -> None:
    check_env("grid/frozenlake", difficulty=difficulty, slippery=True)
