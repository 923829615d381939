"""What each turn did to the policy's belief in the reference answer: the signal of IGPO (arXiv 2510.14967)."""

from typing import Literal

import numpy as np

from infopo.algorithms.base import Bools, CreditBatch, Floats
from infopo.core import InfopoError

BeliefKind = Literal["log_prob_diff", "prob_diff"]
BELIEF_KINDS: tuple[BeliefKind, ...] = ("log_prob_diff", "prob_diff")


def belief_gains(batch: CreditBatch, kind: BeliefKind, *, name: str) -> tuple[Floats, Bools]:
    """Gains and their mask `[N, T]`: the belief before action t + 1 less that before action t, or the same of `exp`.

    The last turn has none. Values under the mask are 0. Raises `InfopoError`, with the method's `name`, where the batch
    has no beliefs.
    """
    if "belief" not in batch.signals:
        raise InfopoError(f"{name} needs the signal 'belief' in its batch; compute infopo.gain.answer_belief first")
    beliefs, known = batch.signals["belief"], batch.signal_masks["belief"]
    levels = np.where(known, beliefs, 0.0)
    levels = np.exp(levels) if kind == "prob_diff" else levels
    mask = np.zeros(known.shape, dtype=np.bool_)
    mask[:, :-1] = known[:, :-1] & known[:, 1:]
    gains = np.zeros(known.shape, dtype=np.float64)
    gains[:, :-1] = np.where(mask[:, :-1], levels[:, 1:] - levels[:, :-1], 0.0)
    return gains, mask


def belief_metrics(gains: Floats, mask: Bools) -> dict[str, float]:
    """`belief/gain_mean`, `belief/gain_frac_neg` of the gains; left out where there are none."""
    found = gains[mask]
    if not found.size:
        return {}
    return {"belief/gain_mean": float(found.mean()), "belief/gain_frac_neg": float((found < 0).mean())}
