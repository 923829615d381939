"""Groups of episodes become arrays; failed episodes are nowhere in them."""

import numpy as np
import pytest

from infopo import algorithms
from infopo.algorithms import credit_batch, credit_rows
from infopo.core import Failure, Group, Outcome, Span, StopReason, Trajectory, Turn

LAYOUTS = [((3, 5), (8, 10)), ((3, 4), (7, 9), (11, 12)), ((2, 3),)]


def episode(number: int, score: float | None, layout: tuple[tuple[int, int], ...]) -> Trajectory:
    length = layout[-1][1]
    sampled = tuple(any(start <= index < end for start, end in layout) for index in range(length))
    return Trajectory(
        env="toy",
        task_id="t",
        group_id="g",
        episode=number,
        seed=number,
        policy_version=0,
        messages=(),
        token_ids=(1,) * length,
        sampled=sampled,
        logprobs=tuple(-1.0 if here else None for here in sampled),
        turns=tuple(Turn(action=Span(start=start, end=end), action_message=0) for start, end in layout),
        outcome=None if score is None else Outcome(score=score, success=score > 0.5),
        stop_reason=StopReason.FAILED if score is None else StopReason.DONE,
        failure=Failure(kind="timeout", where="step", detail="late") if score is None else None,
    )


def group(name: str, *scores: float | None) -> Group:
    episodes = [episode(number, score, LAYOUTS[number % 3]) for number, score in enumerate(scores)]
    return Group(group_id=name, trajectories=tuple(episodes))


def test_rows_are_survivors_of_groups_with_two() -> None:
    groups = [group("a", 1.0, None, 0.25), group("b", None, 0.5, None), group("c", 0.0, 1.0)]
    batch = credit_batch(groups, {"gain": [[0.5, None], [None], [None, None], [0.1, 0.2, None]]})
    assert batch.group.tolist() == [0, 0, 2, 2]
    assert batch.outcome.tolist() == [1.0, 0.25, 0.0, 1.0]
    assert [len(spans) for spans in batch.action_spans] == [2, 1, 2, 3]
    assert [tuple(np.flatnonzero(row)) for row in batch.sampled] == [
        (3, 4, 8, 9),
        (2,),
        (3, 4, 8, 9),
        (3, 7, 8, 11),
    ]
    assert batch.signal_masks["gain"].tolist() == [
        [True, False, False],
        [False, False, False],
        [False, False, False],
        [True, True, False],
    ]
    gains = batch.signals["gain"]
    assert gains[batch.signal_masks["gain"]].tolist() == [0.5, 0.1, 0.2]
    assert np.isnan(gains[~batch.signal_masks["gain"]]).all()
    assert [row.episode for row in credit_rows(groups)] == [0, 2, 0, 1]


@pytest.mark.parametrize("name", algorithms.names())
def test_survivors_are_credited_as_if_the_failed_episode_had_never_been(name: str) -> None:
    whole = group("a", 1.0, 0.0, None, 0.5)
    survivors = Group(group_id="a", trajectories=whole.survivors)
    signals = {"gain": [[0.4, None], [0.1, 0.3, None], [-0.2, None]]}
    with_failure = algorithms.get(name).credit(credit_batch([whole], signals))
    without = algorithms.get(name).credit(credit_batch([survivors], signals))
    assert with_failure.advantages.tolist() == without.advantages.tolist()
    assert with_failure.stats == without.stats
    assert np.abs(without.advantages).sum() > 0


def test_nothing_left_gives_an_empty_batch() -> None:
    batch = credit_batch([group("a", None, 1.0), group("b")], {"gain": []})
    assert batch.sampled.shape == (0, 0)
    assert batch.signals["gain"].shape == (0, 0)
    assert batch.outcome.shape == batch.group.shape == (0,)


@pytest.mark.parametrize(
    ("gains", "says"),
    [([[0.1, 0.2]], "1 episodes for the 2 rows"), ([[0.1], [0.1, 0.2, None]], "1 values for 2 turns")],
)
def test_signals_of_other_lengths_are_refused(gains: list[list[float | None]], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        credit_batch([group("a", 1.0, 0.0)], {"gain": gains})
