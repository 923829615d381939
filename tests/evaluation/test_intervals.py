"""Intervals: published numbers, symmetry, and what a bootstrap over tasks must and must not do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infopo.evaluation import cluster_bootstrap, wilson

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
