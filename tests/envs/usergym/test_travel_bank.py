"""The task bank of `usergym/travel`: sizes, disjoint splits, one best option, and listings that do not give it away."""

from collections import Counter
from functools import cache
from itertools import pairwise

import pytest

from infopo.core import derive_random
from infopo.envs import num_tasks
from infopo.envs.registry import Split
from infopo.envs.usergym.travel.bank import make_task
from infopo.envs.usergym.travel.listings import LOW, draw_rows
from infopo.envs.usergym.travel.options import TIERS, TravelOptions
from infopo.envs.usergym.travel.task import AspectTask, Option, Task
from infopo.envs.usergym.travel.words import LETTERS

DIFFICULTIES = ("nano", "standard")
ALL = [(tier, difficulty) for tier in TIERS for difficulty in DIFFICULTIES]


@cache
def tasks(tier: str, difficulty: str, split: Split, count: int) -> tuple[Task, ...]:
    options = TravelOptions(tier=tier, difficulty=difficulty)
    return tuple(make_task(index, split, options) for index in range(count))


def scenario(task: Task) -> frozenset[object]:
    return frozenset((part.aspect, part.arguments) for part in task.aspects)


def wishes(task: Task) -> frozenset[object]:
    return frozenset(task.preferences)


@pytest.mark.parametrize(("tier", "difficulty"), [("22", "nano"), ("2222", "nano"), ("33", "standard")])
def test_whole_splits_are_distinct_and_share_neither_scenario_nor_preference_set(tier: str, difficulty: str) -> None:
    options = {"tier": tier, "difficulty": difficulty}
    assert num_tasks("usergym/travel", "train", **options) == 4000
    assert num_tasks("usergym/travel", "test", **options) == 1000
    train, test = tasks(tier, difficulty, "train", 4000), tasks(tier, difficulty, "test", 1000)
    for split in (train, test):
        assert len({(scenario(task), wishes(task)) for task in split}) == len(split)
        assert len({task.task_id for task in split}) == len(split)
    assert {scenario(task) for task in train}.isdisjoint(scenario(task) for task in test)
    assert {wishes(task) for task in train}.isdisjoint(wishes(task) for task in test)


@pytest.mark.parametrize(("tier", "difficulty"), ALL)
def test_a_task_has_the_shape_of_its_tier(tier: str, difficulty: str) -> None:
    for task in tasks(tier, difficulty, "train", 60):
        assert sorted(len(part.preferences) for part in task.aspects) == sorted(TIERS[tier])
        names = [part.aspect for part in task.aspects]
        assert len(set(names)) == len(names)
        assert not {"hotel", "apartment"} <= set(names)
        for part in task.aspects:
            assert len({p.topic for p in part.preferences}) == len(part.preferences)
            ids = [option.option_id for option in part.options]
            assert len(set(ids)) == len(ids)
            assert all(name[0] == LETTERS[part.aspect] and int(name[1:]) >= 1 for name in ids)


SIZES = [
    (tier, difficulty, size)
    for tier, difficulty in ALL
    for size in (None, 4, 5, 6, 9, 14, 25)
    if size is None or size >= max(4, max(TIERS[tier]) + 1)
]


@pytest.mark.parametrize(("tier", "difficulty", "size"), SIZES)
def test_one_best_option_and_a_rival_for_every_preference(tier: str, difficulty: str, size: int | None) -> None:
    """Leave out any one preference, and another cheap option agrees with all the others."""
    options = TravelOptions(tier=tier, difficulty=difficulty, options_per_aspect=size)
    for index in range(8):
        for part in make_task(index, "train", options).aspects:
            assert len(part.options) == options.listing_size(len(part.preferences))
            prices = [option.price for option in part.fitting]
            assert prices.count(min(prices)) == 1
            for left_out in range(len(part.preferences)):
                assert any(is_rival(option, part, left_out) for option in part.options)


def is_rival(option: Option, part: AspectTask, left_out: int) -> bool:
    """Differs from the wishes in one preference alone; nano: at the low price. Standard prices are any number."""
    misses = [k for k, wish in enumerate(part.wishes) if option.values[k] != wish]
    cheap = option.price == LOW or option.price >= 10  # dollars
    return misses == [left_out] and option.values[left_out] is not None and cheap


