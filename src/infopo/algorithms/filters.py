"""Which groups of a batch are learnt from: published batch filters, as data and as functions. numpy only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from infopo.core import UserError

TOLERANCE = 1e-8  # outcomes that differ by no more are equal


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFilter:
    """`std`: keep the share `keep` of groups whose outcomes vary most (`std_rev`: least), at least one group.

    `dynamic`: drop every group of equal outcomes, and play others in their place. Sources: "RAGEN" (arXiv 2504.20073),
    "DAPO" (arXiv 2503.14476).
    """

    kind: Literal["std", "std_rev", "dynamic"]
    keep: float = 0.25

    def __post_init__(self) -> None:
        if not 0 < self.keep <= 1:
            raise UserError(f"filter: the share of groups to keep must be in (0, 1], got {self.keep}")


def kept_groups(rule: GroupFilter, outcomes: Sequence[NDArray[np.float64]], *, keep_min_one: bool = True) -> list[int]:
    """Indices, in order, of the groups that `rule` keeps; `outcomes[g]` `[n_g]` are those of group g's survivors.

    Where groups vary alike, those that come first are kept. `keep_min_one` false: a share of less than one group keeps
    none, as in RAGEN.

    >>> groups = [np.array(one) for one in ([0.0, 0, 0, 0], [1.0, 0, 1, 0], [10.9, -0.5, -0.5, -0.5], [1.0, 1, 1, 0])]
    >>> kept_groups(GroupFilter(kind="std", keep=0.5), groups)
    [1, 2]
    >>> kept_groups(GroupFilter(kind="dynamic"), groups)
    [1, 2, 3]
    """
    if rule.kind == "dynamic":
        return [index for index, values in enumerate(outcomes) if values.size > 1 and np.ptp(values) > TOLERANCE]
    spreads = group_spreads(outcomes)
    sign = 1 if rule.kind == "std_rev" else -1
    order = sorted(range(len(spreads)), key=lambda index: (sign * spreads[index], index))
    return sorted(order[: max(int(keep_min_one), int(rule.keep * len(order)))])


def group_spreads(outcomes: Sequence[NDArray[np.float64]]) -> list[float]:
    """The standard deviation (n - 1) of each group; 0 for fewer than two."""
    return [float(values.std(ddof=1)) if values.size > 1 else 0.0 for values in outcomes]
