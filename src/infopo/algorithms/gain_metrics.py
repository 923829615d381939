"""What a batch of information gains looks like, as numbers for the log. What cannot be measured is left out."""

import numpy as np

from infopo.algorithms.base import Bools, CreditBatch, Floats
from infopo.algorithms.group_stats import summary

LISTED_TURNS = 16


def gain_metrics(batch: CreditBatch) -> dict[str, float]:
    """Metrics of the raw gains of scored turns, which are those of groups where the gain matters to the method.

    `info/turn_gain_*`: mean, std, min, max, share of negative ones, mean at turn 1, 2, ... of the episode.
    `info/gain_early_third` and `info/gain_late_third`: the part of all absolute gain that falls on the first and the
    last third of an episode's scored turns. `info/scored_turns_frac`: scored turns over all turns.
    """
    gains, mask = batch.signals["gain"], batch.signal_masks["gain"]
    scored = gains[mask]
    turns = sum(len(spans) for spans in batch.action_spans)
    stats = summary("info/turn_gain", scored, "mean", "std", "max", "min")
    if turns:
        stats["info/scored_turns_frac"] = scored.size / turns
    if scored.size:
        stats["info/turn_gain_frac_neg"] = float((scored < 0).mean())
    for turn in range(min(LISTED_TURNS, mask.shape[1])):
        if mask[:, turn].any():
            stats[f"info/turn_gain_at_{turn + 1}"] = float(gains[mask[:, turn], turn].mean())
    total = float(np.abs(scored).sum())
    if total > 0:
        # The middle of the j-th of n scored turns lies at (j + 1/2) / n of the way.
        place = (np.cumsum(mask, axis=1) - 0.5) / np.maximum(mask.sum(axis=1, keepdims=True), 1)
        stats["info/gain_early_third"] = float(np.abs(gains[mask & (place < 1 / 3)]).sum()) / total
        stats["info/gain_late_third"] = float(np.abs(gains[mask & (place > 2 / 3)]).sum()) / total
    return stats


def share_metrics(sampled: Bools, outcome: Floats, unweighted: Floats, intrinsic: Floats) -> dict[str, float]:
    """How much of the advantages `[N, L]` comes from where, over policy tokens.

    `unweighted` is the normalised gain, `intrinsic` the same after weight and gate. `info/outcome_std` and
    `info/intrinsic_std_raw` are the deviations of the outcome part and of `unweighted`; `info/*_adv_*` describe the two
    summands as they are; `info/contribution_ratio` is the part of `intrinsic` in the sum of absolute values.
    """
    parts = {"outcome": outcome[sampled], "intrinsic": intrinsic[sampled]}
    stats: dict[str, float] = {}
    for name, values in parts.items():
        stats |= summary(f"info/{name}_adv", values, "mean", "std")
    stats |= summary("info/outcome", parts["outcome"], "std")
    if parts["intrinsic"].size > 1:
        stats["info/intrinsic_std_raw"] = float(unweighted[sampled].std(ddof=1))
    size = {name: float(np.abs(values).sum()) for name, values in parts.items()}
    if sum(size.values()) > 0:
        stats["info/contribution_ratio"] = size["intrinsic"] / sum(size.values())
    return stats
