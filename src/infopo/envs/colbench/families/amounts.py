"""Functions about money and measures."""

import math
from collections.abc import Callable
from typing import Any

from infopo.envs.colbench.task import Fact, Family


def _shipping(base: int, kilo: int, started: str, express: str) -> Callable[..., Any]:
    def shipping(weight: float, fast: bool) -> float:
        kilos = math.ceil(weight) if started == "up" else weight
        price = base + kilo * kilos
        if not fast:
            return price
        return price * 2 if express == "double" else price + 10

    return shipping


def _write_shipping(base: int, kilo: int, started: str, express: str) -> str:
    kilos = "-(-weight // 1)" if started == "up" else "weight"
    return f"""def shipping(weight, fast):
    price = {base} + {kilo} * {kilos}
    if fast:
        price {"*= 2" if express == "double" else "+= 10"}
    return price
"""


_SHIPPING = Family(
    function="shipping",
    parameters="weight, fast",
    request="what it costs to ship a parcel of some weight in kilograms, and whether it has to be fast",
    facts=(
        Fact(
            name="base",
            topic="fixed price",
            words="basic price|base price|flat price|flat fee|fixed fee",
            says={4: "Every parcel costs 4 to begin with.", 6: "It starts at 6.", 9: "Nine is the fixed part."},
        ),
        Fact(
            name="kilo",
            topic="price per kilogram",
            words="per kilo|per kilogram|each kilogram|weight price",
            says={1: "One for a kilogram.", 2: "Two for a kilogram.", 3: "Three for a kilogram."},
        ),
        Fact(
            name="started",
            topic="part of a kilogram",
            words="rounding|round|started kilogram|fraction|partial kilogram",
            says={
                "up": "A kilogram that is begun counts in full.",
                "exact": "Half a kilogram is half the price, to the gram.",
            },
        ),
        Fact(
            name="express",
            topic="fast delivery",
            words="fast|express|quick|urgent",
            says={"double": "Fast costs twice as much in all.", "ten": "Fast is 10 more."},
        ),
    ),
    make=_shipping,
    write=_write_shipping,
    inputs=(
        (1, False),
        (2, False),
        (3.5, False),
        (0.5, False),
        (10, False),
        (1, True),
        (2, True),
        (3.5, True),
        (0.5, True),
        (20, True),
    ),
)


def _late_fee(grace: int, daily: int, cap: str) -> Callable[..., Any]:
    def late_fee(days: int, price: int) -> int:
        fee = daily * max(0, days - grace)
        return {"none": fee, "price": min(fee, price), "twenty": min(fee, 20)}[cap]

    return late_fee


def _write_late_fee(grace: int, daily: int, cap: str) -> str:
    price = "\n    if fee > price:\n        fee = price"
    limit = {"none": "", "price": price, "twenty": "\n    fee = min(20, fee)"}[cap]
    return f"""def late_fee(days, price):
    if days <= {grace}:
        return 0
    fee = (days - {grace}) * {daily}{limit}
    return fee
"""


_LATE_FEE = Family(
    function="late_fee",
    parameters="days, price",
    request="the fee for a book that came back some days late, given what the book costs",
    facts=(
        Fact(
            name="grace",
            topic="days without a fee",
            words="grace|grace period|free days|days are free",
            says={0: "We charge from the first day.", 3: "Three days are free.", 7: "The first week is free."},
        ),
        Fact(
            name="daily",
            topic="fee per day",
            words="per day|daily|each day|rate",
            says={
                1: "One for each day.",
                2: "Two for each day.",
                4: "Four for each day.",
                5: "Five for each day.",
            },
        ),
        Fact(
            name="cap",
            topic="highest fee",
            words="maximum|cap|limit|at most|most",
            says={
                "none": "There is no limit to it.",
                "price": "Never more than the book costs.",
                "twenty": "Never more than 20.",
            },
        ),
    ),
    make=_late_fee,
    write=_write_late_fee,
    inputs=((0, 10), (1, 10), (3, 10), (4, 12), (7, 30), (8, 30), (9, 5), (20, 10), (30, 40), (60, 200)),
)


