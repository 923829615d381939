"""How a policy went about it: what it asked, when it acted, what it cost. From `TurnFacts`, which are never rendered.

Of the turns of an episode, `ask` is talk; `search`, `act` and `finish` are action (`act` and `finish` commit, `search`
does not); `invalid` is neither. Worked example, three hidden facts::

    turn  1 ask     reveals one        useful
          2 ask     the same again     repeated
          3 act     two facts hidden   -> premature
          4 ask     reveals nothing    useless
          5 finish

    questions 3, of which 1 repeated and 1 useless; per hidden fact 3 / 3 = 1; last question in turn 4; talk to
    act 3 / 2; of the 3 x 2 pairs (question, action) the question came first in (1,3) (1,5) (2,3) (2,5) (4,5): 5 / 6.

What cannot be measured is None, which is not 0: an environment that tells no facts, an episode without a question.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from infopo.core import Trajectory, TurnFacts

Gains = Sequence[Sequence[float | None]]  # of each episode, one number a turn; None: not measured
COMMITTING = ("act", "finish")
ACTIONS = ("search", *COMMITTING)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnGains:
    """The information gain of one turn (the first is 1): mean over the `n` episodes where it was measured."""

    turn: int
    n: int
    mean: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """Figures over the episodes with an outcome. Means over episodes; shares and ratios are of sums over episodes.

    `questions` an episode. `questions_per_hidden`: questions over hidden facts, episodes that hide something.
    `repeated_share`, `useless_share`: of the questions, those that had been answered, and those besides that brought
    nothing. `premature_rate`: of the episodes that hide something and commit themselves (act or finish), those whose
    first commitment came with a fact still hidden. `last_question_turn`: mean over the episodes that ask; the first
    turn is 1. `clarify_then_act`: of all pairs of a question and an action in an episode, the share with the question
    first, averaged over the episodes that have both; 1 is first everything asked, then acted, 0 the reverse.
    `talk_to_act`: questions over actions. `invalid_share`: of all turns that the environment judged. `tokens_per_turn`:
    tokens that the policy wrote, of episodes that record its own. `gain_by_turn`: None unless gains were measured.
    """

    episodes: int
    questions: float | None
    questions_per_hidden: float | None
    repeated_share: float | None
    useless_share: float | None
    premature_rate: float | None
    last_question_turn: float | None
    clarify_then_act: float | None
    talk_to_act: float | None
    invalid_share: float | None
    tokens_per_turn: float | None
    gain_by_turn: tuple[TurnGains, ...] | None = None

    def data(self) -> dict[str, Any]:
        """As JSON."""
        data = asdict(self)
        if self.gain_by_turn is not None:
            data["gain_by_turn"] = [asdict(turn) for turn in self.gain_by_turn]
        return data


def behaviour(trajectories: Sequence[Trajectory], *, gains: Gains | None = None) -> Behaviour:
    """The behaviour in these episodes; broken ones are left out. `gains`, one list an episode, in the same order.

    Raises `ValueError` where gains do not fit the turns.
    """
    if gains is not None and [len(one) for one in gains] != [len(t.turns) for t in trajectories]:
        raise ValueError("gains need one number for every turn of every episode")
    counted = [trajectory for trajectory in trajectories if trajectory.failure is None]
    told = [trajectory for trajectory in counted if has_facts(trajectory)]
    facts = [fact for trajectory in told for _, fact in judged(trajectory)]
    asked = [fact for fact in facts if fact.kind == "ask"]
    hiding = [trajectory for trajectory in told if trajectory.hidden]
    committed = [early for early in map(premature, hiding) if early is not None]
    last = [turns[-1] for turns in (_turns(t, ("ask",)) for t in told) if turns]
    order = [index for index in map(clarify_then_act, told) if index is not None]
    written = [len(turn.action) for trajectory in counted if _own_tokens(trajectory) for turn in trajectory.turns]
    return Behaviour(
        episodes=len(counted),
        questions=_ratio(len(asked), len(told)),
        questions_per_hidden=_ratio(
            sum(len(_turns(t, ("ask",))) for t in hiding), sum(len(trajectory.hidden) for trajectory in hiding)
        ),
        repeated_share=_ratio(sum(fact.repeated for fact in asked), len(asked)),
        useless_share=_ratio(sum(map(_useless, asked)), len(asked)),
        premature_rate=_ratio(sum(committed), len(committed)),
        last_question_turn=_ratio(sum(last), len(last)),
        clarify_then_act=_ratio(sum(order), len(order)),
        talk_to_act=_ratio(len(asked), sum(fact.kind in ACTIONS for fact in facts)),
        invalid_share=_ratio(sum(fact.kind == "invalid" for fact in facts), len(facts)),
        tokens_per_turn=_ratio(sum(written), len(written)),
        gain_by_turn=None if gains is None else gain_by_turn(trajectories, gains),
    )


def has_facts(trajectory: Trajectory) -> bool:
    """Whether the environment says what the actions were; one that never does has no behaviour to measure."""
    return any(turn.facts is not None for turn in trajectory.turns)


def judged(trajectory: Trajectory) -> list[tuple[int, TurnFacts]]:
    """The turns whose action the environment judged: number, counted from 1, and facts."""
    return [(number, turn.facts) for number, turn in enumerate(trajectory.turns, 1) if turn.facts is not None]


def premature(trajectory: Trajectory) -> bool | None:
    """Whether a hidden fact had not come to light when the policy first committed itself; None where it never did."""
    open_facts = set(trajectory.hidden)
    for _, fact in judged(trajectory):
        if fact.kind in COMMITTING:
            return bool(open_facts)
        open_facts -= set(fact.revealed)
    return None


def clarify_then_act(trajectory: Trajectory) -> float | None:
    """Of all pairs (question, action), the share with the question first; None without either."""
    questions, actions = _turns(trajectory, ("ask",)), _turns(trajectory, ACTIONS)
    first = sum(question < action for question in questions for action in actions)
    return _ratio(first, len(questions) * len(actions))


def gain_by_turn(trajectories: Sequence[Trajectory], gains: Gains) -> tuple[TurnGains, ...]:
    """Mean gain of each turn over the episodes where it was measured; turns without any are left out."""
    columns: dict[int, list[float]] = {}
    for trajectory, values in zip(trajectories, gains, strict=True):
        if trajectory.failure is not None:
            continue
        for number, value in enumerate(values, 1):
            if value is not None:
                columns.setdefault(number, []).append(value)
    return tuple(
        TurnGains(turn=turn, n=len(found), mean=sum(found) / len(found)) for turn, found in sorted(columns.items())
    )


def _turns(trajectory: Trajectory, kinds: Sequence[str]) -> list[int]:
    return [number for number, fact in judged(trajectory) if fact.kind in kinds]


def _own_tokens(trajectory: Trajectory) -> bool:
    """Whether the recorded tokens are the policy's: those of a hosted model are bytes, without log-probabilities."""
    return any(value is not None for value in trajectory.logprobs)


def _useless(fact: TurnFacts) -> bool:
    return not (fact.repeated or fact.useful or fact.revealed)


def _ratio(total: float, count: int) -> float | None:
    return total / count if count else None
