"""Golden cases of information gain and of InfoPO."""

from collections.abc import Mapping
from typing import Any

import torch

from infopo.algorithms.infopo import gate
from infopo.gain.arithmetic import summed_gain, turn_gain
from infopo.gain.counterfactual import fill
from infopo.gain.estimate import divergence
from infopo.gain.spec import GainSpec
from infopo.testing.golden.compare import Skipped
from infopo.testing.golden.fixture import Inputs


def placeholder(inputs: Inputs) -> dict[str, Any]:
    """The placeholder, filled or cut to each span."""
    ids = [int(value) for value in inputs.array("placeholder_ids")]
    return {"filled": [list(fill(ids, int(length))) for length in inputs.array("spans")]}


def exact_kl(inputs: Inputs) -> dict[str, Any]:
    """The divergence at each position, and the log-ratio of the tokens that were sampled."""
    left, right = (torch.tensor(inputs.array(field, 2)).log() for field in ("p_with", "p_without"))
    positions = divergence(left, right)
    exact = summed_gain(float(positions.sum()), len(positions), spec=GainSpec(estimator="exact-kl"), partial=False)
    tokens = torch.tensor(inputs.array("realised_tokens")).long()[:, None]
    told = [one.gather(-1, tokens)[:, 0].tolist() for one in (left, right)]
    return {
        "kl_per_position": positions,
        "kl_mean": exact.mean,
        "sampled_log_ratio": [turn_gain([a], [[b]], spec=GainSpec()).value for a, b in zip(*told, strict=True)],
        "sampled_mean": turn_gain(told[0], [told[1]], spec=GainSpec()).mean,
        "expectation_of_log_ratio_position0": float(positions[0]),
    }


def gates(inputs: Inputs) -> dict[str, Any]:
    """The gate at each temperature."""
    deviations, temperatures = inputs.array("group_std"), inputs.array("T")
    return {
        "sigmoid": {str(tau): [gate(float(sigma), float(tau)) for sigma in deviations] for tau in temperatures},
        "exp_variant": Skipped(reason="the gate of another project; InfoPO has none such"),
    }


HANDLERS: Mapping[str, Any] = {
    "infopo_placeholder": placeholder,
    "infopo_exact_kl": exact_kl,
    "gate": gates,
}
