"""Golden cases of the methods that compare outcomes inside a group."""

from collections.abc import Mapping
from typing import Any

from infopo import algorithms
from infopo.algorithms import CreditBatch, GRPOOptions
from infopo.algorithms.group_stats import members, moments
from infopo.algorithms.multi_turn import multi_turn
from infopo.algorithms.turn_values import paid_turns
from infopo.algorithms.userrl import UserRLOptions
from infopo.testing.golden.fixture import Inputs, batch_of, ragged


def grpo(inputs: Inputs) -> dict[str, Any]:
    """GRPO, or Dr. GRPO where the case divides by no deviation."""
    epsilon = inputs.number("eps", GRPOOptions().epsilon)
    if inputs.flag("norm_by_std", True):
        return _outcome_case(inputs, "grpo", singleton="pass", epsilon=epsilon)
    return _outcome_case(inputs, "dr-grpo", singleton="pass")


def dr_grpo(inputs: Inputs) -> dict[str, Any]:
    """Dr. GRPO, or GRPO where the case divides by the deviation."""
    epsilon = inputs.number("eps", GRPOOptions().epsilon)
    if inputs.flag("norm_by_std", False):
        return _outcome_case(inputs, "grpo", singleton="pass", epsilon=epsilon)
    return _outcome_case(inputs, "dr-grpo", singleton="pass")


def rloo(inputs: Inputs) -> dict[str, Any]:
    """RLOO."""
    return _outcome_case(inputs, "rloo", singleton="pass")


def reinforce_pp_baseline(inputs: Inputs) -> dict[str, Any]:
    """REINFORCE++ with the mean of the group as baseline."""
    return _outcome_case(inputs, "reinforce++", baseline="group", singleton="pass")


def multiturn_outcome(inputs: Inputs) -> dict[str, Any]:
    """The multi-turn GRPO of UserRL and of InfoPO's released code."""
    score = inputs.choice("score_method", ("Sum", "R2G"))
    mean = inputs.flag("divide_by_turns", False)
    options = UserRLOptions(
        score="mean" if score == "Sum" and mean else score,
        credit=inputs.choice("turn_method", ("Equalized", "R2G", "EM")),
        gamma=inputs.number("gamma", 0.8),
        norm_std=inputs.flag("norm_by_std", True),
        epsilon=inputs.number("eps", UserRLOptions().epsilon),
        singleton="pass",
        allow_negative_credit=True,
    )
    batch = batch_of(inputs, turn_rewards=rewards_of(inputs))
    found = multi_turn(batch, paid_turns(batch)[0], options)
    return {
        "scores": found.scores,
        "credits": ragged(found.credits, batch.action_spans),
        "z": found.z,
        "tokens": found.tokens,
    }


def rewards_of(inputs: Inputs) -> Any:
    """The turn rewards of a case: its own, or the fixture's."""
    inputs.choice("reward", ("turn_rewards",), "turn_rewards")
    return inputs.shared("turn_rewards")


def outcome_of(inputs: Inputs) -> Any:
    """The outcomes of a case: its own, as `R` or `outcome`, or the fixture's."""
    inputs.choice("reward", ("outcome",), "outcome")
    return inputs.get("R") if "R" in inputs else inputs.shared("outcome")


def _outcome_case(inputs: Inputs, name: str, **options: Any) -> dict[str, Any]:
    batch = batch_of(inputs, outcome=outcome_of(inputs))
    tokens = algorithms.get(name, **options).credit(batch).advantages
    found = {"tokens": tokens, "trajectory": [row[own][0] if own.any() else 0.0 for row, own in _rows(batch, tokens)]}
    groups = members(batch.group)
    if len(groups) == 1:
        mean, deviation = moments(batch.outcome[groups[0]])
        found |= {"mean": mean, "std": deviation}
    return found


def _rows(batch: CreditBatch, tokens: Any) -> Any:
    return zip(tokens, batch.sampled, strict=True)


HANDLERS: Mapping[str, Any] = {
    "grpo": grpo,
    "dr_grpo": dr_grpo,
    "rloo": rloo,
    "reinforce_pp_baseline": reinforce_pp_baseline,
    "multiturn_outcome": multiturn_outcome,
}
