"""RAGEN's normalisations of trajectory rewards, made before any credit is given ("RAGEN", arXiv 2504.20073)."""

from typing import Literal

import numpy as np

from infopo.algorithms.base import Floats
from infopo.algorithms.group_stats import zscore

Normalisation = Literal["identity", "mean", "mean_std", "asym_clip"]
NORMALISATIONS: tuple[Normalisation, ...] = ("identity", "mean", "mean_std", "asym_clip")
CLIP = (-1.0, 3.0)


def normalised(rewards: Floats, kind: Normalisation) -> Floats:
    """The rewards `[n]` of one grouping: as they are, less their mean, as standard scores, or those within [-1, 3].

    Standard scores of fewer than two or of equal rewards are exactly 0.

    >>> normalised(np.array([-10.0, 1.0, 1.0, 1.0, 1.0, 1.0]), "asym_clip").round(4).tolist()
    [-1.0, 0.4082, 0.4082, 0.4082, 0.4082, 0.4082]
    """
    if kind == "identity":
        return rewards
    if kind == "mean":
        centred: Floats = rewards - rewards.mean() if rewards.size else rewards
        return centred
    scores = zscore(rewards)
    return np.clip(scores, *CLIP) if kind == "asym_clip" else scores
