"""Intervals: published numbers, symmetry, and what a bootstrap over tasks must and must not do."""

import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infopo.evaluation import cluster_bootstrap, mean_interval, wilson

ROOT = Path(__file__).parents[2]

# computed by hand from the formula; 0 of n has the upper end z^2 / (n + z^2)
KNOWN = [
    ((10, 20), (0.2993, 0.7007)),
    ((1, 10), (0.0179, 0.4042)),
    ((0, 10), (0.0, 0.2775)),
    ((160, 200), (0.7391, 0.8495)),
]


@pytest.mark.parametrize(("counts", "expected"), KNOWN)
def test_wilson_gives_the_known_numbers(counts: tuple[int, int], expected: tuple[float, float]) -> None:
    assert wilson(*counts) == pytest.approx(expected, abs=1e-4)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_rate_and_is_symmetric(counts: tuple[int, int]) -> None:
    successes, n = counts
    interval, mirrored = wilson(successes, n), wilson(n - successes, n)
    assert interval is not None
    assert mirrored is not None
    assert 0.0 <= interval[0] <= successes / n <= interval[1] <= 1.0
    assert interval[0] == pytest.approx(1 - mirrored[1])
    assert interval[1] - interval[0] > 0


def test_nothing_counted_is_no_interval() -> None:
    assert wilson(0, 0) is None
    assert cluster_bootstrap([], seed=0) is None
    assert cluster_bootstrap([[], []], seed=0) is None
    with pytest.raises(ValueError, match="3 successes out of 2"):
        wilson(3, 2)


