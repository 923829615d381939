"""What a preset makes of a configuration: which loss and which filter of groups a method is trained with."""

from dataclasses import replace

import infopo.algorithms as algorithms
from infopo.algorithms.loss_config import LossConfig
from infopo.core import UserError
from infopo.training.config import FilterKind, TrainConfig


def settled(config: TrainConfig) -> TrainConfig:
    """The configuration with the loss and the filter that its preset means; settling twice changes nothing.

    `matched` leaves both as configured, the same for every method; a method that is nothing but its filter or its loss
    takes that part from its publication all the same. `as-published` takes both from it. Raises `UserError` where a
    loss or a filter was configured that is then replaced, and for a loss or a gain that the method cannot follow.
    """
    method = algorithms.get(config.algo, **config.algo_options)
    parts = {"loss", "filter"} if config.preset == "as-published" else method.defining
    rule = method.filter
    kind: FilterKind = "none" if rule is None else rule.kind
    if "filter" in parts and config.filter not in ("none", kind):
        raise UserError(f"{config.algo} comes with filter {kind}; leave filter out, or use another method")
    if "loss" in parts and config.loss not in (LossConfig(), method.loss):
        raise UserError(f"preset {config.preset} takes the loss of {config.algo}; leave loss.* out, or use matched")
    if "filter" in parts:
        config = replace(config, filter=kind, filter_keep=config.filter_keep if rule is None else rule.keep)
    if "loss" in parts:
        config = replace(config, loss=method.loss)
    method.check_loss(config.loss)
    if "gain" in method.needs:
        config.gain.check_alternatives(config.rollout.alternatives)
    return config
