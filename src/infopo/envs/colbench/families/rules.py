"""Functions that decide by a rule of the house."""

from collections.abc import Callable
from typing import Any

from infopo.envs.colbench.task import Fact, Family


def _is_open(opens: int, closes: int, weekend: str, last: str) -> Callable[..., Any]:
    def is_open(day: str, hour: int) -> bool:
        closed = {"closed": ("sat", "sun"), "saturday": ("sun",), "open": ()}[weekend]
        if day in closed:
            return False
        return opens <= hour <= closes if last == "in" else opens <= hour < closes

    return is_open


def _write_is_open(opens: int, closes: int, weekend: str, last: str) -> str:
    closed = {"closed": '    if day == "sat" or day == "sun":', "saturday": '    if day == "sun":', "open": ""}[weekend]
    lines = f"{closed}\n        return False\n" if closed else ""
    return f"""def is_open(day, hour):
{lines}    return hour >= {opens} and hour {"<=" if last == "in" else "<"} {closes}
"""


_IS_OPEN = Family(
    function="is_open",
    parameters="day, hour",
    request='whether our shop is open on a day ("mon" to "sun") at an hour (0 to 23)',
    facts=(
        Fact(
            name="opens",
            topic="opening hour",
            words="opens|opening|open from|morning|begin",
            says={8: "We open at 8.", 9: "We open at 9.", 10: "We open at 10."},
        ),
        Fact(
            name="closes",
            topic="closing hour",
            words="closes|close|closing|until|evening",
            says={17: "We close at 17.", 19: "We close at 19.", 21: "We close at 21."},
        ),
        Fact(
            name="weekend",
            topic="weekend",
            words="saturday|sunday|sat|sun",
            says={
                "closed": "Monday to Friday only.",
                "saturday": "Closed on Sundays only.",
                "open": "All seven days alike.",
            },
        ),
        Fact(
            name="last",
            topic="exactly the last hour",
            words="exactly|boundary|inclusive|last hour|still open",
            says={"in": "At that hour we are still there.", "out": "At that hour the door is locked."},
        ),
    ),
    make=_is_open,
    write=_write_is_open,
    inputs=(
        ("mon", 8),
        ("tue", 9),
        ("wed", 10),
        ("thu", 17),
        ("fri", 18),
        ("mon", 19),
        ("tue", 20),
        ("wed", 21),
        ("sat", 12),
        ("sun", 12),
    ),
)


def _age_group(child: int, senior: int, edge: str, labels: str) -> Callable[..., Any]:
    def age_group(age: int) -> Any:
        old = age >= senior if edge == "at" else age > senior
        index = 2 if old else int(age >= child)
        return (("child", "adult", "senior") if labels == "words" else (0, 1, 2))[index]

    return age_group


def _write_age_group(child: int, senior: int, edge: str, labels: str) -> str:
    young, grown, old = ('"child"', '"adult"', '"senior"') if labels == "words" else ("0", "1", "2")
    return f"""def age_group(age):
    if age < {child}:
        return {young}
    if age {">=" if edge == "at" else ">"} {senior}:
        return {old}
    return {grown}
"""


_AGE_GROUP = Family(
    function="age_group",
    parameters="age",
    request="the group of a visitor for our ticket prices: child, adult or senior, by age in years",
    facts=(
        Fact(
            name="child",
            topic="children",
            words="child|young|kid|adult|adulthood",
            says={12: "You are grown up from 12.", 14: "Grown up is who is 14.", 16: "Up to 15 you are small."},
        ),
        Fact(
            name="senior",
            topic="seniors",
            words="senior|old|elderly|retire",
            says={60: "The limit is 60.", 65: "The limit is 65.", 68: "The limit is 68."},
        ),
        Fact(
            name="edge",
            topic="exactly at the limit",
            words="exactly|equal|boundary|birthday|inclusive",
            says={"at": "On reaching the limit of age you count as old.", "above": "Only from the year after it."},
        ),
        Fact(
            name="labels",
            topic="result",
            words="label|name|return|output|format|written",
            says={"words": "Words, in small letters.", "numbers": "The numbers 0, 1, 2, from young to old."},
        ),
    ),
    make=_age_group,
    write=_write_age_group,
    inputs=((5,), (12,), (14,), (16,), (60,), (63,), (65,), (66,), (68,), (80,)),
)


