"""Attempts to get out of the sandbox, past its limits, or to a score. `docs/sandbox.md` says the same as this file."""

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (always|may) \|", re.MULTILINE)
LISTED = dict(ROW.findall(PAGE))


def test_an_attempt_has_no_effect(attempt_name: str, outcomes: Any, strongest: str) -> None:
    effects, result = outcomes.at(strongest)[attempt_name]
    assert (effects, result.level) == (set(), strongest), result
    assert "secret-of-the-environment" not in str(result)


def test_bubblewrap_permits_what_the_page_says(outcomes: Any, levels: dict[str, str | None]) -> None:
    if levels["bubblewrap"] is not None:
        pytest.skip(f"the level bubblewrap does not work on this machine: {levels['bubblewrap']}")
    effects = {name: found for name, (found, _) in outcomes.at("bubblewrap").items() if found}
    listed = re.findall(r"^\| `(\w+)` \|", PAGE.partition("What `bubblewrap` permits")[2], re.MULTILINE)
    assert effects == {name: {"allowed"} for name in listed}


def test_the_page_lists_what_process_does_not_stop(attempt_name: str, outcomes: Any) -> None:
    effects, result = outcomes.at("process")[attempt_name]
    assert not effects or attempt_name in LISTED, (effects, result)
    assert effects or LISTED.get(attempt_name) != "always", result


def test_the_page_lists_attempts_of_this_folder(outcomes: Any) -> None:
    assert set(LISTED) <= set(outcomes.at("process"))
    said = re.search(r"(\d+) attempts", PAGE)
    assert said is not None
    assert int(said[1]) == len(outcomes.at("process")) >= 60


def test_attempts_to_forge_get_what_they_wrote_or_an_error(outcomes: Any, strongest: str) -> None:
    """The forger with the nonce harms its own answer alone; all others write no answer at all."""
    found = {name: result.results[0] for name, (_, result) in outcomes.at(strongest).items() if "forge_" in name}
    assert found.pop("forge_with_the_nonce").value == "forged"
    assert all(one.value is None and one.error for one in found.values()), found
    assert found["forge_an_error_that_prints"].error == " [2J forged"
