"""Groups of episodes become arrays; failed episodes are nowhere in them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from infopo import algorithms
from infopo.algorithms import credit_batch, credit_rows, rows_with_gain
from infopo.core import Failure, Group, InfopoError, Outcome, Span, StopReason, Trajectory, Turn

LAYOUTS = [((3, 5), (8, 10)), ((3, 4), (7, 9), (11, 12)), ((2, 3),)]


def episode(
    number: int,
    score: float | None,
    layout: tuple[tuple[int, int], ...],
    rewards: Sequence[float | None] | None = None,
    stop: StopReason = StopReason.DONE,
) -> Trajectory:
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
        turns=tuple(
            Turn(action=Span(start=start, end=end), action_message=0, reward=reward, state_key="asked")
            for (start, end), reward in zip(layout, rewards or [None] * len(layout), strict=True)
        ),
        outcome=None if score is None else Outcome(score=score, success=score > 0.5),
        stop_reason=StopReason.FAILED if score is None else stop,
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
    silent = replace(algorithms.get("infopo"), gain_matters=lambda outcomes: outcomes.tolist() == [0.0, 1.0])
    assert rows_with_gain(silent, groups) == {2, 3}
    assert rows_with_gain(algorithms.get("infopo"), groups) == {0, 1, 2, 3}
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
    paid = [(0.5, 1.0), (0.0, None, 0.0), None, (0.0, 0.5)]
    layouts = [LAYOUTS[0], LAYOUTS[1], LAYOUTS[2], LAYOUTS[0]]
    scores = [1.0, 0.0, None, 0.5]
    played = tuple(map(episode, range(4), scores, layouts, paid))
    whole = Group(group_id="a", trajectories=played)
    survivors = Group(group_id="a", trajectories=whole.survivors)
    gains = [[0.4, None], [0.1, 0.3, None], [-0.2, None]]
    signals = {"gain": gains, "belief": gains}
    with_failure, without = (
        algorithms.get(name).credit(credit_batch([one], signals, values=np.full((3, 12), 0.5)))
        for one in (whole, survivors)
    )
    assert with_failure.advantages.tolist() == without.advantages.tolist()
    assert with_failure.stats == without.stats
    assert np.abs(without.advantages).sum() > 0


@pytest.mark.parametrize("name", algorithms.names())
def test_a_truncated_episode_is_credited_as_any_other(name: str) -> None:
    def credited(stop: StopReason) -> np.ndarray:
        rows = [episode(0, 0.0, LAYOUTS[0], (0.0, None), stop), episode(1, 1.0, LAYOUTS[1], (0.5, 0.0, 1.0))]
        gains = [[0.4, None], [0.1, 0.3, None]]
        group = Group(group_id="a", trajectories=tuple(rows))
        batch = credit_batch([group], {"gain": gains, "belief": gains}, values=np.full((2, 12), 0.5))
        return algorithms.get(name).credit(batch).advantages

    found = credited(StopReason.TOKEN_LIMIT)
    assert np.isfinite(found).all()
    assert np.abs(found[0]).sum() > 0
    np.testing.assert_array_equal(found, credited(StopReason.DONE))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["outcome", "gain", "turn reward", "critic's value", "token penalty"])
def test_a_number_that_is_none_names_its_episode(where: str, bad: float) -> None:
    one = episode(0, 1.0, LAYOUTS[0], (0.5, 1.0))
    broken = episode(7, bad if where == "outcome" else 0.0, LAYOUTS[0], (0.0, bad if where == "turn reward" else 0.0))
    signals = {"gain": [[0.1, None], [bad if where == "gain" else 0.2, None]]}
    values, penalty = np.zeros((2, 10)), np.zeros((2, 10))
    values[1, 4] = bad if where == "critic's value" else 0.0
    penalty[1, 4] = bad if where == "token penalty" else 0.0
    values[1, 0] = np.nan  # nothing was sampled there
    with pytest.raises(InfopoError, match=f"{where} of task t, episode 7 of group g.* is {bad}"):
        credit_batch([Group(group_id="a", trajectories=(one, broken))], signals, values=values, token_penalty=penalty)


def test_turn_rewards_come_from_the_turns() -> None:
    rows = (episode(0, 1.0, LAYOUTS[0], (0.5, None)), episode(1, 0.0, LAYOUTS[2], (-0.25,)))
    batch = credit_batch([Group(group_id="a", trajectories=rows)], {}, epoch=3)
    assert batch.turn_reward_mask.tolist() == [[True, False], [True, False]]
    assert batch.turn_rewards[batch.turn_reward_mask].tolist() == [0.5, -0.25]
    assert batch.names == ("task t, episode 0 of group g", "task t, episode 1 of group g")
    assert batch.epoch == 3


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
