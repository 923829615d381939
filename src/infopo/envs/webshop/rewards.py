"""What a purchase is worth, beside what was wished for. Defined in "WebShop" (arXiv 2207.01206).

`reward = r_type (attributes + options + [price in limit]) / (wished attributes + wished options + 1)`. Words are
compared by `difflib`, where the published code uses another matcher: near the threshold of 85 the two may differ.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from difflib import SequenceMatcher

THRESHOLD = 85.0
NO_NOUNS = 0.2
EXACT_OPTIONS = ("size",)


def purchase_reward(
    *,
    attributes: int,
    wished_attributes: int,
    options: int,
    wished_options: int,
    price_fits: bool,
    type_factor: float,
) -> float:
    """The reward in [0, 1] of a purchase that has so many of the wished attributes and options.

    >>> purchase_reward(
    ...     attributes=1, wished_attributes=2, options=1, wished_options=2, price_fits=True, type_factor=1.0
    ... )
    0.6
    """
    return type_factor * (attributes + options + price_fits) / (wished_attributes + wished_options + 1)


def type_factor(*, same_query: bool, shared_categories: int, title_score: float) -> float:
    """How far the product is of the wished kind: 1, 0.5, 0.1 or 0.

    1: found by the same query, or two shared categories, or a title score above 0.2. Whatever these say, a title score
    below 0.1 leaves 0.1 and one of 0 leaves nothing.

    >>> [type_factor(same_query=False, shared_categories=0, title_score=score) for score in (0.3, 0.2, 0.05, 0.0)]
    [1.0, 0.5, 0.1, 0.0]
    """
    if title_score == 0:
        return 0.0
    if title_score < 0.1:
        return 0.1
    return 1.0 if same_query or shared_categories >= 2 or title_score > 0.2 else 0.5


def title_score(wished_nouns: Collection[str], nouns: Collection[str]) -> float:
    """The share of the nouns of the wished title that the other title has; 0.2 where it has no nouns.

    >>> title_score(["shoe", "lace"], ["shoe", "box"]), title_score([], ["shoe"])
    (0.5, 0.2)
    """
    wished = set(wished_nouns)
    return len(wished & set(nouns)) / len(wished) if wished else NO_NOUNS


def matched_attributes(wished: Sequence[str], attributes: Sequence[str], text: str) -> int:
    """How many wished attributes the product has: one that is alike, or the words in its title, bullets or description.

    >>> matched_attributes(["wide feet", "leather", "red"], ["for feet wide"], "A shoe of Leather")
    2
    """
    return sum(any(_alike(wish, own) for own in attributes) or wish.lower() in text.lower() for wish in wished)


def matched_options(wished: Mapping[str, str], chosen: Mapping[str, str]) -> int:
    """How many wished options were chosen: a size exactly, another one alike.

    >>> matched_options({"size": "9", "color": "dark blue"}, {"size": "9.5", "color": "blue dark"})
    1
    """
    return sum(
        name in chosen
        and (chosen[name].lower() == value.lower() if name in EXACT_OPTIONS else _alike(value, chosen[name]))
        for name, value in wished.items()
    )


def _alike(one: str, other: str) -> bool:
    """Whether two texts are alike whatever the order of words and whatever one has beyond the other."""
    left, right = (set(re.findall(r"\w+", text.lower())) for text in (one, other))
    if not left or not right:
        return False
    shared = " ".join(sorted(left & right))
    whole = [" ".join(filter(None, (shared, " ".join(sorted(own - (left & right)))))) for own in (left, right)]
    pairs = [(whole[0], whole[1])] + ([(shared, whole[0]), (shared, whole[1])] if shared else [])
    return any(100 * SequenceMatcher(None, a, b, autojunk=False).ratio() > THRESHOLD for a, b in pairs)
