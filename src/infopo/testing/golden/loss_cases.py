"""Golden cases of the policy loss, of the divergence estimators, and of the mask over retrieved tokens."""

from collections.abc import Mapping
from typing import Any, get_args

import torch

from infopo import algorithms
from infopo.algorithms.loss_config import Aggregation, KLEstimator, LossConfig
from infopo.testing.golden.fixture import Inputs, batch_of
from infopo.training.loss import aggregate, kl_estimate, policy_loss

MEAN = LossConfig(aggregation="token-mean")


def ppo_loss(inputs: Inputs) -> dict[str, Any]:
    """Token losses, every aggregation, and what the clips cut; probabilities in, `[N, L]`."""
    new, old, advantages = (_tensor(inputs, field) for field in ("new_prob", "old_prob", "adv"))
    low, high = inputs.number("clip_low"), inputs.number("clip_high")
    dual = inputs.number("c", None) if inputs.get("c", None) is not None else None
    return _loss(new.log(), old.log(), advantages, _tensor(inputs, "mask") > 0, low, high, dual)


def kl(inputs: Inputs) -> dict[str, Any]:
    """Each estimator by token and on average."""
    new, reference = _tensor(inputs, "new_prob").log(), _tensor(inputs, "ref_prob").log()
    mask = _tensor(inputs, "mask") > 0
    found = {name: kl_estimate(new, reference, name) for name in get_args(KLEstimator)}
    return {
        name: {"token": values.masked_fill(~mask, 0.0), "masked_mean": float(aggregate(values, mask, MEAN))}
        for name, values in found.items()
    }


def search_r1(inputs: Inputs) -> dict[str, Any]:
    """Search-R1: GRPO's credit; the loss with and without the tokens that were retrieved."""
    own, attended = _tensor(inputs, "model_mask") > 0, _tensor(inputs, "attention") > 0
    epsilon = inputs.number("eps", algorithms.GRPOOptions().epsilon)
    method = algorithms.get("grpo", singleton="pass", epsilon=epsilon)
    single = batch_of(inputs, outcome=inputs.get("R"))
    scores = torch.tensor(method.credit(single).advantages)
    advantages = scores[:, :1].expand(attended.shape).masked_fill(~attended, 0.0)
    new, old = _tensor(inputs, "new_prob").log(), _tensor(inputs, "old_prob").log()
    clip, dual = inputs.number("clip"), inputs.number("c")
    return {
        "z": scores[:, 0],
        "adv_tokens": advantages,
        "loss_masked": _loss(new, old, advantages, own & attended, clip, clip, dual),
        "loss_unmasked": _loss(new, old, advantages, attended, clip, clip, dual),
    }


def _loss(
    new: torch.Tensor,
    old: torch.Tensor,
    advantages: torch.Tensor,
    mask: torch.Tensor,
    low: float,
    high: float,
    dual: float | None,
) -> dict[str, Any]:
    """`cut` of the loss without the dual clip is the ordinary clip's; what more is cut with it is the dual clip's."""
    losses, cut = policy_loss(new, old, advantages, LossConfig(clip_low=low, clip_high=high, dual_clip=dual))
    _, plain = policy_loss(new, old, advantages, LossConfig(clip_low=low, clip_high=high, dual_clip=None))
    rules = {name: LossConfig(aggregation=name, normaliser_length=mask.shape[1]) for name in get_args(Aggregation)}
    return {
        "token_loss": losses.masked_fill(~mask, 0.0),
        "agg": {name: float(aggregate(losses, mask, rule)) for name, rule in rules.items()},
        "clip_frac": float(aggregate(plain.double(), mask, MEAN)),
        "clip_frac_lower": float(aggregate((cut & ~plain).double(), mask, MEAN)),
        "ppo_kl": float(aggregate(kl_estimate(old, new, "k1"), mask, MEAN)),
    }


def _tensor(inputs: Inputs, field: str) -> torch.Tensor:
    return torch.tensor(inputs.array(field, 2))


HANDLERS: Mapping[str, Any] = {"ppo_loss": ppo_loss, "kl": kl, "search_r1": search_r1}
