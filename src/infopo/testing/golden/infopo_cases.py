"""Golden cases of information gain and of InfoPO."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from infopo import algorithms
from infopo.algorithms import InfoPOOptions
from infopo.algorithms.gain_credit import gate, measured_gains, nonzero, scores_by_turn, token_deviation
from infopo.algorithms.gain_metrics import share_metrics
from infopo.algorithms.group_stats import deviation, members, moments, outcome_zscores
from infopo.algorithms.infopo import group_gates
from infopo.algorithms.infopo_official import InfoPOOfficialOptions, official_parts
from infopo.gain.arithmetic import summed_gain, turn_gain
from infopo.gain.counterfactual import fill
from infopo.gain.estimate import divergence
from infopo.gain.spec import GainSpec
from infopo.testing.golden.compare import Skipped
from infopo.testing.golden.fixture import Inputs, batch_of, group_names, ragged
from infopo.testing.golden.group_cases import outcome_of, rewards_of


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


def info_gain(inputs: Inputs) -> dict[str, Any]:
    """One turn's gain, and what each token of its action gets of it in the released code."""
    told = [inputs.array(field).tolist() for field in ("logp_with_feedback", "logp_with_placeholder")]
    gain = turn_gain(told[0], [told[1]], spec=GainSpec())
    own = int(inputs.number("len_a_t"))
    layout = Inputs(inputs.place, {"index": ["a"], "turns_action_obs": [[[own, 0]]]}, {}, {})
    batch = batch_of(layout, signals={"gain": [[gain.value]]})
    released, _ = measured_gains(batch, "infopo-official", own_length=True)
    return {"sum": gain.sum, "info_gain": gain.value, "per_token_reward_on_a_t": released[0, 0]}


def principled(inputs: Inputs) -> dict[str, Any]:
    """InfoPO in the paper's form."""
    options = {
        "beta": inputs.number("beta"),
        "gate_temperature": inputs.number("T"),
        "epsilon": inputs.number("eps", InfoPOOptions().epsilon),
    }
    gains = {"gain": inputs.named("gains")}
    batch = batch_of(inputs, outcome=outcome_of(inputs), signals=gains, temperature=True)
    names, groups = list(dict.fromkeys(group_names(inputs))), members(batch.group)
    measured, mask = measured_gains(batch, "infopo")
    sigmas = np.array([deviation(batch.outcome[rows]) for rows in groups])
    gates, stats = np.zeros(len(batch.group)), {}
    for name, rows, sigma, value in zip(
        names, groups, sigmas, group_gates(sigmas, InfoPOOptions(**options)), strict=True
    ):
        inside = measured[rows][mask[rows]]
        mean, spread = moments(inside)
        stats[name] = {"outcome_std": sigma, "info_mean": mean, "info_std": spread, "n_turns": inside.size}
        gates[rows] = value
    scores = scores_by_turn(measured, mask, batch, epsilon=options["epsilon"], divide=True)
    return {
        "group_stats": stats,
        "outcome_z": outcome_zscores(batch.group, batch.outcome, epsilon=options["epsilon"]),
        "gate": gates,
        "turn_info_z": ragged(scores, batch.action_spans),
        "advantages": algorithms.get("infopo", **options).credit(batch).advantages,
    }


def official(inputs: Inputs) -> dict[str, Any]:
    """InfoPO as released; the turn rewards of a case are those behind the overwrite of the last one."""
    defaults = InfoPOOfficialOptions()
    score = inputs.choice("score_method", ("Sum", "R2G"), "Sum")
    mean = inputs.flag("divide_by_turns", False)
    options = InfoPOOfficialOptions(
        beta=inputs.number("beta0"),
        gate_temperature=inputs.number("T"),
        score="mean" if score == "Sum" and mean else score,
        credit=inputs.choice("turn_method", ("Equalized", "R2G", "EM"), "Equalized"),
        gamma=inputs.number("gamma", defaults.gamma),
        decay=inputs.number("decay", 0.0),
        norm_std=inputs.flag("norm_std", True),
        normalize_intrinsic=inputs.flag("normalize_intrinsic", True),
        use_intrinsic_only=inputs.flag("intrinsic_only", False),
        overwrite_last=False,
        epsilon=inputs.number("eps", defaults.epsilon),
    )
    gains = {"gain": inputs.named("gains")}
    batch = batch_of(inputs, turn_rewards=rewards_of(inputs), signals=gains, temperature=True)
    batch = replace(batch, epoch=inputs.number("epoch", 0))
    parts = official_parts(batch, options)
    names = list(dict.fromkeys(group_names(inputs)))
    pooled = [parts.gains[inside] for inside in nonzero(parts.gains, batch)] if options.normalize_intrinsic else []
    found = {name: moments(values) for name, values in zip(names, pooled, strict=False)}
    shares = share_metrics(batch.sampled, parts.outcome.tokens, parts.intrinsic, parts.weighted)
    return {
        "token_intrinsic": parts.gains,
        "group_intrinsic_mean": {name: mean for name, (mean, _) in found.items()},
        "group_intrinsic_std": {name: spread for name, (_, spread) in found.items()},
        "outcome_scores": parts.outcome.scores,
        "outcome_z": parts.outcome.z,
        "outcome_tokens": parts.outcome.tokens,
        "intrinsic_tokens": parts.intrinsic,
        "outcome_std": token_deviation(parts.outcome.tokens, batch.sampled, options.epsilon),
        "intrinsic_std_raw": token_deviation(parts.intrinsic, batch.sampled, options.epsilon),
        "magnitude_ratio": parts.ratio,
        "gate": parts.gates,
        "beta_t": parts.beta,
        "advantages": parts.advantages,
        "contribution_ratio": shares.get("info/contribution_ratio", 0.0),
    }


HANDLERS: Mapping[str, Any] = {
    "infopo_placeholder": placeholder,
    "infopo_info_gain": info_gain,
    "infopo_exact_kl": exact_kl,
    "infopo_official": official,
    "infopo_principled": principled,
    "gate": gates,
}
