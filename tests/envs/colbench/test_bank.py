"""The bank of `colbench/code`: references and their texts agree, tests tell functions apart, splits are disjoint."""

import asyncio

import pytest

from infopo.envs import num_tasks
from infopo.envs.colbench.bank import combinations, functions, make_task
from infopo.envs.colbench.families import FAMILIES
from infopo.envs.colbench.options import CodeOptions
from infopo.envs.colbench.task import Family
from infopo.envs.colbench.user import facts_in
from infopo.sandbox import Limits, Program, run_program

DIFFICULTIES = ("standard", "nano")
EVERY = [family for difficulty in DIFFICULTIES for family in FAMILIES[difficulty]]
RUN_EVERYTHING = """
def values(source, calls):
    scope = {}
    exec(source, scope)
    return [eval(call, scope) for call in calls]
"""

every_family = pytest.mark.parametrize("family", EVERY, ids=lambda family: f"{family.function}-{family.request[:6]}")


@every_family
def test_a_reference_and_its_text_agree_on_every_test(family: Family) -> None:
    """Written apart, so a slip in one of them shows; the text is what the full expert answers with."""
    everything = combinations(family)
    program = Program(
        source=RUN_EVERYTHING,
        function="values",
        calls=tuple((family.write(**facts), list(family.calls)) for facts in everything),
    )
    limits = Limits(wall_seconds=60.0, cpu_seconds=20.0, output_bytes=1 << 20)
    result = asyncio.run(run_program(program, limits=limits))
    for facts, given in zip(everything, result.results, strict=True):
        assert given.error is None, (facts, given.error)
        assert given.value == list(family.expected(facts)), facts


@every_family
def test_whoever_gets_a_fact_wrong_fails_a_test(family: Family) -> None:
    assert len(family.inputs) == 10
    seen: dict[str, object] = {}
    for facts in combinations(family):
        values = repr(family.expected(facts))
        assert values not in seen, f"{facts} and {seen.get(values)} pass the same tests"
        seen[values] = facts


@every_family
def test_every_test_has_a_value_that_is_data(family: Family) -> None:
    def plain(value: object) -> bool:
        if isinstance(value, list):
            return all(plain(one) for one in value)
        if isinstance(value, dict):
            return all(isinstance(name, str) and plain(one) for name, one in value.items())
        return type(value) in (bool, int, float, str)

    assert all(plain(value) for facts in combinations(family) for value in family.expected(facts))


@every_family
def test_what_the_user_says_is_unmistakable_and_not_in_the_request(family: Family) -> None:
    said = [text for fact in family.facts for text in fact.says.values()]
    assert len(set(said)) == len(said)
    assert not any(text in family.request for text in said)
    words = [f" {text} " for text in said]  # `by 2` begins `by 20`
    assert not [(one, other) for one in words for other in words if one != other and one in other]


@every_family
def test_each_topic_is_understood_by_any_of_its_names(family: Family) -> None:
    for fact in family.facts:
        for name in (fact.topic, *filter(None, fact.words.split("|")), fact.name):
            assert facts_in(f"Tell me about the {name}?", family) == [fact.name], (fact.name, name)


def test_requests_are_all_different() -> None:
    for difficulty in DIFFICULTIES:
        openings = [(family.function, family.request) for family in FAMILIES[difficulty]]
        assert len(set(openings)) == len(openings)


def test_there_are_enough_tasks_and_each_is_in_one_split() -> None:
    for difficulty in DIFFICULTIES:
        train, test = functions(difficulty, "train"), functions(difficulty, "test")
        assert len(train) + len(test) == sum(len(combinations(family)) for family in FAMILIES[difficulty])
        assert len(train) >= 300
        assert len(test) >= 100
        assert (len(train), len(test)) == (
            num_tasks("colbench/code", "train", difficulty=difficulty),
            num_tasks("colbench/code", "test", difficulty=difficulty),
        )
        keys = [{(family.request, *facts.items()) for family, facts in split} for split in (train, test)]
        assert not keys[0] & keys[1]
        assert len(keys[0]) + len(keys[1]) == len(train) + len(test)
        assert {family.request for family, _ in test} == {family.request for family in FAMILIES[difficulty]}


def test_reveal_tells_none_some_or_all() -> None:
    for index in range(30):
        task = make_task(index, "train", CodeOptions())
        names = {fact.name for fact in task.family.facts}
        some = make_task(index, "train", CodeOptions(reveal="some"))
        assert (task.facts, task.answers) == (some.facts, some.answers)
        assert set(task.told) < set(some.told) < names == set(make_task(index, "train", CodeOptions(reveal="all")).told)
