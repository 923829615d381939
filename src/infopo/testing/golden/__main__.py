"""`python -m infopo.testing.golden FILE.json`: one line a case, then a count.

Exit code 0: all agree. 1: a case does not, or no handler knows its method. 2: the file, or a case of it, cannot be run.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from infopo.testing.golden import GoldenError, GoldenResult, run_file

USAGE = "usage: python -m infopo.testing.golden FILE.json"


def main(arguments: Sequence[str]) -> int:
    """Run the cases of one file and print what came out; returns the exit code."""
    if list(arguments) in (["-h"], ["--help"]):
        print(USAGE)
        return 0
    if len(arguments) != 1:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        results = run_file(Path(arguments[0]))
    except GoldenError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for result in results:
        print(_line(result))
    broken = [result for result in results if result.status == "broken"]
    for result in broken:
        print(f"error: {result.detail}", file=sys.stderr)
    agree = sum(result.ok for result in results)
    print(f"{agree} of {len(results)} cases agree")
    return 2 if broken else int(agree < len(results))


def _line(result: GoldenResult) -> str:
    largest = f"largest difference {result.largest:.1e}" if result.status in ("ok", "wrong") else ""
    return f"{result.status:8s} {result.case:40s} {' '.join(part for part in (largest, result.detail) if part)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