@pytest.mark.parametrize(
    ("tier", "difficulty"), [("22", "nano"), ("33", "nano"), ("44", "nano"), ("22", "standard"), ("33", "standard")]
)
def test_the_listing_does_not_say_which_option_is_best(tier: str, difficulty: str) -> None:
    """Neither place, nor number, nor price, nor look-alikes find the best row more often than a blind guess would."""
    hits: Counter[str] = Counter()
    parts = [part for task in tasks(tier, difficulty, "train", 300) for part in task.aspects]
    for part in parts:
        for name, guess in guesses(part).items():
            hits[name] += guess == part.best
    chance = 1 / 2 ** int(tier[0])
    most = chance * len(parts) + 4 * (len(parts) * chance * (1 - chance)) ** 0.5
    assert {name: count for name, count in hits.items() if count > most} == {}
    # the measure itself works: who knows the wishes finds the best row every time
    assert all(min(part.fitting, key=lambda option: option.price) == part.best for part in parts)


def cheapest_of_each_kind(part: AspectTask) -> list[Option]:
    """Without the wishes, any of these rows could be best."""
    known = [option for option in part.options if None not in option.values]
    return [
        min((o for o in known if o.values == values), key=lambda option: option.price)
        for values in dict.fromkeys(option.values for option in known)
    ]


def guesses(part: AspectTask) -> dict[str, Option]:
    candidates = cheapest_of_each_kind(part)
    if min(option.price for option in part.options) == LOW:
        candidates = [option for option in candidates if option.price == LOW]
    places = {option.option_id: k for k, option in enumerate(part.options)}

    def likeness(option: Option) -> int:
        return sum(a == b for other in part.options for a, b in zip(option.values, other.values, strict=True))

    return {
        "first": min(candidates, key=lambda o: places[o.option_id]),
        "last": max(candidates, key=lambda o: places[o.option_id]),
        "smallest number": min(candidates, key=lambda o: int(o.option_id[1:])),
        "cheapest": min(candidates, key=lambda o: (o.price, places[o.option_id])),
        "dearest": max(candidates, key=lambda o: (o.price, places[o.option_id])),
        "most like the others": max(candidates, key=lambda o: (likeness(o), -places[o.option_id])),
        "least like the others": min(candidates, key=lambda o: (likeness(o), places[o.option_id])),
        "most twins": max(
            candidates, key=lambda o: (sum(p.values == o.values for p in part.options), -places[o.option_id])
        ),
    }


def test_rows_are_a_grid_where_they_fit_and_a_star_where_not() -> None:
    domains = [["a", "b", "c"], ["d", "e", "f"], ["g", "h", "i"]]
    grid = [row for row in draw_rows(derive_random(0), domains, ["a", "d", "g"], 9) if row.core]
    assert len({row.values for row in grid}) == 8
    star = [row for row in draw_rows(derive_random(0), domains, ["a", "d", "g"], 5) if row.core]
    assert [sum(x != y for x, y in zip(row.values, "adg", strict=True)) for row in star] == [0, 1, 1, 1]


def test_noise_rows_have_one_unknown_value_and_twins_are_dearer() -> None:
    for task in tasks("22", "standard", "test", 50):
        for part in task.aspects:
            unknown = [option.values.count(None) for option in part.options]
            assert set(unknown) == {0, 1}
            for first, second in pairwise(sorted(part.fitting, key=lambda option: option.price)):
                assert first.price < second.price


def test_a_task_is_a_pure_function_of_its_index() -> None:
    options = TravelOptions(difficulty="nano")
    late = make_task(700, "test", options)
    assert make_task(3, "test", options) == tasks("22", "nano", "test", 4)[3]
    assert make_task(700, "test", options) == late
    assert late.task_id == "travel-22-nano-test-000700"


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_reveal(difficulty: str) -> None:
    def facts(reveal: str, index: int) -> tuple[frozenset[str], set[str]]:
        task = make_task(index, "train", TravelOptions(tier="33", difficulty=difficulty, reveal=reveal))
        return task.revealed, {p.fact for p in task.preferences}

    for index in range(30):
        assert facts("none", index)[0] == frozenset()
        revealed, everything = facts("all", index)
        assert revealed == everything
    some = [facts("some", index)[0] for index in range(200)]
    assert {len(revealed) for revealed in some} == set(range(7))
