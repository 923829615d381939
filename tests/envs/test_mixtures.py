"""Mixtures: what their names mean, whose turn it is, whose option is meant."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infopo.core import UserError
from infopo.envs import get_spec, list_envs, make_env, members, num_tasks, registry
from infopo.envs.check import check_env
from infopo.envs.mixtures import MIXTURES, read_mixture, turns

TWO = "toy/slots:2,usergym/function:1"


def test_the_named_mixtures_hold_the_published_gyms() -> None:
    trained = {"travel", "turtle", "persuade", "function", "tau"}
    assert set(MIXTURES["usergym/all-train"]) == {f"usergym/{name}" for name in trained}
    held_out = {"intention", "telepathy", "search"}
    assert set(MIXTURES["usergym/all-test"]) == {f"usergym/{name}" for name in trained | held_out}
    assert sum(MIXTURES["usergym/all-train"].values()) == 2426


@pytest.mark.parametrize("name", MIXTURES)
def test_a_named_mixture_plays_every_member_or_names_the_one_that_is_not_there(name: str) -> None:
    missing = [member for member in MIXTURES[name] if member not in list_envs()]
    if missing:
        with pytest.raises(UserError, match=f"mixture {name}: unknown environment '{missing[0]}'"):
            num_tasks(name)
    else:
        assert [member.env_id for member in members(name)] == list(MIXTURES[name])


def test_a_member_that_is_not_registered_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(registry._MODULES, "usergym/tau", raising=False)
    with pytest.raises(UserError, match="mixture usergym/all-train: unknown environment 'usergym/tau'"):
        make_env("usergym/all-train")


@pytest.mark.parametrize(
    ("env_id", "said"),
    [
        ("toy/slots,", "has an empty part"),
        ("toy/slots:0,usergym/travel", "weight of toy/slots must be a whole number from 1, got 0"),
        ("toy/slots:1.5,usergym/travel", "got 1.5"),
        ("toy/slots:-1", "got -1"),
        ("toy/slots,toy/slots:2", "names toy/slots twice"),
        ("usergym/all-train:2,toy/slots", "is a mixture itself"),
        ("toy/slots,usergym/travle", "mixture toy/slots,usergym/travle: unknown environment 'usergym/travle'; did you"),
        ("toy/slots,no_such_module:SPEC", "no module no_such_module"),
    ],
)
def test_what_is_no_mixture_is_refused_with_its_part(env_id: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        members(env_id)


def test_a_mixture_is_no_environment() -> None:
    with pytest.raises(UserError, match="is a mixture of environments; name one of them"):
        get_spec(TWO)
    assert read_mixture("toy/slots") is None
    assert read_mixture("toy/slots:3") == {"toy/slots": 3}


@given(weights=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_turns_keep_the_weights_over_a_cycle_and_stay_close_to_them_within(weights: list[int]) -> None:
    order, total = turns(tuple(weights)), sum(weights)
    assert Counter(order) == dict(enumerate(weights))
    for length in range(1, total + 1):
        for place, weight in enumerate(weights):
            assert abs(order[:length].count(place) - length * weight / total) < len(weights)


def test_options_go_to_the_members_that_have_them() -> None:
    options: dict[str, Any] = {"difficulty": "nano", "slots": 3, "usergym/function.max_turns": 5}
    slots, function = members(TWO, **options)
    assert (slots.weight, slots.options) == (2, {"difficulty": "nano", "slots": 3})
    assert (function.weight, function.options) == (1, {"difficulty": "nano", "max_turns": 5})
    _, function = members(TWO, **{"max_turns": 9, "usergym/function.max_turns": 5})
    assert function.options["max_turns"] == 5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"slotz": 3}, "unknown option of every member of .* 'slotz'; did you mean 'slots'"),
        ({"usergym/functio.slots": 3}, "unknown member of .*; did you mean 'usergym/function'"),
        ({"usergym/function.slots": 3}, "unknown option of usergym/function 'slots'"),
        ({"max_turns": 0}, "max_turns"),
        ({"difficulty": "nanoo"}, "unknown difficulty"),
    ],
)
def test_a_wrong_option_is_refused_with_its_member(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        members(TWO, **options)


def test_tasks_of_a_mixture_run_through_its_members() -> None:
    first = num_tasks("toy/slots", difficulty="nano")
    assert num_tasks(TWO, difficulty="nano") == first + num_tasks("usergym/function", difficulty="nano")
    places = [(0, "toy/slots", 0), (first - 1, "toy/slots", first - 1), (first + 4, "usergym/function", 4)]
    for task, env_id, own in places:
        env = make_env(TWO, task=task, difficulty="nano")
        assert (env.env_id, env.task_id) == (env_id, make_env(env_id, task=own, difficulty="nano").task_id)
    with pytest.raises(UserError, match="has tasks 0 to"):
        make_env(TWO, task=num_tasks(TWO))


def test_a_drawn_task_follows_the_weights_and_the_seed() -> None:
    drawn = Counter(make_env(TWO, seed=seed, difficulty="nano").env_id for seed in range(300))
    assert 160 < drawn["toy/slots"] < 240
    assert make_env(TWO, seed=7).task_id == make_env(TWO, seed=7).task_id


def test_members_keep_to_the_protocol_with_the_options_of_the_mixture() -> None:
    for member in members(TWO, difficulty="nano", reveal="some"):
        check_env(member.env_id, **member.options)
