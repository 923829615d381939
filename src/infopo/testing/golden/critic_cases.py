"""Golden cases of advantages from a critic's values."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from infopo.algorithms.advantage_estimation import bi_level_gae, gae, masked_gae, turn_gae, whiten
from infopo.testing.golden.compare import Skipped
from infopo.testing.golden.fixture import Inputs

STAND_IN = 9.0  # the value that golden cases put where nothing is trained


def masked(inputs: Inputs) -> dict[str, Any]:
    """Token GAE over trainable tokens."""
    rewards, values, mask = _arrays(inputs)
    found = masked_gae(rewards, values, mask, gamma=inputs.number("gamma"), lam=inputs.number("lam"))
    return _whitened(*found, mask)


def unmasked(inputs: Inputs) -> dict[str, Any]:
    """Token GAE over all positions, whitened over the trainable ones.

    Where a case does not state which those are, they are the ones without the stand-in value.
    """
    rewards, values = inputs.array("rewards", 2), inputs.array("values", 2)
    stated = inputs.get("mask", None)
    mask = values != STAND_IN if stated is None else inputs.array("mask", 2, given=stated) > 0
    advantages, returns = gae(rewards, values, gamma=inputs.number("gamma"), lam=inputs.number("lam"))
    found = _whitened(advantages, returns, mask)
    if stated is None and mask.all():
        found["advantages_whitened"] = Skipped(reason="the case does not say over which tokens")
    return found


def bi_level(inputs: Inputs) -> dict[str, Any]:
    """Turn after turn, then token after token; without `turn_ends` a reward other than 0 ends a turn."""
    rewards, values, mask = _arrays(inputs)
    stated = inputs.get("turn_ends", None)
    advantages, returns = bi_level_gae(
        rewards,
        values,
        mask,
        None if stated is None else inputs.array("turn_ends", 2, given=stated) > 0,
        gamma=inputs.number("gamma"),
        lam=inputs.number("lam"),
        gamma_high=inputs.number("gamma_high"),
    )
    return _whitened(advantages, returns, mask)


def by_turn(inputs: Inputs) -> dict[str, Any]:
    """The turns of one episode."""
    rewards, values = inputs.array("turn_rewards"), inputs.array("turn_values")
    return {"turn_advantages": turn_gae(rewards, values, gamma=inputs.number("gamma"), lam=inputs.number("lam"))}


def _arrays(inputs: Inputs) -> tuple[Any, Any, Any]:
    return inputs.array("rewards", 2), inputs.array("values", 2), inputs.array("mask", 2) > 0


def _whitened(advantages: Any, returns: Any, mask: Any) -> dict[str, Any]:
    return {
        "advantages_raw": np.asarray(advantages),
        "returns": returns,
        "advantages_whitened": whiten(advantages, mask),
    }


HANDLERS: Mapping[str, Any] = {
    "masked_gae": masked,
    "gae": unmasked,
    "bilevel_gae": bi_level,
    "turn_ppo": by_turn,
}
