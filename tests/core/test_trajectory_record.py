"""Trajectories through a record line and back, and the published JSON schemas."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infopo.core import (
    Failure,
    Message,
    Outcome,
    RecordError,
    Span,
    StopReason,
    ToolCall,
    Trajectory,
    Turn,
    TurnFacts,
    decode_line,
    encode_line,
    trajectory_from_record,
    trajectory_to_record,
)

FORMATS = Path(__file__).parents[2] / "docs" / "formats"
TEXT = st.text(max_size=12)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
OPTIONAL = st.none() | FINITE
COUNT = st.integers(0, 2**62)


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((FORMATS / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


RECORD, TRAJECTORY, METRICS = validator("record"), validator("trajectory"), validator("metrics")


@st.composite
def spans(draw: st.DrawFn) -> Span:
    start = draw(st.integers(0, 50))
    return Span(start=start, end=start + draw(st.integers(0, 20)))


TOOL_CALLS = st.builds(ToolCall, id=TEXT, name=TEXT, arguments=TEXT)
MESSAGES = st.builds(
    Message,
    role=st.sampled_from(["system", "user", "assistant", "tool"]),
    content=TEXT,
    tool_calls=st.lists(TOOL_CALLS, max_size=2).map(tuple),
    tool_call_id=st.none() | TEXT,
    name=st.none() | TEXT,
)
FACTS = st.builds(
    TurnFacts,
    kind=st.sampled_from(["ask", "search", "act", "finish", "invalid"]),
    revealed=st.lists(TEXT, max_size=2).map(tuple),
    repeated=st.booleans(),
    useful=st.booleans(),
)
TURNS = st.builds(
    Turn,
    action=spans(),
    observation=st.lists(spans(), max_size=2).map(tuple),
    observation_block=st.none() | spans(),
    action_message=st.integers(0, 9),
    reward=OPTIONAL,
    feedback_kind=st.sampled_from(["user", "tool", "env", "none"]),
    state_key=st.none() | TEXT,
    facts=st.none() | FACTS,
    complete=st.booleans(),
)


@st.composite
def trajectories(draw: st.DrawFn) -> Trajectory:
    tokens = draw(st.lists(st.tuples(st.integers(0, 200_000), st.booleans(), OPTIONAL), max_size=8))
    failure = draw(st.none() | st.builds(Failure, kind=TEXT, where=TEXT, detail=TEXT))
    outcome = st.builds(Outcome, score=st.floats(0, 1), success=st.booleans(), sandbox=st.none() | TEXT)
    return Trajectory(
        env=draw(TEXT),
        task_id=draw(TEXT),
        group_id=draw(TEXT),
        episode=draw(COUNT),
        seed=draw(COUNT),
        policy_version=draw(COUNT),
        messages=tuple(draw(st.lists(MESSAGES, max_size=3))),
        token_ids=tuple(token for token, _, _ in tokens),
        sampled=tuple(sampled for _, sampled, _ in tokens),
        logprobs=tuple(logprob if sampled else None for _, sampled, logprob in tokens),
        turns=tuple(draw(st.lists(TURNS, max_size=3))),
        outcome=None if failure else draw(outcome),
        stop_reason=draw(st.sampled_from(StopReason)),
        failure=failure,
        hidden=tuple(draw(st.lists(TEXT, max_size=2))),
        reference_answer=draw(st.none() | TEXT),
    )


@settings(deadline=None)
@given(trajectories(), st.data())
def test_a_trajectory_survives_the_line_and_fits_the_schema(trajectory: Trajectory, draw: st.DataObject) -> None:
    numbers = st.none() | st.lists(OPTIONAL, min_size=len(trajectory.turns), max_size=len(trajectory.turns))
    gains, advantages = draw.draw(numbers), draw.draw(numbers)
    record = trajectory_to_record(trajectory, run="r", step=3, gains=gains, advantages=advantages)
    line = encode_line(record)
    RECORD.validate(json.loads(line))
    TRAJECTORY.validate(record)
    data = decode_line(line)
    assert trajectory_from_record(data) == trajectory
    assert [turn["gain"] for turn in data["turns"]] == (gains or [None] * len(trajectory.turns))
    assert [turn["advantage"] for turn in data["turns"]] == (advantages or [None] * len(trajectory.turns))


def example(**changes: Any) -> Trajectory:
    fields: dict[str, Any] = {
        "env": "toy/slots",
        "task_id": "t1",
        "group_id": "g1",
        "episode": 0,
        "seed": 7,
        "policy_version": 2,
        "messages": (Message(role="user", content="guess"), Message(role="assistant", content="red")),
        "token_ids": (5, 6, 7),
        "sampled": (False, True, True),
        "logprobs": (None, -0.5, -1.0),
        "turns": (Turn(action=Span(start=1, end=3), action_message=1, reward=0.0),),
        "outcome": Outcome(score=0.5, success=False),
        "stop_reason": StopReason.DONE,
        "hidden": ("color",),
        "reference_answer": "red",
    }
    return Trajectory(**{**fields, **changes})


def test_the_fields_are_the_published_ones_in_order() -> None:
    record = trajectory_to_record(example(), run="r", step=3, gains=[0.25], advantages=None)
    assert record == {
        "run": "r",
        "step": 3,
        "env": "toy/slots",
        "task_id": "t1",
        "group_id": "g1",
        "episode": 0,
        "seed": 7,
        "policy_version": 2,
        "messages": [{"role": "user", "content": "guess"}, {"role": "assistant", "content": "red"}],
        "token_ids": [5, 6, 7],
        "sampled": [0, 1, 1],
        "logprobs": [None, -0.5, -1.0],
        "turns": [
            {
                "action": [1, 3],
                "observation": [],
                "observation_block": None,
                "action_message": 1,
                "reward": 0.0,
                "feedback_kind": "none",
                "facts": None,
                "gain": 0.25,
                "advantage": None,
                "state_key": None,
                "complete": True,
            }
        ],
        "score": 0.5,
        "success": False,
        "stop_reason": "done",
        "failure": None,
        "private": {"hidden": ["color"], "reference_answer": "red"},
    }
    assert list(record) == [name for name in TRAJECTORY.schema["properties"] if name != "sandbox"]
    assert sorted(record) == sorted(TRAJECTORY.schema["required"])


def test_numbers_that_do_not_fit_the_trajectory_are_refused() -> None:
    with pytest.raises(ValueError, match="t1: 2 gains for 1 turns"):
        trajectory_to_record(example(), run="r", step=0, gains=[1.0, 2.0], advantages=None)
    with pytest.raises(ValueError, match="token 0 was not sampled"):
        trajectory_to_record(example(logprobs=(0.0, -0.5, -1.0)), run="r", step=0, gains=None, advantages=None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"turns": [{}]}, "'facts' is missing"),
        ({"sampled": [1]}, "need one length"),
        ({"score": None, "success": None}, "either an outcome or a failure"),
        ({"stop_reason": "tired"}, "tired"),
        ({"failure": {"kind": "x"}}, "not a trajectory record"),
        ({"private": None}, "not a trajectory record"),
    ],
)
def test_a_record_that_is_no_trajectory_is_refused(change: dict, message: str) -> None:
    record = trajectory_to_record(example(), run="r", step=0, gains=None, advantages=None)
    with pytest.raises(RecordError, match=message):
        trajectory_from_record({**record, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"score": 1.5},
        {"score": None},
        {"sampled": [True]},
        {"extra": 1},
        {"failure": {"kind": "timeout", "where": "step", "detail": ""}},
        {"messages": [{"role": "robot", "content": ""}]},
    ],
)
def test_the_trajectory_schema_refuses(change: dict) -> None:
    record = trajectory_to_record(example(), run="r", step=0, gains=None, advantages=None)
    TRAJECTORY.validate(record)
    assert not TRAJECTORY.is_valid({**record, **change})


def test_the_metrics_and_record_schemas() -> None:
    METRICS.validate({"step": 0, "run": "r", "kind": "train", "loss": -0.5, "gate": None, "skipped": False})
    assert not METRICS.is_valid({"loss": 1.0})
    assert not METRICS.is_valid({"step": -1})
    assert not METRICS.is_valid({"step": 1, "loss": "high"})
    assert not METRICS.is_valid({"step": 1, "nested": {"loss": 1.0}})
    assert not RECORD.is_valid({"v": 2, "crc": 0, "data": {}})
