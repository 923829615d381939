"""Functions about lists and dictionaries."""

from collections.abc import Callable
from typing import Any

from infopo.envs.colbench.task import Fact, Family


def _top_scores(count: int, repeats: str, order: str, negatives: str) -> Callable[..., Any]:
    def top_scores(scores: list[int]) -> list[int]:
        pool = [score for score in scores if score >= 0 or negatives == "kept"]
        best = sorted(set(pool) if repeats == "once" else pool)[-count:]
        return best[::-1] if order == "falling" else best

    return top_scores


def _write_top_scores(count: int, repeats: str, order: str, negatives: str) -> str:
    condition = "" if negatives == "kept" else " if score >= 0"
    once = "    pool = list(set(pool))\n" if repeats == "once" else ""
    turn = "    best.reverse()\n" if order == "rising" else ""
    return f"""def top_scores(scores):
    pool = [score for score in scores{condition}]
{once}    best = sorted(pool, reverse=True)[:{count}]
{turn}    return best
"""


_TOP_SCORES = Family(
    function="top_scores",
    parameters="scores",
    request="the best few of a list of whole numbers, as a list",
    facts=(
        Fact(
            name="count",
            topic="number of scores",
            words="how many|how long|count|few",
            says={2: "The best two.", 3: "The best three.", 5: "The best five."},
        ),
        Fact(
            name="repeats",
            topic="equal scores",
            words="duplicate|equal|ties|tie|repeated|same score|twice",
            says={"once": "A score that comes twice is listed once.", "each": "List a score as often as it comes."},
        ),
        Fact(
            name="order",
            topic="order",
            words="sort|sorted|ascending|descending|first",
            says={"falling": "From high to low.", "rising": "From low to high."},
        ),
        Fact(
            name="negatives",
            topic="scores below zero",
            words="negative|below zero|minus|less than zero",
            says={
                "kept": "Those below zero count like all others.",
                "ignored": "Pretend those below zero are not there.",
            },
        ),
    ),
    make=_top_scores,
    write=_write_top_scores,
    inputs=(
        ([3, 1, 2],),
        ([5, 5, 4, 4, 3],),
        ([-1, -2, -3],),
        ([],),
        ([7],),
        ([1, 2, 3, 4, 5, 6, 7],),
        ([0, -5, 0, 5],),
        ([9, 9, 9, 9, 9, 9],),
        ([2, -2, 2, -2, 1],),
        ([10, 30, 20, 30, 10, 20],),
    ),
)


def _average(missing: str, empty: int, extremes: str, decimals: int) -> Callable[..., Any]:
    def average(values: list[int | None]) -> float:
        numbers = [value or 0 for value in values if value is not None or missing == "zero"]
        if extremes == "dropped" and len(numbers) > 2:
            numbers = sorted(numbers)[1:-1]
        return round(sum(numbers) / len(numbers), decimals) if numbers else empty

    return average


def _write_average(missing: str, empty: int, extremes: str, decimals: int) -> str:
    keep = "[value for value in values if value is not None]"
    if missing == "zero":
        keep = "[0 if value is None else value for value in values]"
    drop = ""
    if extremes == "dropped":
        drop = """    if len(numbers) >= 3:
        numbers.remove(max(numbers))
        numbers.remove(min(numbers))
"""
    return f"""def average(values):
    numbers = {keep}
    if not numbers:
        return {empty}
{drop}    return round(sum(numbers) / len(numbers), {decimals})
"""


_AVERAGE = Family(
    function="average",
    parameters="values",
    request="the average of measured values, some of which may be None",
    facts=(
        Fact(
            name="missing",
            topic="missing values",
            words="none|missing|null|not measured",
            says={"skipped": "Leave out what was not measured.", "zero": "What was not measured counts as 0."},
        ),
        Fact(
            name="empty",
            topic="empty list",
            words="empty|no values|nothing to average",
            says={0: "Without any value it is 0.", -1: "Without any value it is -1."},
        ),
        Fact(
            name="extremes",
            topic="extreme values",
            words="outlier|extreme|highest and lowest|highest|lowest",
            says={
                "kept": "Every value counts, whatever it is.",
                "dropped": "Of three or more, drop the highest and the lowest.",
            },
        ),
        Fact(
            name="decimals",
            topic="rounding",
            words="decimal|round|precision|digits",
            says={0: "A whole number is enough.", 1: "One digit after the point.", 2: "Two digits after the point."},
        ),
    ),
    make=_average,
    write=_write_average,
    inputs=(
        ([1, 2, 4],),
        ([1, None, 2],),
        ([],),
        ([None, None],),
        ([10, 20, 60, 3],),
        ([5],),
        ([7, 8],),
        ([None, 9, 9, 13, 4],),
        ([1, 1, 2, 2, 5, 9, 11, 4],),
        ([100, None],),
    ),
)


