"""The reader of replies believes nothing; the writer inside writes JSON that it can read."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infopo.sandbox import CallResult
from infopo.sandbox.inside import runner
from infopo.sandbox.reply import longest_reply, read_reply, says_ready

letters = st.text(st.characters(exclude_categories=["Cs"]))
data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | letters,
    lambda inner: st.lists(inner) | st.dictionaries(letters, inner),
    max_leaves=20,
)


def reply(**changes: Any) -> bytes:
    return json.dumps({"nonce": "n", "error": None, "results": [{"value": 1}], **changes}).encode()


@settings(max_examples=60, deadline=None)
@given(data)
def test_what_the_runner_writes_is_read_back(value: Any) -> None:
    line = f'{{"nonce": "n", "error": null, "results": [{{"value": {runner.text(value)}}}]}}'
    error, (one,) = read_reply(line.encode("ascii"), "n", 1)
    assert (error, one.error) == (None, None)
    assert json.dumps(one.value) == json.dumps(value)


@settings(max_examples=60, deadline=None)
@given(
    st.binary()
    | st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))
    | data.map(lambda one: json.dumps(one).encode())
)
def test_any_line_is_a_reply_or_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_reply(line, "n", 1)


@pytest.mark.parametrize(
    "line",
    [
        reply(nonce="m"),
        reply(more=1),
        reply(results=[]),
        reply(results=[{"value": 1}, {"value": 1}]),
        reply(results={"value": 1}),
        reply(results=[{"value": 1, "error": None}]),
        reply(results=[{"error": 5}]),
        reply(results=[{"value": math.nan}]),
        reply(results=[{"value": math.inf}]),
        reply().replace(b"1", b"1e999"),
        reply().replace(b"1", b"1" * 5000),
        reply().replace(b"1", b"[" * 60 + b"]" * 60),
        reply().replace(b"1", b"[" * 100000),
        reply(results=[{"value": "\ud800"}]),
        reply(results=[{"value": {"\ud800": 1}}]),
        reply(error=["x"]),
        reply() + reply(),
        b"",
        b"\xff",
    ],
)
def test_a_reply_with_anything_odd_is_unreadable(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_reply(line, "n", 1)


def test_honest_replies_are_read_and_made_safe_to_print() -> None:
    assert read_reply(reply(), "n", 1) == (None, (CallResult(value=1),))
    assert read_reply(reply(results=[{"error": "a\nb\x1b[0m" + "c" * 999}]), "n", 1)[1][0].error == (
        "a b [0m" + "c" * 193
    )
    assert read_reply(reply(error="broke", results=[]), "n", 1) == ("broke", ())


def test_ready_is_one_exact_line() -> None:
    assert says_ready(b'{"ready": "n"}\n', "n")
    assert not any(says_ready(line, "n") for line in (b"", b'{"ready": "n"}', b'{"ready": "m"}\n', b'{"ready":"n"}\n'))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=300), max_size=5))
def test_an_honest_reply_is_never_too_long(errors: list[str]) -> None:
    results = [json.dumps({"error": one[: runner.LONGEST_ERROR]}) for one in errors]
    line = f'{{"nonce": "{"n" * 32}", "error": null, "results": [{", ".join(results)}]}}'
    assert len(line) <= longest_reply(1, len(errors))
