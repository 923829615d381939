"""A trajectory as the data of a record, and back. Field list: `docs/formats/trajectory.schema.json`."""

from collections.abc import Sequence
from typing import Any

from infopo.core.records import RecordError
from infopo.core.types import Failure, Message, Outcome, Span, StopReason, ToolCall, Trajectory, Turn, TurnFacts

Numbers = Sequence[float | None]


def trajectory_to_record(
    trajectory: Trajectory, *, run: str, step: int, gains: Numbers | None, advantages: Numbers | None
) -> dict[str, Any]:
    """The data of one line of `trajectories.jsonl`, ready for `encode_line`.

    `gains` and `advantages` hold one number a turn; None, for a turn or as a whole, means not measured, which is
    not zero. Messages use the OpenAI chat format. What the policy must never see is under `private`. Raises
    `ValueError` where the numbers do not fit the turns, or a token that was not sampled has a log-probability.
    """
    for k, (sampled, logprob) in enumerate(zip(trajectory.sampled, trajectory.logprobs, strict=True)):
        if logprob is not None and not sampled:
            raise ValueError(f"task {trajectory.task_id}: token {k} was not sampled but has a log-probability")
    turn_gains = _one_per_turn("gains", gains, trajectory)
    turn_advantages = _one_per_turn("advantages", advantages, trajectory)
    outcome, failure = trajectory.outcome, trajectory.failure
    sandbox = {} if outcome is None or outcome.sandbox is None else {"sandbox": outcome.sandbox}
    return {
        "run": run,
        "step": step,
        "env": trajectory.env,
        "task_id": trajectory.task_id,
        "group_id": trajectory.group_id,
        "episode": trajectory.episode,
        "seed": trajectory.seed,
        "policy_version": trajectory.policy_version,
        "messages": [message_to_data(message) for message in trajectory.messages],
        "token_ids": [int(token) for token in trajectory.token_ids],
        "sampled": [int(flag) for flag in trajectory.sampled],
        "logprobs": [_number(value) for value in trajectory.logprobs],
        "turns": [
            _turn_to_data(turn, gain, advantage)
            for turn, gain, advantage in zip(trajectory.turns, turn_gains, turn_advantages, strict=True)
        ],
        "score": None if outcome is None else float(outcome.score),
        "success": None if outcome is None else bool(outcome.success),
        **sandbox,
        "stop_reason": trajectory.stop_reason.value,
        "failure": None
        if failure is None
        else {"kind": failure.kind, "where": failure.where, "detail": failure.detail},
        "private": {"hidden": list(trajectory.hidden), "reference_answer": trajectory.reference_answer},
    }


def trajectory_from_record(data: dict[str, Any]) -> Trajectory:
    """The trajectory that `trajectory_to_record` wrote; gains and advantages stay in `data["turns"]`.

    Raises `RecordError` naming the field that is missing or does not fit.
    """
    try:
        return Trajectory(
            env=data["env"],
            task_id=data["task_id"],
            group_id=data["group_id"],
            episode=data["episode"],
            seed=data["seed"],
            policy_version=data["policy_version"],
            messages=tuple(message_from_data(message) for message in data["messages"]),
            token_ids=tuple(data["token_ids"]),
            sampled=tuple(bool(flag) for flag in data["sampled"]),
            logprobs=tuple(_number(value) for value in data["logprobs"]),
            turns=tuple(_turn_from_data(turn) for turn in data["turns"]),
            outcome=None
            if data["score"] is None
            else Outcome(score=float(data["score"]), success=data["success"], sandbox=data.get("sandbox")),
            stop_reason=StopReason(data["stop_reason"]),
            failure=None if data["failure"] is None else Failure(**data["failure"]),
            hidden=tuple(data["private"]["hidden"]),
            reference_answer=data["private"]["reference_answer"],
        )
    except KeyError as error:
        raise RecordError(f"not a trajectory record: field {error} is missing") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise RecordError(f"not a trajectory record: {error}") from error


def _one_per_turn(name: str, values: Numbers | None, trajectory: Trajectory) -> Numbers:
    turns = len(trajectory.turns)
    if values is None:
        return [None] * turns
    if len(values) != turns:
        raise ValueError(f"task {trajectory.task_id}: {len(values)} {name} for {turns} turns")
    return values


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def message_to_data(message: Message) -> dict[str, Any]:
    """A message in the OpenAI chat format."""
    data: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        data["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        data["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        data["name"] = message.name
    return data


def message_from_data(data: dict[str, Any]) -> Message:
    """The message that `message_to_data` wrote."""
    return Message(
        role=data["role"],
        content=data["content"],
        tool_calls=tuple(
            ToolCall(id=call["id"], name=call["function"]["name"], arguments=call["function"]["arguments"])
            for call in data.get("tool_calls", ())
        ),
        tool_call_id=data.get("tool_call_id"),
        name=data.get("name"),
    )


def _turn_to_data(turn: Turn, gain: float | None, advantage: float | None) -> dict[str, Any]:
    facts, block = turn.facts, turn.observation_block
    data: dict[str, Any] = {
        "action": _span_to_data(turn.action),
        "observation": [_span_to_data(span) for span in turn.observation],
        "observation_block": None if block is None else _span_to_data(block),
        "action_message": turn.action_message,
        "reward": _number(turn.reward),
        "feedback_kind": turn.feedback_kind,
        "facts": None
        if facts is None
        else {
            "kind": facts.kind,
            "revealed": list(facts.revealed),
            "repeated": facts.repeated,
            "useful": facts.useful,
        },
        "gain": _number(gain),
        "advantage": _number(advantage),
        "state_key": turn.state_key,
        "complete": turn.complete,
    }
    if turn.alternatives is not None:
        data["alternatives"] = [[message_to_data(message) for message in other] for other in turn.alternatives]
    return data


def _turn_from_data(data: dict[str, Any]) -> Turn:
    facts, block, others = data["facts"], data["observation_block"], data.get("alternatives")
    return Turn(
        action=_span_from_data(data["action"]),
        observation=tuple(_span_from_data(span) for span in data["observation"]),
        observation_block=None if block is None else _span_from_data(block),
        action_message=data["action_message"],
        reward=_number(data["reward"]),
        feedback_kind=data["feedback_kind"],
        state_key=data["state_key"],
        facts=None
        if facts is None
        else TurnFacts(
            kind=facts["kind"],
            revealed=tuple(facts["revealed"]),
            repeated=facts["repeated"],
            useful=facts["useful"],
        ),
        complete=data["complete"],
        alternatives=None
        if others is None
        else tuple(tuple(message_from_data(message) for message in other) for other in others),
    )


def _span_to_data(span: Span) -> list[int]:
    return [span.start, span.end]


def _span_from_data(data: list[int]) -> Span:
    start, end = data
    return Span(start=start, end=end)