def _ranks(ties: str, start: int, best: str) -> Callable[..., Any]:
    def ranks(scores: list[int]) -> list[int]:
        def better(other: int, own: int) -> bool:
            return other > own if best == "high" else other < own

        found = []
        for place, score in enumerate(scores):
            before = [other for other in scores if better(other, score)]
            rank = len(set(before)) if ties == "dense" else len(before)
            found.append(start + rank + (scores[:place].count(score) if ties == "place" else 0))
        return found

    return ranks


def _write_ranks(ties: str, start: int, best: str) -> str:
    reverse = ", reverse=True" if best == "high" else ""
    if ties == "place":
        return f"""def ranks(scores):
    order = sorted(range(len(scores)), key=lambda index: {"-" if best == "high" else ""}scores[index])
    found = [0] * len(scores)
    for rank, index in enumerate(order):
        found[index] = rank + {start}
    return found
"""
    pool = "set(scores)" if ties == "dense" else "scores"
    return f"""def ranks(scores):
    order = sorted({pool}{reverse})
    return [order.index(score) + {start} for score in scores]
"""


_RANKS = Family(
    function="ranks",
    parameters="scores",
    request="the rank of each score, as a list in the order of the scores",
    facts=(
        Fact(
            name="ties",
            topic="equal scores",
            words="tie|equal|same score|duplicate|draw",
            says={
                "skip": "They share a rank, and the next ranks are left out.",
                "dense": "They share a rank, and no rank is left out.",
                "place": "Who stands first in the list is ahead.",
            },
        ),
        Fact(
            name="start",
            topic="first rank",
            words="start|begin|count from|top rank|number of the first",
            says={1: "Begin with 1.", 0: "Begin with 0.", 100: "Begin with 100."},
        ),
        Fact(
            name="best",
            topic="best score",
            words="high|low|better|highest|lowest|win",
            says={"high": "The more, the better.", "low": "The fewer, the better."},
        ),
    ),
    make=_ranks,
    write=_write_ranks,
    inputs=(
        ([3, 1, 2],),
        ([5, 5, 1],),
        ([],),
        ([4],),
        ([1, 2, 2, 3],),
        ([9, 9, 9],),
        ([2, 1, 2, 1],),
        ([10, 40, 20, 40],),
        ([0, -1, 0],),
        ([6, 5, 4, 5, 6],),
    ),
)


def _groups(rest: str, order: str, form: str) -> Callable[..., Any]:
    def groups(values: list[int], size: int) -> list[Any]:
        items = values if order == "front" else values[::-1]
        found = [items[k : k + size] for k in range(0, len(items), size)]
        if found and len(found[-1]) < size and rest != "short":
            found[-1] = found[-1] + [1] * (size - len(found[-1]))
            if rest == "dropped":
                found.pop()
        forms: dict[str, Callable[[list[int]], Any]] = {"list": list, "sum": sum, "last": lambda group: group[-1]}
        return list(map(forms[form], found))

    return groups


def _write_groups(rest: str, order: str, form: str) -> str:
    turn = "    values = list(reversed(values))\n" if order == "back" else ""
    handle = {
        "short": "",
        "dropped": "        if len(group) < size:\n            break\n",
        "padded": "        while len(group) < size:\n            group.append(1)\n",
    }[rest]
    item = {"list": "group", "sum": "sum(group)", "last": "group[len(group) - 1]"}[form]
    return f"""def groups(values, size):
{turn}    found = []
    for start in range(0, len(values), size):
        group = list(values[start:start + size])
{handle}        found.append({item})
    return found
"""


_GROUPS = Family(
    function="groups",
    parameters="values, size",
    request="a list of numbers taken in groups of a size",
    facts=(
        Fact(
            name="rest",
            topic="incomplete group",
            words="rest|left over|remainder|incomplete|too short|smaller",
            says={
                "short": "A group that is not full stays as it is.",
                "dropped": "Forget a group that is not full.",
                "padded": "Fill a group up with ones.",
            },
        ),
        Fact(
            name="order",
            topic="end to begin from",
            words="order|front|begin|start|direction|reverse|back",
            says={"front": "From the front.", "back": "From the back, so the last number comes first."},
        ),
        Fact(
            name="form",
            topic="result for a group",
            words="result|return|output|form|each group|what do you want of",
            says={
                "list": "I want each group as a list.",
                "sum": "I only want what a group adds up to.",
                "last": "I only want the number at the end of a group.",
            },
        ),
    ),
    make=_groups,
    write=_write_groups,
    inputs=(
        ([1, 2, 3, 4], 2),
        ([1, 2, 3, 4, 5], 2),
        ([], 3),
        ([7], 3),
        ([1, 2, 3], 1),
        ([9, 8, 7, 6, 5, 4, 3], 3),
        ([2, 2, 2, 5], 3),
        ([10, 20, 30, 40, 50], 5),
        ([1, 0, 1, 0, 1], 4),
        ([3, 1, 4, 1, 5, 9, 2, 6], 5),
    ),
)


