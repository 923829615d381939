"""Advantages, gains, gates and losses agree, number by number, with the golden cases."""

import json
from pathlib import Path

import pytest

from infopo.testing.golden import cases_of, run_case, run_file
from infopo.testing.golden.registry import handlers

from .conftest import GOLDEN


def methods_by_case() -> dict[str, str]:
    """The `method` of each case; nothing where the file is not beside the checkout."""
    if not GOLDEN.is_file():
        return {}
    return {name: case["method"] for name, case in json.loads(GOLDEN.read_text())["cases"].items()}


@pytest.mark.parametrize("name", methods_by_case())
def test_a_case_agrees(golden_file: Path, name: str) -> None:
    result = run_case(golden_file, name)
    assert result.ok, f"{result.status}: {result.detail} ({result.largest})"
    assert result.largest < 1e-5


def test_every_method_of_the_file_is_run(golden_file: Path) -> None:
    assert set(methods_by_case().values()) <= handlers().keys()


def test_a_file_is_run_whole(golden_file: Path) -> None:
    assert [result.case for result in run_file(golden_file)] == cases_of(golden_file)
