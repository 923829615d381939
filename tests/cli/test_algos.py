"""`infopo algos`: every method explains itself."""

import dataclasses

import pytest

from infopo import algorithms
from infopo.cli.main import main


def test_all_methods_are_listed_with_what_they_need(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["algos"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(algorithms.names())
    assert any("(needs gain)" in line for line in lines)


@pytest.mark.parametrize("name", algorithms.names())
def test_a_method_shows_formula_options_source_and_needs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["algos", name]) == 0
    text = capsys.readouterr().out
    method, options = algorithms.get(name), algorithms.options_of(name)
    assert text.startswith(f"{name}: {method.summary}")
    assert "arXiv" in text or "released code" in text
    assert all(f"\n  {field.name}" in text for field in dataclasses.fields(options))
    assert ("nothing but outcomes" in text) == (not method.needs)
    assert ("filter" in text.split("published with")[1]) == (method.filter is not None)


def test_words_of_an_option_are_listed_and_lines_fit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["algos", "infopo"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  gate                   sigmoid     sigmoid, none, half" in lines
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize(("arguments", "said"), [("algos infpo", "did you mean 'infopo'"), ("algos a b", "one method")])
def test_a_mistake_is_named(arguments: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments.split()) == 2
    assert said in capsys.readouterr().err