def _merge(conflict: str, zeros: str, single: str) -> Callable[..., Any]:
    def merge(left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
        both = {"left": right | left, "right": left | right}.get(conflict) or {
            name: left.get(name, 0) + right.get(name, 0) for name in left | right
        }
        if single == "dropped":
            both = {name: value for name, value in both.items() if name in left and name in right}
        return {name: value for name, value in both.items() if value or zeros == "kept"}

    return merge


def _write_merge(conflict: str, zeros: str, single: str) -> str:
    value = {"left": "left[name]", "right": "right[name]", "sum": "left[name] + right[name]"}[conflict]
    lonely = "found[name] = left[name] if name in left else right[name]" if single == "kept" else "continue"
    clean = "" if zeros == "kept" else "    found = {name: value for name, value in found.items() if value != 0}\n"
    return f"""def merge(left, right):
    found = {{}}
    for name in list(left) + list(right):
        if name in left and name in right:
            found[name] = {value}
        else:
            {lonely}
{clean}    return found
"""


_MERGE = Family(
    function="merge",
    parameters="left, right",
    request="one stock list made of two, each a dictionary of item to count",
    facts=(
        Fact(
            name="conflict",
            topic="items in both",
            words="both|conflict|same item|twice|common",
            says={"left": "The left one is right.", "right": "The right one counts.", "sum": "Add the two counts."},
        ),
        Fact(
            name="zeros",
            topic="count of zero",
            words="zero|0|empty count|nothing left",
            says={"kept": "An item with none left stays in.", "removed": "Take out items with none left."},
        ),
        Fact(
            name="single",
            topic="items in only one",
            words="only one|single|missing|one list",
            says={"kept": "Those go in as well.", "dropped": "Leave those out."},
        ),
    ),
    make=_merge,
    write=_write_merge,
    inputs=(
        ({"nut": 1}, {"bolt": 2}),
        ({"nut": 1}, {"nut": 2}),
        ({}, {}),
        ({"nut": 0}, {}),
        ({"nut": 0, "bolt": 3}, {"nut": 0, "bolt": 4}),
        ({"a": 1, "b": 2, "c": 3}, {"b": 5, "c": -3, "d": 0}),
        ({}, {"pin": 7}),
        ({"pin": 2}, {"pin": -2}),
        ({"pin": 0, "cap": 1}, {"pin": 6, "cap": 0}),
        ({"x": 4, "y": 4}, {"x": 4, "z": 4}),
    ),
)


def _smooth(edges: str, form: str, width: int) -> Callable[..., Any]:
    def smooth(values: list[int]) -> list[float]:
        found = []
        for place in range(len(values)):
            window = values[max(0, place - width + 1) : place + 1]
            if len(window) < width and edges != "short":
                if edges == "zero":
                    found.append(0.0)
                continue
            found.append({"mean": sum(window) / len(window), "most": max(window), "least": min(window)}[form])
        return found

    return smooth


def _write_smooth(edges: str, form: str, width: int) -> str:
    first = {
        "left out": f"        if place < {width}:\n            continue\n",
        "zero": f"        if place < {width}:\n            found.append(0)\n            continue\n",
        "short": "",
    }[edges]
    value = {"mean": "sum(window) / len(window)", "most": "max(window)", "least": "min(window)"}[form]
    return f"""def smooth(values):
    found = []
    for place in range(1, len(values) + 1):
{first}        window = values[:place][-{width}:]
        found.append({value})
    return found
"""


_SMOOTH = Family(
    function="smooth",
    parameters="values",
    request="a curve made smooth: for each value, something of the last few up to it",
    facts=(
        Fact(
            name="width",
            topic="number of values",
            words="how many|width|window|few|how far back",
            says={2: "Always two values.", 3: "Always three values."},
        ),
        Fact(
            name="form",
            topic="kind of value",
            words="mean|average|what to compute|maximum|minimum|median|something",
            says={"mean": "Their average.", "most": "The largest of them.", "least": "The smallest of them."},
        ),
        Fact(
            name="edges",
            topic="beginning",
            words="edge|first values|start|too few|begin",
            says={
                "short": "There, take as many as there are.",
                "left out": "There is nothing for those; leave them out.",
                "zero": "Put a 0 for those.",
            },
        ),
    ),
    make=_smooth,
    write=_write_smooth,
    inputs=(
        ([1, 2, 3, 4],),
        ([5],),
        ([],),
        ([4, 1, 7],),
        ([0, 0, 9, 0, 0],),
        ([2, 8],),
        ([-3, 3, -3, 3, -3],),
        ([10, 9, 8, 7, 6],),
        ([1, 1, 2, 3, 5, 8],),
        ([6, 6, 6],),
    ),
)

LISTS = (_TOP_SCORES, _AVERAGE, _RANKS, _GROUPS, _MERGE, _SMOOTH)
