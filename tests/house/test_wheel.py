"""The wheel holds everything: installed elsewhere, it works without the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: str, cwd: Path, **environment: str) -> str:
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.slow
def test_the_wheel_works_when_installed_elsewhere(tmp_path: Path) -> None:
    run("-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT), cwd=tmp_path)
    (wheel,) = tmp_path.glob("infopo-*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    missing = [
        path for path in (ROOT / "src/infopo").rglob("*.py") if str(path.relative_to(ROOT / "src")) not in inside
    ]
    assert not missing
    assert "infopo/py.typed" in inside
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    run("-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel), cwd=tmp_path)
    where = run("-c", "import infopo; print(infopo.__file__)", cwd=elsewhere, PYTHONPATH=str(site))
    assert Path(where.strip()).is_relative_to(site)
    listed = run("-m", "infopo", "envs", cwd=elsewhere, PYTHONPATH=str(site))
    assert "usergym/travel" in listed
    code = "import asyncio, infopo; print(asyncio.run(infopo.make_env('toy/slots', task=3).start()).hidden)"
    assert run("-c", code, cwd=elsewhere, PYTHONPATH=str(site)).startswith("('")
