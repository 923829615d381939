"""Which groups of a batch are learnt from: published batch filters, as data and as functions. numpy only."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFilter:
    """`std`: keep the share `keep` of groups whose outcomes vary most. `dynamic`: drop every group of equal
    outcomes and play others in their place."""

    kind: Literal["std", "dynamic"]
    keep: float = 0.25