def _discount(threshold: int, percent: int, member: str, edge: str) -> Callable[..., Any]:
    def discount(total: int, is_member: bool) -> float:
        reached = total >= threshold if edge == "at" else total > threshold
        points = percent if reached else 0
        if is_member:
            points = points * 2 if member == "double" else points + 5
        return total * (100 - points) / 100

    return discount


def _write_discount(threshold: int, percent: int, member: str, edge: str) -> str:
    return f"""def discount(total, is_member):
    percent = 0
    if total {">=" if edge == "at" else ">"} {threshold}:
        percent = {percent}
    if is_member:
        percent {"*= 2" if member == "double" else "+= 5"}
    return total * (100 - percent) / 100
"""


_DISCOUNT = Family(
    function="discount",
    parameters="total, is_member",
    request="what a customer pays after our discount for large orders, who may be a member",
    facts=(
        Fact(
            name="threshold",
            topic="large order",
            words="threshold|minimum|how large|what total|from which total",
            says={50: "An order is large from 50.", 100: "An order is large from 100.", 200: "Large begins with 200."},
        ),
        Fact(
            name="percent",
            topic="percentage",
            words="percent|discount rate|how much off|size of the discount",
            says={5: "Five percent off.", 10: "Ten percent off.", 20: "Twenty percent off."},
        ),
        Fact(
            name="member",
            topic="members",
            words="member|membership",
            says={
                "double": "Their discount is twice that of others.",
                "five": "They get five percentage points more, always.",
            },
        ),
        Fact(
            name="edge",
            topic="exactly at the limit",
            words="exactly|equal|boundary|edge",
            says={"at": "Who just reaches it gets it.", "above": "It takes more than that, not just that."},
        ),
    ),
    make=_discount,
    write=_write_discount,
    inputs=(
        (40, False),
        (50, False),
        (60, False),
        (100, False),
        (120, False),
        (200, False),
        (300, False),
        (40, True),
        (100, True),
        (300, True),
    ),
)


def _split_bill(tip: int, rest: str, nobody: str) -> Callable[..., Any]:
    def split_bill(cents: int, people: int) -> list[int]:
        if not people:
            return [] if nobody == "empty" else [cents]
        total = cents + cents * tip // 100
        share, left = divmod(total, people)
        if rest == "everyone":
            return [share + (left > 0)] * people
        shares = [share] * people
        shares[0 if rest == "first" else -1] += left
        return shares

    return split_bill


def _write_split_bill(tip: int, rest: str, nobody: str) -> str:
    add = {
        "first": "shares[0] += total % people",
        "last": "shares[people - 1] += total % people",
        "everyone": "if total % people:\n        shares = [share + 1 for share in shares]",
    }[rest]
    return f"""def split_bill(cents, people):
    if people == 0:
        return {"[]" if nobody == "empty" else "[cents]"}
    total = cents + cents * {tip} // 100
    shares = [total // people for _ in range(people)]
    {add}
    return shares
"""


_SPLIT_BILL = Family(
    function="split_bill",
    parameters="cents, people",
    request="who pays what, as a list of cents, when a bill is split between some people",
    facts=(
        Fact(
            name="tip",
            topic="tip",
            words="gratuity|service",
            says={0: "No tip.", 10: "Add ten percent as a tip.", 20: "Add a fifth as a tip."},
        ),
        Fact(
            name="rest",
            topic="cents that are left",
            words="remainder|left over|rest|uneven|rounding|round",
            says={
                "first": "The first one pays what is left.",
                "last": "The last one pays what is left.",
                "everyone": "Then everybody pays one cent more.",
            },
        ),
        Fact(
            name="nobody",
            topic="no people",
            words="nobody|zero people|no one|0 people",
            says={"empty": "Without people the list is empty.", "whole": "Without people the list is the whole bill."},
        ),
    ),
    make=_split_bill,
    write=_write_split_bill,
    inputs=((100, 3), (1000, 4), (101, 2), (999, 5), (50, 0), (7, 3), (1234, 6), (0, 2), (2000, 7), (500, 1)),
)


