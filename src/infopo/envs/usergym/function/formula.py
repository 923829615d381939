"""Formulas of a, b, c, d: read from text, evaluated without running anything, and the families they are drawn from."""

import ast
import operator
from collections.abc import Callable, Sequence
from functools import cache
from itertools import combinations

from infopo.core import UserError

VARIABLES = ("a", "b", "c", "d")
Formula = Callable[[Sequence[float]], float]

_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


@cache
def read_formula(rule: str) -> Formula:
    """The function behind a rule such as `(a + c * b) ** 2 - d`; `UserError` for anything but that arithmetic.

    Calling it may raise `ArithmeticError`; a complex result is a `TypeError`, as in any arithmetic that wants a float.

    >>> read_formula("c * (a * b) * d")([1, 2, 3, 4])
    24.0
    """
    try:
        tree = ast.parse(rule, mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise UserError(f"rule {rule!r} is no formula of a, b, c, d") from error
    compiled = _compile(tree, rule)

    def value(numbers: Sequence[float]) -> float:
        result = compiled([float(number) for number in numbers])
        if isinstance(result, complex):
            raise TypeError(f"rule {rule!r} has no real value here")
        return result

    return value


def _compile(node: ast.expr, rule: str) -> Formula:
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        apply = _OPERATORS[type(node.op)]
        left, right = _compile(node.left, rule), _compile(node.right, rule)
        return lambda numbers: apply(left(numbers), right(numbers))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner, sign = _compile(node.operand, rule), -1.0 if isinstance(node.op, ast.USub) else 1.0
        return lambda numbers: sign * inner(numbers)
    if isinstance(node, ast.Name) and node.id in VARIABLES:
        place = VARIABLES.index(node.id)
        return lambda numbers: numbers[place]
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        constant = float(node.value)  # type: ignore[arg-type]
        return lambda numbers: constant
    raise UserError(f"rule {rule!r}: only a, b, c, d, numbers, + - * / ** and brackets are understood")


_PRIME = (1 << 61) - 1
# A formula is known by its value at one fixed scattered point, modulo a prime: equal functions agree there, and
# others do not (a chance of some 2^-60 a pair).
_POINT = dict(
    zip(VARIABLES, (918273645546372819, 123456789987654321, 777666555444333222, 192837465564738291), strict=True)
)

_Known = dict[int, str]  # value at the point -> the first formula found that has it


@cache
def small_family() -> tuple[tuple[str, int], ...]:
    """One of a, b, c, d, or the sum or the product of two: (formula, signature).

    >>> [formula for formula, _ in small_family()][:6]
    ['a', 'b', 'c', 'd', 'a + b', 'a * b']
    """
    pairs = [(x, sign, y) for x, y in combinations(VARIABLES, 2) for sign in "+*"]
    both = [(f"{x} {sign} {y}", _value(sign, _POINT[x], _POINT[y])) for x, sign, y in pairs]
    return (*_POINT.items(), *both)


@cache
def family(operators: str) -> tuple[tuple[str, int], ...]:
    """Every distinct function that uses a, b, c, d once each, with one square at most: (formula, signature).

    >>> len(family("+-*/"))
    9535
    """
    table: dict[tuple[str, ...], tuple[_Known, _Known]] = {}  # variables -> without a square, with one
    for count in range(1, len(VARIABLES) + 1):
        for chosen in combinations(VARIABLES, count):
            plain: _Known = {_POINT[chosen[0]]: chosen[0]} if count == 1 else {}
            squared: _Known = {}
            for size in range(1, count):
                for left in combinations(chosen, size):
                    right = tuple(name for name in chosen if name not in left)
                    _combine(plain, table[left][0], table[right][0], operators)
                    _combine(squared, table[left][0], table[right][1], operators)
                    _combine(squared, table[left][1], table[right][0], operators)
            for value, text in plain.items():
                squared.setdefault(value * value % _PRIME, f"{text} ** 2")
            table[chosen] = (plain, squared)
    plain, squared = table[VARIABLES]
    everything = squared | plain  # a function that needs no square is written without one
    return tuple((_without_brackets(text), value) for value, text in sorted(everything.items()))


def _combine(into: _Known, lefts: _Known, rights: _Known, operators: str) -> None:
    for x, left in lefts.items():
        for y, right in rights.items():
            for sign in operators:
                into.setdefault(_value(sign, x, y), f"({left} {sign} {right})")


def _value(sign: str, x: int, y: int) -> int:
    if sign == "+":
        return (x + y) % _PRIME
    if sign == "-":
        return (x - y) % _PRIME
    return x * y % _PRIME if sign == "*" else x * pow(y, -1, _PRIME) % _PRIME


def _without_brackets(text: str) -> str:
    """The formula without a pair of brackets around all of it."""
    return ast.unparse(ast.parse(text, mode="eval"))
