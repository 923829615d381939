"""Where the task files of the published user gyms are."""

from collections.abc import Callable
from pathlib import Path

import pytest

UPSTREAM = Path(__file__).parents[4] / "shared" / "upstream" / "userrl"


@pytest.fixture
def upstream_file() -> Callable[[str], Path]:
    """A data file of the published gyms, by its name there; skips where it is not beside the checkout."""

    def find(name: str) -> Path:
        if not (UPSTREAM / name).is_file():
            pytest.skip(f"the published tasks are not beside the checkout (../shared/upstream/userrl/{name})")
        return UPSTREAM / name

    return find
