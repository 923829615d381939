"""Every method against the exact policy gradient: what theory says of it, what its code computes, as a table.

A new row is one `Case` in `CASES`. `docs/methods.md` holds `tables()`; `benchmarks/exact_gradients.py` prints it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any, Literal

import numpy as np

from infopo import algorithms
from infopo.algorithms import LossConfig, Method
from infopo.algorithms.base import Floats
from infopo.algorithms.filters import GroupFilter, kept_groups
from infopo.testing.exact_gradients import World, expected_gradient, toy_world

EXACT = 1e-9  # a bias below it is none: sums of some thousand numbers in float64
SUM = LossConfig(aggregation="seq-mean-token-sum")
TOGETHER = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row: a method under options, and what theory says of its expected update before anything is computed.

    `factor`: the update is this multiple of the exact gradient (over the chance of a group that filter `dynamic` keeps,
    where that is the rule); None: it has another direction, for the reason `why`. `right_or_wrong`: outcomes are 1 for
    a right guess and else 0. `critic`: what the exact values predict. `whole_batch`: the method has statistics over a
    whole batch, so that groups must not share one here.
    """

    method: str
    options: dict[str, Any] = field(default_factory=dict)
    why: str
    factor: Fraction | float | None = None
    loss: LossConfig = SUM
    rule: GroupFilter | None = None
    size: int = 3
    right_or_wrong: bool = False
    critic: Literal["outcome", "turns"] = "outcome"
    whole_batch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """An expected update beside the exact gradient g: its `factor` along g, its `cosine` to g, and the `bias`.

    `bias`: the norm of what is left of the update without the multiple of g that theory gives, or, where it gives none,
    without the measured one; in units of the norm of g.
    """

    factor: float
    cosine: float
    bias: float


CASES = (
    Case(method="grpo", why="each group is divided by its own deviation: groups that vary little count more"),
    Case(
        method="grpo",
        right_or_wrong=True,
        factor=2 / 3 / (math.sqrt(1 / 3) + 1e-6),
        why="of three outcomes 0 or 1, not all equal, the deviation is always the same",
    ),
    Case(method="grpo", right_or_wrong=True, size=4, why="one of four right and two of four right vary differently"),
    Case(
        method="grpo",
        right_or_wrong=True,
        rule=GroupFilter(kind="dynamic"),
        factor=2 / 3 / (math.sqrt(1 / 3) + 1e-6),
        why="groups of equal outcomes would have had no update: to leave them out is a longer step",
    ),
    Case(method="grpo", rule=GroupFilter(kind="std"), why="groups that vary most are learnt from most often"),
    Case(
        method="grpo", loss=LossConfig(), why="and the weight of a token depends on how long the group's episodes are"
    ),
    Case(method="infopo", options={"beta": 0.0}, why="GRPO"),
    Case(method="infopo", why="GRPO, and the gain pays what it pays, whatever the outcome"),
    Case(method="infopo", loss=LossConfig(), why="GRPO under the same mean, and the gain"),
)


@cache
def world(right_or_wrong: bool = False, critic: Literal["outcome", "turns"] = "outcome") -> World:
    """The world of a case."""
    return toy_world(told=0.0, right=1.0, critic=critic) if right_or_wrong else toy_world(critic=critic)


def update(case: Case) -> Floats:
    """The expected update `[P]` of a case."""
    return expected_gradient(
        world(case.right_or_wrong, case.critic),
        method_of(case),
        case.loss,
        size=case.size,
        rule=case.rule,
        together=1 if case.whole_batch else TOGETHER,
    )


def method_of(case: Case) -> Method:
    """The method of a case."""
    return algorithms.get(case.method, **case.options)


def predicted(case: Case) -> float | None:
    """The multiple of the exact gradient that theory gives a case; None where it gives none."""
    if case.factor is None or case.rule is None:
        return None if case.factor is None else float(case.factor)
    groups, chances = world(case.right_or_wrong).groups(case.size)
    outcomes = world(case.right_or_wrong).everything.outcome[groups]
    return float(case.factor) / float(chances[kept_groups(case.rule, list(outcomes))].sum())


