"""`infopo algos`: the training methods."""

from collections.abc import Sequence

from infopo.core import UserError


def run(arguments: Sequence[str]) -> int:
    """List every method with what it needs."""
    if any(argument in ("-h", "--help") for argument in arguments):
        print("usage: infopo algos\n\nList the training methods.")
        return 0
    if arguments:
        raise UserError(f"infopo algos takes no arguments, got {' '.join(arguments)}")
    from infopo import algorithms

    for name in algorithms.names():
        method = algorithms.get(name)
        needs = f" (needs {', '.join(sorted(method.needs))})" if method.needs else ""
        print(f"{name:16s} {method.summary}{needs}")
    return 0