def _tax(free: int, rate: int, rounding: str) -> Callable[..., Any]:
    def tax(income: int) -> float:
        amount = max(0, income - free) * rate / 100
        return {"down": math.floor(amount), "up": math.ceil(amount), "exact": amount}[rounding]

    return tax


def _write_tax(free: int, rate: int, rounding: str) -> str:
    ending = {
        "down": "return taxed // 100",
        "up": "return (taxed + 99) // 100",
        "exact": "return taxed / 100",
    }[rounding]
    return f"""def tax(income):
    if income <= {free}:
        return 0
    taxed = (income - {free}) * {rate}
    {ending}
"""


_TAX = Family(
    function="tax",
    parameters="income",
    request="the tax on an income; incomes are whole numbers",
    facts=(
        Fact(
            name="free",
            topic="free amount",
            words="allowance|tax free|exempt|untaxed|free",
            says={1000: "The first 1000 are free.", 5000: "The first 5000 are free.", 8000: "Nothing up to 8000."},
        ),
        Fact(
            name="rate",
            topic="rate",
            words="percent|percentage|how much tax",
            says={
                10: "A tenth of what is above.",
                20: "A fifth of what is above.",
                25: "A quarter of what is above.",
                33: "It is 33 percent.",
            },
        ),
        Fact(
            name="rounding",
            topic="rounding",
            words="round|fraction|cents|decimals",
            says={
                "down": "Down to a whole number.",
                "up": "Up to a whole number.",
                "exact": "Leave the fraction as it is.",
            },
        ),
    ),
    make=_tax,
    write=_write_tax,
    inputs=((0,), (900,), (1003,), (1050,), (4999,), (5010,), (5055,), (8001,), (9007,), (20019,)),
)


def _share_of(decimals: int, zero: int, over: str) -> Callable[..., Any]:
    def share_of(part: int, whole: int) -> float:
        if whole == 0:
            return zero
        share = round(100 * part / whole, decimals)
        return min(share, 100) if over == "capped" else share

    return share_of


def _write_share_of(decimals: int, zero: int, over: str) -> str:
    cap = "\n    if share > 100:\n        return 100" if over == "capped" else ""
    return f"""def share_of(part, whole):
    if whole == 0:
        return {zero}
    share = 100 * part / whole{cap}
    return round(share, {decimals})
"""


_SHARE_OF = Family(
    function="share_of",
    parameters="part, whole",
    request="how many percent of a whole a part is",
    facts=(
        Fact(
            name="decimals",
            topic="decimals",
            words="decimal|digits|precision|rounding|round",
            says={0: "A whole percent will do.", 1: "One digit after the point.", 2: "Two digits after the point."},
        ),
        Fact(
            name="zero",
            topic="empty whole",
            words="zero|whole is 0|divide by zero|empty|nothing",
            says={0: "Then it is 0.", 100: "Then it is 100.", -1: "Give -1 for that."},
        ),
        Fact(
            name="over",
            topic="more than the whole",
            words="over 100|above 100|more than 100|exceeds|larger",
            says={"capped": "Never show more than a hundred.", "kept": "Just show it, even 250."},
        ),
    ),
    make=_share_of,
    write=_write_share_of,
    inputs=((1, 3), (2, 3), (1, 7), (5, 5), (0, 4), (3, 0), (10, 4), (8, 7), (1, 800), (19, 23)),
)

AMOUNTS = (_SHIPPING, _LATE_FEE, _DISCOUNT, _SPLIT_BILL, _TAX, _SHARE_OF)
