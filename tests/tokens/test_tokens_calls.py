"""Tool calls read from text: both spellings, exact argument text, nothing half-understood."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infopo.tokens.calls import parse_calls

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def names(text: str) -> list[tuple[str, str]]:
    return [(call.name, call.arguments) for call in parse_calls(text)[1]]


def test_tagged_calls_keep_the_argument_text_as_written() -> None:
    text = 'Let me look.\n<tool_call>\n{"arguments" : {"b":1,  "a": "x}"}, "name":"find"}\n</tool_call>'
    said, calls = parse_calls(text + '\n<tool_call>{"name": "stop", "arguments": {}}</tool_call>')
    assert said == "Let me look."
    assert [(call.name, call.arguments) for call in calls] == [("find", '{"b":1,  "a": "x}"}'), ("stop", "{}")]
    assert len({call.id for call in calls}) == 2
    assert all(len(call.id) == 9 and call.id.isalnum() for call in calls)


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "find", "parameters": {"city": "Rome"}}',
        ' {"name": "find", "arguments": {"city": "Rome"}} \n',
        '[{"name": "find", "arguments": {"city": "Rome"}, "id": "abcdefgh1"}]',
        '<tool_call>{"name": "find", "arguments": "{\\"city\\": \\"Rome\\"}"}</tool_call>',
    ],
)
def test_bare_and_quoted_calls(text: str) -> None:
    assert names(text) == [("find", '{"city": "Rome"}')]
    assert parse_calls(text)[0] == ""


def test_a_thought_stays_and_is_not_searched() -> None:
    thought = '<think>\nmaybe <tool_call>{"name": "a", "arguments": {}}</tool_call>\n</think>'
    assert parse_calls(thought) == (thought, ())
    said, calls = parse_calls(thought + '\n\n{"name": "b", "parameters": {}}')
    assert said == thought
    assert [call.name for call in calls] == ["b"]
    unfinished = '<think>\n<tool_call>{"name": "a", "arguments": {}}</tool_call>'
    assert parse_calls(unfinished) == (unfinished, ())


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "",
        "{",
        "[",
        "[]",
        "{}",
        '{"name": "Bob"}',
        '{"name": 3, "arguments": {}}',
        '{"name": "", "arguments": {}}',
        '{"name": "find", "arguments": [1]}',
        '{"name": "find", "arguments": "not json"}',
        '[{"name": "find", "arguments": {}}; {"name": "find", "arguments": {}}]',
        '{"name": "find", "parameters": {}} and more',
        "<tool_call>{name: find}</tool_call>",
        '<tool_call>{"name": "find", "arguments": {}}',
        '<tool_call>{"name": "a", "arguments": {}}</tool_call><tool_call>{"name"</tool_call>',
        "<tool_call>[1]</tool_call>",
        "[" * 100_000,
        "<tool_call>" + '{"a":' * 100_000 + "</tool_call>",
        "[action] Where to?",
    ],
)
def test_what_is_no_call_stays_text(text: str) -> None:
    assert parse_calls(text) == (text, ())


@given(arguments=st.dictionaries(st.text(max_size=4), JSON, max_size=4), indent=st.sampled_from([None, 0, 2]))
def test_any_arguments_survive(arguments: dict[str, object], indent: int | None) -> None:
    written = json.dumps(arguments, indent=indent)
    if "</tool_call>" in written:
        return
    text = f'<tool_call>\n{{"name": "find", "arguments": {written}}}\n</tool_call>'
    assert names(text) == [("find", written)]
    assert names(f'{{"parameters": {written}, "name": "find"}}') == [("find", written)]


@given(text=st.text(alphabet='{}[]",:<>/ntool_callme "', max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    said, calls = parse_calls(text)
    assert calls or said == text
