"""The golden runner can fail: on wrong numbers, on fields that it does not know, on files that are none."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from infopo.testing.golden import GoldenError, run_case, run_file
from infopo.testing.golden.__main__ import main
from infopo.testing.golden.compare import Tolerance, differences

GRPO = {
    "method": "grpo",
    "note": "two episodes of one group",
    "inputs": {"R": [1.0, 0.0], "index": ["a", "a"], "norm_by_std": True, "eps": 0.1},
    "expected": {"trajectory": [0.5 / (math.sqrt(0.5) + 0.1), -0.5 / (math.sqrt(0.5) + 0.1)], "std": math.sqrt(0.5)},
}
FIXTURE = {
    "T": 6,
    "index": ["x", "x", "y"],
    "turns_action_obs": [[[2, 1], [1, 0]], [[1, 1], [2, 0]], [[2, 0]]],
    "outcome": [1.0, 0.0, 0.25],
    "turn_rewards": [[0.5, 1.0], [0.25, 0.0], [0.5]],
}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """`write(case=..., ...)`: a golden file with these cases."""

    def make(fixture: Any = None, meta: Any = None, **cases: Any) -> Path:
        path = tmp_path / "golden.json"
        data = {"meta": {"tolerance": "abs 1e-5 or rel 1e-4"} if meta is None else meta, "cases": cases}
        path.write_text(json.dumps(data | ({"fixture": fixture} if fixture else {})))
        return path

    return make


def changed(case: dict[str, Any], **inputs: Any) -> dict[str, Any]:
    return case | {"inputs": {name: value for name, value in (case["inputs"] | inputs).items() if value is not None}}


def test_agreement_is_one_line_a_case_and_exit_code_0(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(write(one=GRPO, two=GRPO))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["ok", "one"], ["ok", "two"]]
    assert lines[2] == "2 of 2 cases agree"


@pytest.mark.parametrize(
    ("case", "says"),
    [
        (GRPO | {"expected": {"trajectory": [0.6195, -0.6194]}}, "at trajectory[1]"),
        (GRPO | {"expected": {"trajectory": [0.6194]}}, "at trajectory"),
        (GRPO | {"expected": {"trajectory": GRPO["expected"]["trajectory"], "median": 1.0}}, "which no function gives"),
        (GRPO | {"expected": {"std": None}}, "at std"),
        (changed(GRPO, eps=0.2), "at trajectory"),
        (changed(GRPO, norm_by_std=False), "at trajectory"),
        (GRPO | {"method": "grpo2"}, "no handler for method 'grpo2'"),
    ],
)
def test_a_mismatch_or_an_unknown_method_is_exit_code_1(
    write: Any, capsys: pytest.CaptureFixture[str], case: dict[str, Any], says: str
) -> None:
    assert main([str(write(good=GRPO, bad=case))]) == 1
    printed = capsys.readouterr().out
    assert says in printed
    assert "1 of 2 cases agree" in printed


@pytest.mark.parametrize(
    ("case", "field"),
    [
        (changed(GRPO, epss=0.1), "epss"),
        (changed(GRPO, eps="small"), "eps"),
        (changed(GRPO, norm_by_std=1), "norm_by_std"),
        (changed(GRPO, R=[1.0]), "outcome"),
        (changed(GRPO, R=[1.0, "x"]), "outcome"),
        (changed(GRPO, index=None), "index"),
        (changed(GRPO, use="other"), "use"),
        (changed(GRPO, turns_action_obs=[[[1, 0]]], T=2), "turns_action_obs"),
        (GRPO | {"inputs": 3}, "inputs"),
        (GRPO | {"expected": {}}, "expected"),
        ({"inputs": {}, "expected": {}}, "method"),
        (changed(GRPO, eps=-1.0), "epsilon"),
    ],
)
def test_a_broken_case_is_exit_code_2_and_names_file_case_and_field(
    write: Any, capsys: pytest.CaptureFixture[str], case: dict[str, Any], field: str
) -> None:
    path = write(good=GRPO, bad=case)
    assert main([str(path)]) == 2
    printed = capsys.readouterr()
    assert "ok       good" in printed.out
    assert str(path) in printed.err
    assert "'bad'" in printed.err
    assert field in printed.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not JSON"),
        ("[]", "'cases'"),
        ('{"meta": {}, "cases": {}}', "'cases'"),
        ('{"cases": {"a": {}}}', "'meta'"),
        ('{"meta": {"tolerance": "close"}, "cases": {"a": {}}}', "'meta.tolerance'"),
    ],
)
def test_a_broken_file_is_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    assert main([str(path)]) == 2
    printed = capsys.readouterr().err
    assert str(path) in printed
    assert says in printed


def test_no_file_and_no_argument_are_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "absent.json")]) == 2
    assert "absent.json: cannot be read" in capsys.readouterr().err
    assert main([]) == 2
    assert main(["-h"]) == 0
    with pytest.raises(GoldenError, match="cannot be read"):
        run_file(tmp_path / "absent.json")


def test_the_tolerance_is_that_of_the_file(write: Any) -> None:
    near = GRPO | {"expected": {"std": math.sqrt(0.5) + 1e-3}}
    assert not run_case(write(near=near), "near").ok
    result = run_case(write(near=near, meta={"tolerance": "abs 1e-2 or rel 1e-9"}), "near")
    assert result.ok
    assert result.largest == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("found", "expected", "agrees"),
    [
        (1.0, 1, True),
        (math.nan, 1.0, False),
        (math.nan, None, True),
        (None, 0.0, False),
        (True, 1.0, False),
        ("a", "a", True),
        ([1.0], 1.0, False),
        ({"a": 1.0, "b": 2.0}, {"a": 1.0}, True),
        ({}, {"a": 1.0}, False),
        ((1.0, 2.0), [1.0, 2.0], True),
        (math.inf, 5.0, False),
    ],
)
def test_what_counts_as_agreement(found: Any, expected: Any, agrees: bool) -> None:
    assert all(one.agrees for one in differences("x", found, expected, Tolerance())) == agrees


def test_every_option_of_a_case_is_honoured(write: Any) -> None:
    """By hand: R2G score and credit under gamma 0.5, centred; the group of one keeps its score."""
    inputs = {"use": "fixture", "reward": "turn_rewards", "gamma": 0.5, "norm_by_std": False}
    scores, credits = [1.0, 0.25, 0.5], [[1.0, 1.0], [0.25, 0.0], [0.5]]
    tokens = [[0.375, 0.375, 0, 0.375, 0, 0], [-0.375, 0, 0, 0, 0, 0], [0.5, 0.5, 0, 0, 0, 0]]
    case = {
        "method": "multiturn_outcome",
        "inputs": inputs | {"turn_method": "R2G", "score_method": "R2G"},
        "expected": {"scores": scores, "credits": credits, "z": [0.375, -0.375, 0.5], "tokens": tokens},
    }
    own = case | {"inputs": {**FIXTURE, **case["inputs"]}}
    for field in ("use", "outcome", "reward"):
        own["inputs"].pop(field)
    path = write(fixture=FIXTURE, shared=case, own=own)
    for result in run_file(path):
        assert result.ok, result
    for option in ({"gamma": 0.8}, {"norm_by_std": True}, {"turn_method": "EM"}, {"score_method": "Sum"}):
        assert run_case(write(fixture=FIXTURE, case=changed(case, **option)), "case").status == "wrong"


LAYOUT = {name: FIXTURE[name] for name in ("index", "turns_action_obs", "outcome", "turn_rewards")}
WIDTHS = {"token_intrinsic": [[0.3, 0.3, 0, 0, 0, 0], [0.2, 0, 0, 0, 0, 0], [0.0] * 6]}
LAID_OUT: dict[str, Any] = {
    "grpo": {"expected": {"tokens": [[0.5, 0.5, 0, 0.5, 0, 0], [-0.5, 0, -0.5, -0.5, 0, 0], [0.25, 0.25, 0, 0, 0, 0]]}},
    "multiturn_outcome": {
        "inputs": {"turn_method": "Equalized", "score_method": "Sum"},
        "expected": {
            "tokens": [[0.625, 0.625, 0, 0.625, 0, 0], [-0.625, 0, -0.625, -0.625, 0, 0], [0.5, 0.5, 0, 0, 0, 0]],
            "credits": [[1.0, 1.0], [1.0, 1.0], [1.0]],
        },
    },
    "infopo_official": {"inputs": {"gains": [[0.6, None], [0.2, None], [None]], "beta0": 0.4}, "expected": WIDTHS},
}


@pytest.mark.parametrize("stated", ["T", "mask", "expected"])
@pytest.mark.parametrize("method", LAID_OUT)
def test_a_layout_may_stand_in_the_case(write: Any, method: str, stated: str) -> None:
    """Without the fixture: padded to `T`, to the mask or to what is expected; `T` of InfoPO is a temperature."""
    case = {"inputs": {}} | LAID_OUT[method]
    released = method == "infopo_official"
    extra: dict[str, Any] = {"norm_std": False} if released else {"norm_by_std": False}
    extra |= {"T": 0.5 if released else 6} if released or stated == "T" else {}
    if stated == "mask":
        extra |= {"mask": [[1, 1, 0, 1, 0, 0], [1, 0, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0]]}
    used = {
        name: value for name, value in LAYOUT.items() if name != ("turn_rewards" if method == "grpo" else "outcome")
    }
    result = run_case(write(case=case | {"method": method, "inputs": used | case["inputs"] | extra}), "case")
    assert result.ok, result


def test_released_infopo_by_hand(write: Any) -> None:
    """Two episodes with scores 1.5 and 0.25, gains 0.6 and 0.2 on actions of two tokens and of one: 0.3 and 0.2."""
    weight = 0.4 * math.exp(-2 * 0.5 * 3)
    case = {
        "method": "infopo_official",
        "inputs": {
            "use": "fixture",
            "reward": "turn_rewards",
            "gains": [[0.6, None], [0.2, None], [None]],
            "beta0": 0.4,
            "T": 0.5,
            "decay": 0.5,
            "epoch": 3,
            "eps": 0.1,
            "normalize_intrinsic": False,
            "norm_std": False,
        },
        "expected": {
            "beta_t": weight,
            "token_intrinsic": [[0.3, 0.3, 0, 0, 0, 0], [0.2, 0, 0, 0, 0, 0], [0.0] * 6],
            "outcome_z": [0.625, -0.625, 0.5],
            "group_intrinsic_mean": {},
        },
    }
    sigma = 1.25 / math.sqrt(2)
    gate = 1 / (1 + math.exp(sigma / 0.5))
    case["expected"]["gate"] = [gate, gate, 1 / (1 + math.exp(1 / 0.5))]
    case["expected"]["advantages"] = [
        [0.625 + weight * gate * 0.3] * 2 + [0, 0.625, 0, 0],
        [-0.625 + weight * gate * 0.2, 0, -0.625, -0.625, 0, 0],
        [0.5, 0.5, 0, 0, 0, 0],
    ]
    path = write(fixture=FIXTURE, case=case)
    result = run_case(path, "case")
    assert result.ok, result
    assert run_case(write(fixture=FIXTURE, case=changed(case, epoch=2)), "case").status == "wrong"
    assert run_case(write(fixture=FIXTURE, case=changed(case, boost=2)), "case").status == "broken"
