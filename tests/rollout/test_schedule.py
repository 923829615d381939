"""Which tasks a step plays: each once an epoch, and others where a step wants more."""

import pytest

from infopo.envs import Member
from infopo.rollout.schedule import Schedule, group_number


def schedule(groups: int = 3, count: int = 7, seed: int = 0) -> Schedule:
    member = Member(env_id="toy/slots", weight=1, options={}, tasks=count)
    return Schedule(members=(member,), seed=seed, groups=groups)


def test_every_task_once_an_epoch() -> None:
    tasks = [spec.task for step in range(7) for spec in schedule().tasks(step)]
    for epoch in range(3):
        assert sorted(tasks[7 * epoch : 7 * epoch + 7]) == list(range(7))
    assert tasks[:7] != tasks[7:14]
    seeds = [spec.seed for step in range(7) for spec in schedule().tasks(step)]
    assert len(set(seeds)) == 21
    assert [spec.group_id for spec in schedule().tasks(4)] == ["5/0", "5/1", "5/2"]
    assert schedule().tasks(4) == schedule().tasks(4) != schedule(seed=1).tasks(4)


def test_further_rounds_play_what_the_step_has_not_played() -> None:
    rounds = [schedule(groups=2).tasks(5, extra=extra) for extra in range(3)]
    assert len({spec.task for tasks in rounds for spec in tasks}) == 6
    assert [spec.group_id for tasks in rounds for spec in tasks] == [f"6/{number}" for number in range(6)]
    assert [group_number(spec.group_id) for spec in rounds[2]] == [4, 5]
    assert len({spec.seed for tasks in rounds for spec in tasks}) == 6
    assert rounds == [schedule(groups=2).tasks(5, extra=extra) for extra in range(3)]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_where_there_are_too_few_tasks_they_are_played_again_with_other_seeds(count: int) -> None:
    specs = [spec for extra in range(4) for spec in schedule(groups=2, count=count).tasks(0, extra=extra)]
    assert {spec.task for spec in specs} == set(range(count))
    assert len({spec.seed for spec in specs}) == 8
