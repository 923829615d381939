"""Which tasks a step plays: each once an epoch, and others where a step wants more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infopo.envs import Member
from infopo.rollout.schedule import Schedule, group_number, most_episodes, spread


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


def mixture(groups: int = 4, seed: int = 0) -> Schedule:
    one = Member(env_id="toy/slots", weight=2, options={"slots": 1}, tasks=5)
    other = Member(env_id="usergym/travel", weight=1, options={"tier": "33"}, tasks=4)
    return Schedule(members=(one, other), seed=seed, groups=groups)


def test_members_take_turns_by_weight_and_each_keeps_its_epochs() -> None:
    specs = [spec for step in range(15) for spec in mixture().tasks(step)]
    own = {name: [spec.task for spec in specs if spec.env_id == name] for name in ("toy/slots", "usergym/travel")}
    assert [len(tasks) for tasks in own.values()] == [40, 20]
    for tasks, count in ((own["toy/slots"], 5), (own["usergym/travel"], 4)):
        for epoch in range(len(tasks) // count):
            assert sorted(tasks[epoch * count : (epoch + 1) * count]) == list(range(count))
    assert all(spec.options == ({"slots": 1} if spec.env_id == "toy/slots" else {"tier": "33"}) for spec in specs)
    assert mixture().count == 9
    assert mixture().tasks(9) == mixture().tasks(9) != mixture(seed=1).tasks(9)


def test_further_rounds_of_a_mixture_play_what_the_step_has_not_played() -> None:
    rounds = [mixture(groups=3).tasks(2, extra=extra) for extra in range(2)]
    assert len({(spec.env_id, spec.task) for tasks in rounds for spec in tasks}) == 6
    assert [spec.group_id for tasks in rounds for spec in tasks] == [f"3/{number}" for number in range(6)]


@given(weights=st.lists(st.integers(1, 5), min_size=1, max_size=4), data=st.data())
def test_an_evaluation_is_spread_by_weight_and_asks_no_member_for_more_than_it_has(
    weights: list[int], data: st.DataObject
) -> None:
    counts = [data.draw(st.integers(1, 30)) for _ in weights]
    members = [
        Member(env_id=str(place), weight=weight, options={}, tasks=count)
        for place, (weight, count) in enumerate(zip(weights, counts, strict=True))
    ]
    most = most_episodes(members)
    assert sum(share for _, share in spread(members, most)) == most
    assert all(share <= member.tasks for member, share in spread(members, most))
    assert any(share > member.tasks for member, share in spread(members, most + 1))
