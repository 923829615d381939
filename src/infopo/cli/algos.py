"""`infopo algos`: the training methods."""

import dataclasses
import sys
import textwrap
from collections.abc import Sequence
from typing import Literal, get_args, get_origin, get_type_hints

from infopo import algorithms
from infopo.algorithms.loss_config import LossConfig
from infopo.core import UserError

USAGE = "usage: infopo algos [NAME]\n\nList the training methods, or one with its formula, options and source."
NEEDS = {
    "gain": "the information gain of turns: one more pass over each episode in which it matters",
    "critic": "a critic: a value head on the policy's layers, trained beside it",
    "reference_answer": "a ground truth: an environment whose tasks declare a reference answer",
    "state_key": "state keys: an environment that names the state before each action",
}


def run(arguments: Sequence[str]) -> int:
    """List every method, or one with its formula, options and needs: `infopo algos [NAME]`."""
    if any(argument in ("-h", "--help") for argument in arguments):
        print(USAGE)
        return 0
    if len(arguments) > 1:
        raise UserError(f"infopo algos takes one method, got {' '.join(arguments)}")
    if arguments:
        _describe(arguments[0])
        return 0
    for name in algorithms.names():
        method = algorithms.get(name)
        needs = f" (needs {', '.join(sorted(method.needs))})" if method.needs else ""
        print(f"{name:16s} {method.summary}{needs}")
    return 0


def _describe(name: str) -> None:
    method, options = algorithms.get(name), algorithms.options_of(name)
    print(f"{name}: {method.summary}\n")
    print((sys.modules[method.credit.__module__].__doc__ or "").strip())
    print("\noptions (--algo-options.NAME VALUE), with their defaults:")
    kinds = get_type_hints(type(options))
    for field in dataclasses.fields(options):
        words = [str(word) for word in get_args(kinds[field.name]) if get_origin(kinds[field.name]) is Literal]
        print(f"  {field.name:22s} {getattr(options, field.name)!s:11s} {', '.join(words)}".rstrip())
    print("\n" + textwrap.fill(" ".join((options.__doc__ or "").split()), 120))
    print("\nneeds:" + ("" if method.needs else " nothing but outcomes"))
    for need in sorted(method.needs):
        print(f"  {NEEDS[need]}")
    print("\npublished with (--preset as-published), where it is not what preset matched has:")
    for line in _published(method) or ["  no difference"]:
        print(line)


def _published(method: algorithms.Method) -> list[str]:
    usual = LossConfig()
    lines = [
        f"  loss.{field.name:22s} {getattr(method.loss, field.name)} (matched: {getattr(usual, field.name)})"
        for field in dataclasses.fields(LossConfig)
        if getattr(method.loss, field.name) != getattr(usual, field.name)
    ]
    if method.filter is not None:
        lines.append(f"  filter {method.filter.kind:20s} (matched: none)")
    return lines + [f"  its {part} is what it is: kept under preset matched too" for part in sorted(method.defining)]
