"""Golden cases of IGPO in both forms. A turn's value stands on its action and on what answered it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from infopo import algorithms
from infopo.algorithms import CreditBatch
from infopo.algorithms.belief_gains import BELIEF_KINDS, belief_gains
from infopo.algorithms.igpo import IGPOOptions, curriculum, turn_advantages, turn_scores
from infopo.algorithms.igpo_2025 import less_position_mean, rewards_to_go
from infopo.core import Span
from infopo.testing.golden.fixture import Inputs, batch_of, ragged

BOUNDARIES = ("explicit", "released")


def igpo_new(inputs: Inputs) -> dict[str, Any]:
    """The form of 2026. Weights are applied before the normalisation, as released."""
    batch, kind = _batch(inputs)
    changes = {
        "kind": kind,
        "normalisation": inputs.choice("norm_mode", ("joint", "separate")),
        "gamma": inputs.number("gamma", 1.0),
        "zero": "value" if inputs.choice("boundaries", BOUNDARIES, "released") == "explicit" else "missing",
        "weigh": "before",
        "outcome_weight": inputs.number("w_f1", 1.0),
        "gain_weight": inputs.number("w_ig", 1.0),
        "epsilon": inputs.number("eps", IGPOOptions().epsilon),
    }
    options = IGPOOptions(**changes)
    scores, boundaries = turn_scores(batch, options)
    advantages = turn_advantages(scores, boundaries, options.gamma)
    return _tokens(inputs, batch, kind) | {
        "normalised": _at_ends(inputs, batch, scores),
        "advantages_response": _on_turns(inputs, batch, advantages),
        "advantages_trainable": algorithms.get("igpo", **changes).credit(batch).advantages,
    }


def igpo_old(inputs: Inputs) -> dict[str, Any]:
    """The form of 2025."""
    batch, kind = _batch(inputs)
    inputs.number("eps", 0.0)  # stated in every case; this form divides by nothing
    found = _tokens(inputs, batch, kind)
    returns = rewards_to_go(found["token_rewards"])
    attended = _on_turns(inputs, batch, np.ones_like(batch.signals["belief"])) > 0
    return found | {
        "returns": returns,
        "advantages_response": np.where(attended, less_position_mean(batch.group, returns), 0.0),
        "advantages_trainable": algorithms.get("igpo-2025", kind=kind).credit(batch).advantages,
    }


def igpo_curriculum(inputs: Inputs) -> dict[str, Any]:
    """Weights by step."""
    total = inputs.number("total_steps")
    ends = {name: (inputs.number(f"{name}_init"), inputs.number(f"{name}_final")) for name in ("f1", "ig")}
    steps = inputs.array("steps")
    return {name: [curriculum(step / total, *pair) for step in steps] for name, pair in ends.items()}


def _batch(inputs: Inputs) -> tuple[CreditBatch, Any]:
    beliefs = inputs.get("mean_logp_answer")
    return batch_of(inputs, outcome=inputs.get("f1"), signals={"belief": beliefs}), inputs.choice("kind", BELIEF_KINDS)


def _tokens(inputs: Inputs, batch: CreditBatch, kind: Any) -> dict[str, Any]:
    """Gains by turn, and every reward on the last token of its turn."""
    gains, _ = belief_gains(batch, kind, name="golden")
    rewards = gains.copy()
    for row, spans in enumerate(batch.action_spans):
        rewards[row, len(spans) - 1] = batch.outcome[row]
    scored = [spans[:-1] for spans in batch.action_spans]
    return {"turn_gain": ragged(gains, scored), "token_rewards": _at_ends(inputs, batch, rewards)}


def _turns(inputs: Inputs, batch: CreditBatch) -> list[list[Span]]:
    """Each action together with what answered it."""
    widths = [[sum(pair) for pair in row] for row in inputs.shared("turns_action_obs")]
    return [
        [Span(start=span.start, end=span.start + int(width)) for span, width in zip(spans, row, strict=True)]
        for spans, row in zip(batch.action_spans, widths, strict=True)
    ]


def _at_ends(inputs: Inputs, batch: CreditBatch, values: Any) -> Any:
    found = np.zeros(batch.sampled.shape)
    for row, spans in enumerate(_turns(inputs, batch)):
        for turn, span in enumerate(spans):
            found[row, span.end - 1] = values[row, turn]
    return found


def _on_turns(inputs: Inputs, batch: CreditBatch, values: Any) -> Any:
    found = np.zeros(batch.sampled.shape)
    for row, spans in enumerate(_turns(inputs, batch)):
        for turn, span in enumerate(spans):
            found[row, span.start : span.end] = values[row, turn]
    return found


HANDLERS: Mapping[str, Any] = {"igpo_new": igpo_new, "igpo_old": igpo_old, "igpo_curriculum": igpo_curriculum}
