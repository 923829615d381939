"""Every method against the exact policy gradient: what theory says of it beside what its code computes.

`docs/methods.md` holds `tables()`; `benchmarks/exact_gradients.py` prints it. Rows: `exact_gradient_cases.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any, Literal

import numpy as np

from infopo import algorithms
from infopo.algorithms import Credit, CreditBatch, Method
from infopo.algorithms.base import Floats
from infopo.algorithms.filters import kept_groups
from infopo.testing.exact_gradient_cases import CASES, SUM, Case
from infopo.testing.exact_gradients import World, expected_gradient, toy_world

EXACT = 1e-9  # a bias below it is none: sums of some thousand numbers in float64
TOGETHER = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """An expected update beside the exact gradient g: its `factor` along g, its `cosine` to g, and the `bias`.

    `bias`: the norm of what is left of the update without the multiple of g that theory gives, or, where it gives none,
    without the measured one; in units of the norm of g.
    """

    factor: float
    cosine: float
    bias: float


@cache
def world(binary: bool = False, critic: Literal["outcome", "turns"] = "outcome", information: bool = False) -> World:
    """The world of a case."""
    if information:
        return toy_world(told=0.0, right=0.0, gain="marginal")
    return toy_world(told=0.0, right=1.0, critic=critic) if binary else toy_world(critic=critic)


def update(case: Case) -> Floats:
    """The expected update `[P]` of a case."""
    return expected_gradient(
        world(case.binary, case.critic, case.information),
        method_of(case),
        case.loss,
        size=case.size,
        rule=case.rule,
        together=1 if case.whole_batch else TOGETHER,
    )


def method_of(case: Case) -> Method:
    """The method of a case, under its options and with its changes."""
    method = algorithms.get(case.method, **case.options)

    def credit(batch: CreditBatch) -> Credit:
        if case.silent:
            nothing = {name: np.zeros_like(mask) for name, mask in batch.signal_masks.items()}
            batch = replace(batch, signal_masks=nothing)
        found = method.credit(batch)
        if not case.unwhitened:
            return found
        if found.returns is None or batch.values is None:
            raise ValueError(f"{case.method} has no critic")
        return replace(found, advantages=found.returns - batch.values)

    return replace(method, credit=credit)


def predicted(case: Case) -> float | None:
    """The multiple of the exact gradient that theory gives a case; None where it gives none."""
    if case.factor is None or case.rule is None:
        return None if case.factor is None else float(case.factor)
    groups, chances = world(case.binary).groups(case.size)
    outcomes = world(case.binary).everything.outcome[groups]
    return float(case.factor) / float(chances[kept_groups(case.rule, list(outcomes))].sum())


def measure(case: Case) -> Measured:
    """The expected update of a case beside the exact gradient of its world."""
    informed = world(information=True)
    exact = informed.gradient_of(informed.information) if case.information else world(case.binary).gradient()
    found, theory = update(case), predicted(case)
    length = float(np.linalg.norm(exact))
    factor = float(found @ exact) / length**2
    rest = found - (factor if theory is None else theory) * exact
    return Measured(
        factor=factor,
        cosine=float(found @ exact) / (length * float(np.linalg.norm(found))),
        bias=float(np.linalg.norm(rest)) / length,
    )


@cache
def measured(index: int) -> Measured:
    """`measure` of one of `CASES`, once a process."""
    return measure(CASES[index])


def tables() -> tuple[str, str]:
    """The tables of `docs/methods.md`, in Markdown: every case, and what InfoPO adds to GRPO."""
    return "\n".join(_cases()), "\n".join(_gain_term())


def _cases() -> Iterator[str]:
    yield "| method | options | setting | theory | factor | cosine | bias | because |"
    yield "|---|---|---|---|---|---|---|---|"
    for index, case in enumerate(CASES):
        found = measured(index)
        options = ", ".join(f"{name} {_value(value)}" for name, value in case.options.items())
        cells = [case.method, options, _setting(case), _theory(case)]
        yield f"| {' | '.join(cells)} | {found.factor:.4f} | {found.cosine:.4f} | {_size(found.bias)} | {case.why} |"


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _setting(case: Case) -> str:
    parts = [f"n {case.size}", case.loss.aggregation]
    if case.loss.aggregation == "seq-mean-token-sum-norm":
        parts[-1] += f" {case.loss.normaliser_length}"
    if case.rule is not None:
        parts.append(f"filter {case.rule.kind}")
    named = {"outcome 0 or 1": case.binary, "before whitening": case.unwhitened, "nothing measured": case.silent}
    named["all failed, exact gains; against the gradient of information"] = case.information
    parts += [name for name, there in named.items() if there]
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
    yield "| gate temperature | outcomes differ: InfoPO less GRPO | all failed: GRPO | all failed: InfoPO |"
    yield "|---|---|---|---|"
    for temperature in (0.5, 0.2, 0.1, 0.05, 0.02):
        yield f"| {temperature} | {' | '.join(_size(norm) for norm in gain_term(temperature))} |"


def _size(norm: float) -> str:
    return "0" if norm == 0 else "< 1e-9" if norm < EXACT else f"{norm:.1e}" if norm < 1e-3 else f"{norm:.4f}"


@cache
def gain_term(temperature: float) -> tuple[float, float, float]:
    """Norms of expected updates, in units of that of the exact gradient, outcomes 0 or 1, three episodes a group.

    What InfoPO adds to GRPO in groups whose outcomes differ; GRPO's update in groups that failed altogether; InfoPO's.
    """
    chosen, plain = world(binary=True), algorithms.get("grpo")
    infopo = algorithms.get("infopo", gate_temperature=temperature)

    def found(method: Method, failed: bool) -> Floats:
        where = (lambda outcomes: not outcomes.any()) if failed else (lambda outcomes: np.ptp(outcomes) > 0)
        return expected_gradient(chosen, method, SUM, where=where, together=TOGETHER)

    parts = (found(infopo, False) - found(plain, False), found(plain, True), found(infopo, True))
    unit = float(np.linalg.norm(chosen.gradient()))
    mixed, none, failed = (float(np.linalg.norm(part)) / unit for part in parts)
    return mixed, none, failed
