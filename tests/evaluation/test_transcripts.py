"""Transcripts become tokens that only grow, and the rule on words finds what was settled."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from infopo.core import Message
from infopo.evaluation.gain_statistics import Histogram
from infopo.evaluation.redundancy import is_redundant, repeats
from infopo.evaluation.score_summary import QUESTIONS, ScoreTally
from infopo.evaluation.transcript_tokens import exchanges_of, trajectory_of
from infopo.evaluation.transcripts import Transcript, read_lines, read_transcript
from infopo.testing.tiny import tiny_tokenizer
from infopo.tokens import Renderer

RENDERER = Renderer(tiny_tokenizer(), name="bytes")
TEXTS = st.text(max_size=12)
TURNS = st.lists(st.tuples(st.sampled_from(["user", "assistant"]), TEXTS), min_size=1, max_size=12)


def transcript_of(turns: list[tuple[Any, str]]) -> Transcript:
    messages = tuple(Message(role=role, content=text) for role, text in turns)
    return Transcript(name="t", messages=messages)


@settings(deadline=None, max_examples=60)
@given(turns=TURNS, most=st.integers(min_value=20, max_value=400))
def test_every_span_says_what_the_transcript_says(turns: list[tuple[str, str]], most: int) -> None:
    transcript = transcript_of(turns)
    opening, exchanges = exchanges_of(transcript)
    assert sum(len(one.answers) for one in exchanges) <= len(turns) - len(opening)
    trajectory, _ = trajectory_of(transcript, RENDERER, max_tokens=most, line=1)
    assert len(trajectory.token_ids) <= most or not trajectory.turns
    for turn, exchange in zip(trajectory.turns, exchanges, strict=False):
        ids = trajectory.token_ids[turn.action.start : turn.action.end]
        assert ids == RENDERER.encode_action(exchange.action)
        assert all(trajectory.sampled[turn.action.start : turn.action.end])
        if turn.observation_block is not None:
            block = turn.observation_block
            expected = RENDERER.observation(exchange.answers).ids
            assert trajectory.token_ids[block.start : block.end] == expected
    assert sum(trajectory.sampled) == sum(len(turn.action) for turn in trajectory.turns)


def test_messages_in_a_row_are_one_action_and_a_greeting_opens() -> None:
    turns = [
        ("assistant", "hello"),
        ("user", "hi"),
        ("assistant", "let me see"),
        ("assistant", "which ?"),
        ("user", "a"),
    ]
    opening, (exchange,) = exchanges_of(transcript_of(turns))
    assert [message.content for message in opening] == ["hello", "hi"]
    assert exchange.action.content == "let me see\nwhich ?"
    assert exchange.place == 4


def test_lines_keep_their_numbers_and_half_a_pair_becomes_a_sign(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    said = {
        "messages": [
            {"role": "developer", "content": "\ud800x"},
            {"role": "assistant", "content": [{"type": "text", "text": "y"}]},
        ]
    }
    path.write_text("\n \n" + json.dumps(said))
    blank, spaces, line = read_lines(path)
    assert (blank.blank, spaces.blank, line.number) == (True, True, 3)
    assert read_transcript(line, path).messages[0] == Message(role="system", content="\ufffdx")


def found(*pairs: tuple[str, str]) -> list[int | None]:
    actions = [Message(role="assistant", content=asked) for asked, _ in pairs]
    return repeats(actions, [(Message(role="user", content=told),) for _, told in pairs])


def test_settled_questions_are_found_and_others_are_not() -> None:
    assert found(("Which seat?", "window"), ("And the seat, please?", "window")) == [None, 0]
    assert found(("Which seat?", "I don't know."), ("Which seat?", "window")) == [None, None]
    assert found(("Which seat?", "window"), ("Which meal?", "vegan")) == [None, None]
    assert found(("Which hotel and seat?", "any"), ("Which hotel?", "any")) == [None, 0]
    assert found(("Which hotel?", "any"), ("Which hotel and seat?", "any")) == [None, None]
    assert found(("[search] rome", "x"), ("[answer] rome", "x")) == [None, None]
    assert found(("<think>seat</think>[action] meal ?", "v"), ("<think>no</think>[action] the meal ?", "v")) == [
        None,
        0,
    ]
    assert found(("what?", "x"), ("how?", "y"), ("what?", "z")) == [None, None, 0]
    assert found(("?", "x"), ("?", "y")) == [None, None]


def test_a_gain_decides_about_what_is_repeated_alone() -> None:
    assert is_redundant(None, 0.0, 0.1) is False
    assert is_redundant(3, 0.1, 0.1) is True
    assert is_redundant(3, 0.2, 0.1) is False
    assert is_redundant(3, None, 0.1) is None


def test_the_summary_does_not_grow_with_the_file() -> None:
    tally = ScoreTally()
    for number in range(QUESTIONS + 50):
        reply = {
            "turn": 1,
            "from": "user",
            "question": f"q{number}",
            "reply": "r",
            "gain": 0.01 * number,
            "redundant": False,
        }
        tally.add({"kind": "dialogue", "line": number, "id": "d", "cut": False, "replies": [reply]})
    summary = tally.summary()
    assert (len(summary["questions"]), summary["other_questions"]) == (QUESTIONS, 50)
    assert summary["questions"][0]["question"] == f"q{QUESTIONS - 1}"
    assert summary["top"][0]["gain"] == 0.01 * (QUESTIONS + 49)
    assert len(summary["top"]) == len(summary["bottom"]) == 10


@given(values=st.lists(st.floats(min_value=-19, max_value=19), min_size=1, max_size=50))
def test_quantiles_are_right_to_half_a_bin(values: list[float]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    ordered = sorted(values)
    middle = ordered[(len(values) + 1) // 2 - 1]
    assert abs(histogram.quantile(0.5) - middle) <= 0.5 * histogram.width + 1e-9
