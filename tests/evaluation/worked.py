"""Episodes written out by hand, for tests of numbers."""

from infopo.core import Failure, Group, Message, Outcome, Span, StopReason, Trajectory, Turn, TurnFacts


def episode(
    *facts: TurnFacts | None,
    success: bool | None = True,
    score: float | None = None,
    hidden: tuple[str, ...] = (),
    task: str = "t0",
    env: str = "toy/slots",
    width: int = 2,
    hosted: bool = False,
) -> Trajectory:
    """An episode with one action of `width` tokens a turn; `success` None: it broke in step. `hosted`: by a model
    that shows no log-probabilities."""
    length = width * len(facts)
    failure = Failure(kind="timeout", where="step", detail="") if success is None else None
    outcome = None if success is None else Outcome(score=float(success) if score is None else score, success=success)
    return Trajectory(
        env=env,
        task_id=task,
        group_id=task,
        episode=0,
        seed=0,
        policy_version=0,
        messages=tuple(Message(role="assistant", content="x") for _ in facts),
        token_ids=(1,) * length,
        sampled=(True,) * length,
        logprobs=(None if hosted else -1.0,) * length,
        turns=tuple(
            Turn(action=Span(start=width * number, end=width * (number + 1)), action_message=number, facts=fact)
            for number, fact in enumerate(facts)
        ),
        outcome=outcome,
        stop_reason=StopReason.FAILED if success is None else StopReason.DONE,
        failure=failure,
        hidden=hidden,
    )


def tasks(*verdicts: str) -> list[Group]:
    """One group a word: `+` an episode that succeeded, `-` one that did not, `!` one that broke."""
    kinds = {"+": True, "-": False, "!": None}
    return [
        Group(
            group_id=f"t{number}",
            trajectories=tuple(
                episode(TurnFacts(kind="finish"), success=kinds[one], task=f"t{number}") for one in word
            ),
        )
        for number, word in enumerate(verdicts)
    ]
