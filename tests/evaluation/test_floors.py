"""What policies that do nothing useful score stands beside the score, wherever an environment says it."""

import dataclasses
import sys
import types
from collections.abc import Sequence
from typing import Any

import pytest
from rich.console import Console

from infopo.cli.eval_figures import figures
from infopo.envs.toy.slots import SPEC
from infopo.evaluation.evaluate import evaluate_sampler
from infopo.evaluation.floors import floors_of
from infopo.report import comparison_table
from infopo.samplers.scripted import ScriptedSampler
from infopo.testing.tiny import tiny_tokenizer
from infopo.tokens import Renderer

ENV = "with_floors:SPEC"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[int], str]]:
    """`toy/slots` with a floor; keeps the tasks that it was asked about."""
    calls: list[tuple[list[int], str]] = []

    def floors(tasks: Sequence[int], split: str, options: Any) -> dict[str, float]:
        calls.append((list(tasks), split))
        return {"say nothing": 0.25}

    module = types.ModuleType("with_floors")
    module.SPEC = dataclasses.replace(SPEC, floors=floors)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "with_floors", module)
    return calls


def sampler() -> ScriptedSampler:
    return ScriptedSampler(Renderer(tiny_tokenizer(), name="bytes"), lambda slot, messages: "[finish]")


def test_floors_are_measured_on_the_tasks_that_are_played(asked: list[tuple[list[int], str]]) -> None:
    result = evaluate_sampler(sampler(), env=ENV, episodes=3, split="train")
    assert asked == [([0, 1, 2], "train")]
    assert result.summary()["floors"] == {ENV: {"say nothing": 0.25}}
    assert f"floors     {ENV}: say nothing 25.0 %" in figures(result.summary())


def test_a_comparison_shows_them_too(asked: list[tuple[list[int], str]]) -> None:
    after = evaluate_sampler(sampler(), env=ENV, episodes=2).summary()
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(comparison_table({"before": None, "after": after}))
    row = next(line for line in console.export_text().splitlines() if "floor of" in line)
    assert "say nothing" in row
    assert "25.0 %" in row


def test_without_floors_nothing_is_said() -> None:
    assert floors_of("toy/slots", {}, episodes=2, split="test") == {}
    summary = evaluate_sampler(sampler(), env="toy/slots", episodes=2).summary()
    assert "floors" not in summary
    assert not any(line.startswith("floors") for line in figures(summary))
