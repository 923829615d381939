"""What the pages say about the code is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PLACE = re.compile(r"`([\w/]+\.py)::(\w+)`")
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_place_and_link_exists(page: Path) -> None:
    text = page.read_text()
    for path, name in PLACE.findall(text):
        found = [base / path for base in (ROOT / "src/infopo", ROOT) if (base / path).is_file()]
        assert found, f"{page.name} names {path}, which does not exist"
        defined = {getattr(node, "name", None) for node in ast.walk(ast.parse(found[0].read_text()))}
        assert name in defined, f"{page.name} names {name}, which {path} does not define"
    for target in LINK.findall(text):
        assert (page.parent / target).exists(), f"{page.name} links to {target}, which does not exist"