def test_the_bootstrap_is_a_function_of_its_seed() -> None:
    clusters = [[1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [1.0]] * 5
    assert cluster_bootstrap(clusters, seed=3) == cluster_bootstrap(clusters, seed=3)
    assert cluster_bootstrap(clusters, seed=3) != cluster_bootstrap(clusters, seed=4)


def test_repeating_an_episode_adds_no_certainty() -> None:
    once = cluster_bootstrap([[float(k % 2)] for k in range(40)], seed=0)
    often = cluster_bootstrap([[float(k % 2)] * 8 for k in range(40)], seed=0)
    assert once is not None
    assert often == pytest.approx(once)
    spread = cluster_bootstrap([[float(j % 2) for j in range(8)] for _ in range(40)], seed=0)
    assert spread == (0.5, 0.5)  # tasks do not differ at all


def test_the_bootstrap_agrees_with_wilson_on_single_episodes() -> None:
    found = cluster_bootstrap([[1.0]] * 70 + [[0.0]] * 30, seed=1)
    assert found == pytest.approx(wilson(70, 100), abs=0.02)


# -- which interval, and how often it holds the truth


def clusters(counts: Sequence[int]) -> list[list[float]]:
    """Tasks of `len(counts) - 1` episodes, of which `counts[k]` had k successes."""
    samples = len(counts) - 1
    return [[1.0] * good + [0.0] * (samples - good) for good, times in enumerate(counts) for _ in range(times)]


@pytest.mark.parametrize(
    ("counts", "method"),
    [
        ((20, 10), "wilson"),
        ((400, 100), "wilson"),
        ((20, 5, 5), "wilson-design-effect"),
        ((30, 0, 0), "wilson-tasks"),
        ((27, 2, 1), "wilson-tasks"),
        ((1, 2, 27), "wilson-tasks"),
        ((30, 40, 30), "cluster-bootstrap"),
        ((29, 41, 29), "wilson-design-effect"),  # too few tasks
        ((480, 10, 10), "wilson-design-effect"),  # too few that ever succeed
    ],
)
def test_the_interval_is_chosen_by_tasks_and_by_how_many_vary(counts: tuple[int, ...], method: str) -> None:
    found = mean_interval(clusters(counts), seed=0)
    assert found is not None
    assert found.method == method
    mean = sum(map(sum, clusters(counts))) / (sum(counts) * (len(counts) - 1))
    assert found.low <= mean <= found.high
    assert found.high > found.low


def test_the_bootstrap_agrees_with_its_exact_distribution() -> None:
    # The sum over n drawn tasks is an n-fold convolution; no resample is drawn.
    for counts in ((30, 40, 30), (70, 10, 5, 5, 40), (450, 20, 15, 15)):
        tasks, samples = sum(counts), len(counts) - 1
        chances = np.ones(1)
        for _ in range(tasks):
            chances = np.convolve(chances, np.array(counts) / tasks)
        cumulated = np.cumsum(chances)
        expected = [int(np.searchsorted(cumulated, point)) / (tasks * samples) for point in (0.025, 0.975)]
        assert cluster_bootstrap(clusters(counts), seed=0) == pytest.approx(expected, abs=0.004)


def test_unequal_tasks_weigh_by_their_episodes() -> None:
    found = mean_interval([[1.0, 1.0, 0.0], [0.0], [1.0, 0.0], [1.0], [0.0, 0.0], [1.0, 0.0, 0.0]], seed=0)
    assert found is not None
    # 5 of 12; sums less 5/12 of the counts are 9, -5, 2, 7, -10 and -3 twelfths, their squares sum to 268 / 144
    variance = 6 / 5 * (268 / 144) / 12**2
    effective = (5 / 12) * (7 / 12) / variance
    assert 6 < effective < 16
    effective = min(effective, 12)
    assert found.method == "wilson-design-effect"
    assert (found.low, found.high) == pytest.approx(wilson(effective * 5 / 12, effective))


def test_scores_that_hardly_vary_have_a_narrow_interval() -> None:
    close = mean_interval([[0.5 + 0.01 * (k % 3)] for k in range(50)], seed=0)
    apart = mean_interval([[float(k % 2)] for k in range(50)], seed=0)
    assert close is not None
    assert apart is not None
    assert close.high - close.low < 0.1 * (apart.high - apart.low)


@pytest.mark.parametrize("tasks", [30, 100, 500])
@pytest.mark.parametrize("rate", [0.05, 0.5, 0.95])
def test_wilson_covers_exactly_as_the_page_says(tasks: int, rate: float) -> None:
    covered = 0.0
    for successes in range(tasks + 1):
        found = mean_interval(clusters((tasks - successes, successes)), seed=0)
        assert found is not None
        if found.low <= rate <= found.high:
            covered += math.comb(tasks, successes) * rate**successes * (1 - rate) ** (tasks - successes)
    assert 0.93 <= covered <= 0.97


@pytest.mark.parametrize("rate", [0.05, 0.5])
@pytest.mark.parametrize("correlation", [0.0, 0.2])
def test_few_tasks_with_several_episodes_are_covered(rate: float, correlation: float) -> None:
    generator = np.random.default_rng(11)
    simulations, tasks, samples = 2_000, 30, 4
    size = 1 / correlation - 1 if correlation else math.inf
    chances = generator.beta(rate * size, (1 - rate) * size, (simulations, tasks)) if correlation else rate
    drawn = generator.binomial(samples, chances, (simulations, tasks))
    held = plain = 0
    for row in drawn:
        counts = np.bincount(row, minlength=samples + 1)
        found = mean_interval(clusters(counts.tolist()), seed=0)
        assert found is not None
        held += found.low <= rate <= found.high
        error = row.std(ddof=1) / samples / math.sqrt(tasks)
        plain += abs(row.mean() / samples - rate) <= 1.96 * error
    assert 0.92 <= held / simulations <= 0.98  # two and a half standard errors around 93 and 97 %
    if rate == 0.05 and correlation:
        assert plain / simulations < 0.92  # what the plain interval would do


def coverage_rows(text: str) -> dict[tuple[str, ...], float]:
    """Coverage of the chosen interval by tasks, episodes, rate and correlation."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return {tuple(row[:4]): float(row[4]) for row in rows if len(row) == 7 and row[0].isdigit()}


def test_the_table_of_the_page_is_whole_and_within_its_bounds() -> None:
    found = coverage_rows((ROOT / "docs/evaluation.md").read_text())
    alike = {1: ("any, exact",), 4: ("0.0", "0.2", "0.5"), 8: ("0.0", "0.2", "0.5")}
    assert found.keys() == {
        (str(tasks), str(samples), str(rate), correlation)
        for tasks in (30, 100, 500)
        for samples, correlations in alike.items()
        for rate in (0.05, 0.5, 0.95)
        for correlation in correlations
    }
    assert all(93 <= coverage <= 97 for coverage in found.values())


@pytest.mark.slow
def test_the_benchmark_prints_the_exact_rows_of_the_page() -> None:
    done = subprocess.run(
        [sys.executable, "benchmarks/interval_coverage.py", "--simulations", "50"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    page, printed = coverage_rows((ROOT / "docs/evaluation.md").read_text()), coverage_rows(done.stdout)
    assert printed.keys() == page.keys()
    exact = [row for row in page if row[3].endswith("exact")]
    assert {row: printed[row] for row in exact} == {row: page[row] for row in exact}
