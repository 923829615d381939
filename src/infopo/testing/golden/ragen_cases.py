"""Golden cases of RAGEN's group filter, reward normalisations and trajectory reward."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from infopo import algorithms
from infopo.algorithms.filters import GroupFilter, group_spreads, kept_groups
from infopo.algorithms.reward_normalisation import NORMALISATIONS, normalised
from infopo.core import Span
from infopo.testing.golden.fixture import Inputs


def starpo_filter(inputs: Inputs) -> dict[str, Any]:
    """Which groups are kept."""
    groups = [inputs.array("groups", given=group) for group in inputs.get("groups")]
    kind: Any = inputs.choice("kind", ("std", "std_rev", "dynamic"))
    rule = GroupFilter(kind=kind, keep=inputs.number("ratio", 1.0))
    kept = kept_groups(rule, groups, keep_min_one=inputs.flag("keep_min_one", True))
    return {"group_std": group_spreads(groups), "k": len(kept), "kept": kept}


def reward_norm(inputs: Inputs) -> dict[str, Any]:
    """The rewards of one grouping under every normalisation."""
    rewards = inputs.array("rewards")
    return {kind: normalised(rewards, kind) for kind in NORMALISATIONS}


def ragen_grpo(inputs: Inputs) -> dict[str, Any]:
    """StarPO's advantage of the episodes of one task, as it is and with weights by length."""
    rewards, lengths = inputs.array("rewards"), inputs.array("n_trainable_tokens").astype(int)
    names = inputs.get("index", ["one task"] * len(rewards))
    unique = list(dict.fromkeys(names))
    kind = inputs.choice("normalisation", NORMALISATIONS)
    grouping = inputs.choice("grouping", ("state", "batch"), "state")
    batch = algorithms.CreditBatch(
        group=np.array([unique.index(name) for name in names], dtype=np.int64),
        sampled=np.arange(lengths.max())[None, :] < lengths[:, None],
        action_spans=tuple((Span(start=0, end=int(length)),) for length in lengths),
        outcome=rewards,
    )
    plain, weighted = (
        algorithms.get("starpo", normalisation=kind, grouping=grouping, length_weight=by_length)
        .credit(batch)
        .advantages[:, 0]
        for by_length in (False, True)
    )
    return {"advantage": plain, "advantage_length_weighted": weighted}


HANDLERS: Mapping[str, Any] = {"starpo_filter": starpo_filter, "reward_norm": reward_norm, "ragen_grpo": ragen_grpo}
