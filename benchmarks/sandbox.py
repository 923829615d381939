"""How many small programs a second the sandbox runs, at each level that works here, and what one costs in CPU time.

python benchmarks/sandbox.py [PROGRAMS]
"""

import asyncio
import resource
import sys
import time

from infopo.sandbox import Program, available, run_program

PROGRAM = Program(
    source="""
def longest_run(numbers):
    best = run = 0
    for before, after in zip([None, *numbers], numbers):
        run = run + 1 if before == after else 1
        best = max(best, run)
    return best
""",
    calls=tuple(([number % 7, number % 7, number, 3, 3, 3, number],) for number in range(10)),
)


def cpu_seconds() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


async def measure(level: str, programs: int) -> str:
    await run_program(PROGRAM, provider=level)
    cpu, begun = cpu_seconds(), time.perf_counter()
    results = await asyncio.gather(*[run_program(PROGRAM, provider=level) for _ in range(programs)])
    seconds, cpu = time.perf_counter() - begun, cpu_seconds() - cpu
    right = sum(result.error is None and result.results[0].value == 3 for result in results)
    speed = f"{programs / seconds:.1f} programs a second, {1000 * cpu / programs:.1f} ms of CPU each"
    return f"{level}: {speed}, {right} of {programs} right"


def main() -> None:
    programs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for one in available():
        print(asyncio.run(measure(one.level, programs)) if one.works else f"{one.level}: {one.reason}")


if __name__ == "__main__":
    main()
