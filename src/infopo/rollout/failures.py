"""What to say of episodes that broke, and when to stop because of them."""

from collections import Counter
from collections.abc import Sequence

from infopo.core import Group, InfopoError

LONGEST = 200  # characters of a detail that are shown


def most_frequent_failure(groups: Sequence[Group]) -> str | None:
    """The kinds of failure, most frequent first, with one detail of that, on one line; None where no episode broke."""
    failures = [one.failure for group in groups for one in group.trajectories if one.failure is not None]
    if not failures:
        return None
    (kind, count), *others = Counter(failure.kind for failure in failures).most_common()
    first = next(failure for failure in failures if failure.kind == kind)
    detail = " ".join(first.detail.split())[:LONGEST]
    more = "".join(f", {number} by {other}" for other, number in others)
    return f"{count} by {kind} ({first.where}){more}" + (f": {detail}" if detail else "")


def stop_where_all_failed(groups: Sequence[Group], what: str) -> None:
    """Raise `InfopoError` where episodes were played and every one of them broke; `what` names what played them."""
    played = sum(len(group.trajectories) for group in groups)
    if played and not any(group.survivors for group in groups):
        raise InfopoError(f"{what}: all {played} episodes broke off, {most_frequent_failure(groups)}")
