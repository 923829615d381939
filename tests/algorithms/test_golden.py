"""Advantages agree, number by number, with the golden cases."""

from typing import Any

import numpy as np
import pytest

from infopo import algorithms
from infopo.algorithms import CreditBatch
from infopo.algorithms.group_stats import deviation, zscore
from infopo.algorithms.infopo import gate, turn_zscores
from infopo.gain.arithmetic import turn_gain
from infopo.gain.spec import GainSpec

from .conftest import make_batch

CLOSE = {"atol": 1e-6, "rtol": 1e-6}


def fixture_batch(golden: dict[str, Any]) -> CreditBatch:
    fixture = golden["fixture"]
    numbers = {name: number for number, name in enumerate(sorted(set(fixture["index"])))}
    batch = make_batch(
        [numbers[name] for name in fixture["index"]],
        fixture["outcome"],
        fixture["action_spans"],
        fixture["info_gain_per_turn"],
        length=fixture["T"],
    )
    assert (batch.sampled == np.array(fixture["mask"], dtype=bool)).all()
    return batch


def test_grpo(golden: dict[str, Any]) -> None:
    expected = np.array(golden["cases"]["grpo"]["expected"]["tokens"])
    found = algorithms.get("grpo", singleton="pass").credit(fixture_batch(golden)).advantages
    np.testing.assert_allclose(found, expected, **CLOSE)


def test_grpo_gives_a_group_of_one_nothing_by_default(golden: dict[str, Any]) -> None:
    expected = np.array(golden["cases"]["grpo"]["expected"]["tokens"])
    expected[5] = 0.0
    credit = algorithms.get("grpo").credit(fixture_batch(golden))
    np.testing.assert_allclose(credit.advantages, expected, **CLOSE)
    assert credit.stats["adv/singleton_groups"] == 1
    assert credit.stats["adv/zero_var_groups"] == 1


def test_grpo_binary_group_of_five(golden: dict[str, Any]) -> None:
    case = golden["cases"]["grpo_binary_group5"]
    rewards = np.array(case["inputs"]["R"])
    np.testing.assert_allclose(zscore(rewards), case["expected"]["trajectory"], **CLOSE)
    assert deviation(rewards) == pytest.approx(case["expected"]["std"], abs=1e-6)


def test_infopo(golden: dict[str, Any]) -> None:
    case = golden["cases"]["infopo_principled"]
    batch = fixture_batch(golden)
    method = algorithms.get("infopo", beta=case["inputs"]["beta"], gate_temperature=case["inputs"]["T"])
    np.testing.assert_allclose(method.credit(batch).advantages, case["expected"]["advantages"], **CLOSE)
    for row, expected in zip(turn_zscores(batch), case["expected"]["turn_info_z"], strict=True):
        np.testing.assert_allclose(row, expected + [0.0] * (len(row) - len(expected)), **CLOSE)


def test_infopo_statistics_of_the_groups(golden: dict[str, Any]) -> None:
    expected = golden["cases"]["infopo_principled"]["expected"]
    stats = algorithms.get("infopo").credit(fixture_batch(golden)).stats
    sigmas = [group["outcome_std"] for group in expected["group_stats"].values()]
    gates = [expected["gate"][0], expected["gate"][3], expected["gate"][5]]
    assert stats["info/group_std_max"] == pytest.approx(max(sigmas), abs=1e-6)
    assert stats["info/group_std_mean"] == pytest.approx(np.mean(sigmas), abs=1e-6)
    assert stats["info/gate_mean"] == pytest.approx(np.mean(gates), abs=1e-6)
    assert stats["info/gate_min"] == pytest.approx(min(gates), abs=1e-6)
    assert stats["info/effective_weight"] == pytest.approx(0.5 * np.mean(gates), abs=1e-6)


def test_turn_gain(golden: dict[str, Any]) -> None:
    case = golden["cases"]["infopo_turn_gain"]
    given = case["inputs"]["logp_with_feedback"], [case["inputs"]["logp_with_placeholder"]]
    gain = turn_gain(*given, spec=GainSpec())
    assert gain.sum == pytest.approx(case["expected"]["sum"])
    assert gain.value == gain.mean == pytest.approx(case["expected"]["info_gain"])
    assert gain.tokens == len(given[0])
    assert turn_gain(*given, spec=GainSpec(reduction="sum")).value == gain.sum


def test_gate_table(golden: dict[str, Any]) -> None:
    case = golden["cases"]["infopo_gate_table"]
    for temperature in case["inputs"]["T"]:
        expected = case["expected"]["sigmoid"][str(temperature)]
        found = [gate(sigma, temperature) for sigma in case["inputs"]["group_std"]]
        np.testing.assert_allclose(found, expected, rtol=1e-5)
