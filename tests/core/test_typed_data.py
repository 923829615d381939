"""Dataclasses as plain data: exact both ways, and every mistake is named."""

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infopo.core import UserError
from infopo.core.typed_data import dotted_names, from_data, to_data


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5
    mode: Literal["mean", "sum"] = "mean"


@dataclass(frozen=True)
class Outer:
    count: int = 1
    name: str | None = None
    parts: tuple[int, ...] = ()
    limit: int | Literal["all"] = 1
    free: dict[str, Any] = field(default_factory=dict)
    inner: Inner = field(default_factory=Inner)


outers = st.builds(
    Outer,
    count=st.integers(),
    name=st.none() | st.text(),
    parts=st.lists(st.integers()).map(tuple),
    limit=st.integers() | st.just("all"),
    free=st.dictionaries(st.text(), st.integers() | st.lists(st.text())),
    inner=st.builds(Inner, rate=st.floats(allow_nan=False), mode=st.sampled_from(["mean", "sum"])),
)


@given(outers)
def test_the_way_there_and_back_changes_nothing(config: Outer) -> None:
    assert from_data(to_data(config), Outer, where="test") == config


def test_names_of_nested_keys_have_dots() -> None:
    assert dotted_names(Outer) == ["count", "name", "parts", "limit", "free", "inner.rate", "inner.mode"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"cuont": 1}, "unknown key in test 'cuont'; did you mean 'count'"),
        ({"inner": {"rte": 1}}, "did you mean 'inner.rate'"),
        ({"count": "1"}, "test: count must be a whole number, got '1'"),
        ({"parts": [1, "x"]}, r"parts\[1\] must be a whole number"),
        ({"name": 3}, "name must be text"),
        ({"limit": "al"}, "unknown limit in test 'al'; did you mean 'all'"),
        ({"inner": {"rate": True}}, "inner.rate must be a number"),
        ({"inner": {"mode": "sun"}}, "did you mean 'sum'"),
        ({"free": {1: 2}}, "free must be a mapping"),
        ([], "it must be a mapping"),
    ],
)
def test_a_mistake_is_named(data: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        from_data(data, Outer, where="test")