def measure(case: Case) -> Measured:
    """The expected update of a case beside the exact gradient of its world."""
    exact, found, theory = world(case.right_or_wrong).gradient(), update(case), predicted(case)
    length = float(np.linalg.norm(exact))
    factor = float(found @ exact) / length**2
    rest = found - (factor if theory is None else theory) * exact
    return Measured(
        factor=factor,
        cosine=float(found @ exact) / (length * float(np.linalg.norm(found))),
        bias=float(np.linalg.norm(rest)) / length,
    )


@cache
def measured() -> tuple[Measured, ...]:
    """`measure` of every case in `CASES`."""
    return tuple(measure(case) for case in CASES)


def tables() -> str:
    """Both tables of `docs/methods.md`, in Markdown."""
    return "\n".join([*_cases(), "", *_gain_term()])


def _cases() -> Iterator[str]:
    yield "| method | options | setting | theory | factor | cosine | bias | because |"
    yield "|---|---|---|---|---|---|---|---|"
    for case, found in zip(CASES, measured(), strict=True):
        bias = "< 1e-9" if found.bias < EXACT else f"{found.bias:.4f}"
        options = ", ".join(f"{name} {value}" for name, value in case.options.items())
        cells = [case.method, options, _setting(case), _theory(case)]
        yield f"| {' | '.join(cells)} | {found.factor:.4f} | {found.cosine:.4f} | {bias} | {case.why} |"


def _setting(case: Case) -> str:
    parts = [f"n {case.size}", case.loss.aggregation]
    if case.loss.aggregation == "seq-mean-token-sum-norm":
        parts[-1] += f" {case.loss.normaliser_length}"
    if case.rule is not None:
        parts.append(f"filter {case.rule.kind}")
    if case.right_or_wrong:
        parts.append("outcome 0 or 1")
    return ", ".join(parts)


def _theory(case: Case) -> str:
    if case.factor is None:
        return "biased"
    if case.factor == 1 and case.rule is None:
        return "unbiased"
    size = str(case.factor) if isinstance(case.factor, Fraction) else f"{case.factor:.4f}"
    return f"scaled by {size}" + ("" if case.rule is None else " / chance to be kept")


def _gain_term() -> Iterator[str]:
    """What InfoPO adds to GRPO as the gate closes, where outcomes differ and where all are 0."""
    yield "| gate temperature | groups with different outcomes: InfoPO less GRPO | all failed: GRPO | all failed: InfoPO |"
    yield "|---|---|---|---|"
    for temperature in (0.5, 0.2, 0.1, 0.05, 0.02):
        mixed, plain, failed = gain_term(temperature)
        yield f"| {temperature} | {mixed:.2e} | {plain:.0f} | {failed:.2e} |"


@cache
def gain_term(temperature: float) -> tuple[float, float, float]:
    """Norms of expected updates, in units of that of the exact gradient, outcomes 0 or 1, three episodes a group.

    What InfoPO adds to GRPO in groups whose outcomes differ; GRPO's update in groups that failed altogether; InfoPO's.
    """
    chosen, plain = world(right_or_wrong=True), algorithms.get("grpo")
    infopo = algorithms.get("infopo", gate_temperature=temperature)

    def found(method: Method, failed: bool) -> Floats:
        where = (lambda outcomes: not outcomes.any()) if failed else (lambda outcomes: np.ptp(outcomes) > 0)
        return expected_gradient(chosen, method, SUM, where=where, together=TOGETHER)

    parts = (found(infopo, False) - found(plain, False), found(plain, True), found(infopo, True))
    unit = float(np.linalg.norm(chosen.gradient()))
    mixed, none, failed = (float(np.linalg.norm(part)) / unit for part in parts)
    return mixed, none, failed
