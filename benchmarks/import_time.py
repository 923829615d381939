"""How long `import infopo` takes in a fresh interpreter: best and median of some runs. The goal is under 0.3 s.

python benchmarks/import_time.py [RUNS]
"""

import statistics
import subprocess
import sys

CODE = "import time; start = time.perf_counter(); import infopo; print(time.perf_counter() - start)"


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    seconds = [
        float(subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True).stdout)
        for _ in range(runs)
    ]
    print(f"import infopo: best {min(seconds):.3f} s, median {statistics.median(seconds):.3f} s of {runs} runs")


if __name__ == "__main__":
    main()