def _duration(form: str, days: str, negative: str) -> Callable[..., Any]:
    def duration(minutes: int) -> str:
        sign = "-" if minutes < 0 and negative == "sign" else ""
        hours, rest = divmod(abs(minutes) if minutes > 0 or sign else 0, 60)
        front = ""
        if days == "shown" and hours >= 24:
            front = f"{hours // 24}d "
            hours %= 24
        ending = {
            "letters": f"{hours}h {rest}m",
            "colon": f"{hours}:{rest:02d}",
            "padded": f"{hours:02d}:{rest:02d}",
            "dot": f"{hours}.{rest:02d} h",
        }
        return sign + front + ending[form]

    return duration


def _write_duration(form: str, days: str, negative: str) -> str:
    below = '    sign = "-" if minutes < 0 else ""\n    minutes = abs(minutes)\n'
    if negative == "zero":
        below = '    sign = ""\n    minutes = max(minutes, 0)\n'
    day = ""
    if days == "shown":
        day = '    if hours > 23:\n        sign += str(hours // 24) + "d "\n        hours = hours % 24\n'
    ending = {
        "letters": 'str(hours) + "h " + str(rest) + "m"',
        "colon": 'str(hours) + ":" + str(rest).zfill(2)',
        "padded": 'str(hours).zfill(2) + ":" + str(rest).zfill(2)',
        "dot": 'str(hours) + "." + str(rest).zfill(2) + " h"',
    }[form]
    return f"""def duration(minutes):
{below}    hours = minutes // 60
    rest = minutes % 60
{day}    return sign + {ending}
"""


_DURATION = Family(
    function="duration",
    parameters="minutes",
    request="a number of minutes as text, in hours and minutes",
    facts=(
        Fact(
            name="form",
            topic="form",
            words="format|look|written|show|example|colon",
            says={"letters": "Like 1h 5m.", "colon": "Like 1:05.", "padded": "Like 01:05.", "dot": "Like 1.05 h."},
        ),
        Fact(
            name="days",
            topic="days",
            words="day|24 hours|long durations|more than a day",
            says={"shown": "A full day goes before it, like 2d and a space.", "hours": "Just let the hours go on."},
        ),
        Fact(
            name="negative",
            topic="negative minutes",
            words="negative|below zero|minus|less than zero",
            says={"sign": "A minus at the very front.", "zero": "Treat less than nothing as nothing."},
        ),
    ),
    make=_duration,
    write=_write_duration,
    inputs=((0,), (5,), (65,), (600,), (1440,), (1505,), (-5,), (-130,), (-3000,), (4321,)),
)


def _grade(passing: int, style: str, bonus: str) -> Callable[..., Any]:
    def grade(points: int) -> Any:
        capped = min(points, 100) if bonus == "cut" else points
        if style == "points":
            return capped if capped >= passing else 0
        if style == "words":
            return "excellent" if capped > 100 else "pass" if capped >= passing else "fail"
        return (capped - passing) // 10 + 1 if capped >= passing else 0

    return grade


def _write_grade(passing: int, style: str, bonus: str) -> str:
    cut = "    if points > 100:\n        points = 100\n" if bonus == "cut" else ""
    fail = '"fail"' if style == "words" else "0"
    ending = {
        "points": "    return points\n",
        "words": '    if points > 100:\n        return "excellent"\n    return "pass"\n',
        "steps": f"    return (points - {passing}) // 10 + 1\n",
    }[style]
    return f"""def grade(points):
{cut}    if points < {passing}:
        return {fail}
{ending}"""


_GRADE = Family(
    function="grade",
    parameters="points",
    request="the grade for an examination, by points of which one hundred are usual",
    facts=(
        Fact(
            name="passing",
            topic="points to pass",
            words="pass|passing|minimum|threshold|fail",
            says={50: "Half the points are enough.", 60: "You need 60.", 65: "You need 65.", 70: "You need 70."},
        ),
        Fact(
            name="style",
            topic="result",
            words="style|scale|letter|format|return|output|look",
            says={
                "points": "The points themselves, or 0 for who fails.",
                "words": "pass or fail, and excellent for who is above one hundred.",
                "steps": "1 for who just passes, one more for every full ten points above, 0 for who fails.",
            },
        ),
        Fact(
            name="bonus",
            topic="more than one hundred",
            words="over 100|above 100|more than 100|bonus|extra|above one hundred",
            says={
                "cut": "Bonus points count only until the hundred is full.",
                "kept": "Bonus points count like others.",
            },
        ),
    ),
    make=_grade,
    write=_write_grade,
    inputs=((0,), (49,), (50,), (59,), (60,), (66,), (70,), (95,), (100,), (125,)),
)

RULES = (_IS_OPEN, _AGE_GROUP, _DURATION, _GRADE)
