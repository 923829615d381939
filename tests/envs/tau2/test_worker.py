"""The worker as a real process of a real interpreter, where the benchmark is absent or something else."""

import ast
import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

import infopo.envs.tau2.worker as worker
from infopo.core import UserError
from infopo.envs import make_env, num_tasks
from infopo.envs.tau2.build import simulator_arguments
from infopo.envs.tau2.client import Connection, Place, close_workers, worker_of
from infopo.envs.tau2.options import Tau2Options
from infopo.envs.tau2.worker.package import UnusableError, load


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An interpreter without any package, in an environment that names no benchmark."""
    for name in ("INFOPO_TAU2_ROOT", "INFOPO_TAU2_PYTHON", "TAU2_DATA_DIR", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    script.chmod(0o755)
    return script


def test_without_the_benchmark_the_command_to_install_it_is_said(bare: Path) -> None:
    for use in (make_env, num_tasks):
        with pytest.raises(UserError, match=r"tau2 is not installed; .*git clone .*pip install -e tau2-bench"):
            use("tau2/retail", tau2_python=str(bare))


def test_listing_the_environments_needs_no_benchmark(bare: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(worker.__file__).parents[4])}
    command = [sys.executable, "-m", "infopo", "envs"]
    listed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert "tau2/airline" in listed


def test_the_unrelated_package_of_that_name_is_told_apart(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other" / "tau2").mkdir(parents=True)
    (tmp_path / "other" / "tau2" / "__init__.py").write_text("VERSION = 2\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "other"))
    with pytest.raises(UserError, match=r"is not the benchmark .*unrelated package"):
        make_env("tau2/telecom", tau2_python=str(bare))
    close_workers()


def test_a_checkout_that_is_none_is_said(bare: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no checkout of the benchmark"):
        make_env("tau2/telecom", tau2_python=str(bare), tau2_root=str(tmp_path))
    with pytest.raises(UserError, match="no folder"):
        make_env("tau2/telecom", tau2_python=str(bare), tau2_root=str(tmp_path / "nowhere"))
    with pytest.raises(UnusableError, match="no folder src/tau2"):
        load(str(tmp_path))


def test_an_interpreter_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no interpreter"):
        make_env("tau2/airline", tau2_python=str(tmp_path / "nothing"))
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho it does not start >&2\nexit 3\n")
    broken.chmod(0o755)
    for _ in range(2):  # a worker that died is started again, and says the same
        with pytest.raises(UserError, match="ended before it could play: it does not start"):
            make_env("tau2/airline", tau2_python=str(broken))


def test_an_unknown_domain_is_said() -> None:
    with pytest.raises(UserError, match="unknown environment 'tau2/airlines'; did you mean 'tau2/airline'"):
        make_env("tau2/airlines")


def test_a_worker_ends_with_its_owner(bare: Path) -> None:
    place = Place(python=str(bare), root="", data="")
    with pytest.raises(UserError, match="not installed"):
        asyncio.run(Connection.open(place, "retail", seconds=5.0))
    running = worker_of(place)
    assert running.alive
    close_workers()
    assert not running.alive


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("judge", "offical", "did you mean 'official'"),
        ("on_budget", "score", "on_budget"),
        ("max_turns", 0, "at least 1"),
        ("max_errors", 0, "at least 1"),
        ("call_seconds", 0.0, "positive"),
    ],
)
def test_bad_options_are_refused(option: str, value: object, said: str) -> None:
    with pytest.raises(UserError, match=said):
        Tau2Options(**{option: value})  # type: ignore[arg-type]


def test_users_are_scripted_or_the_benchmarks_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1/v1")
    assert simulator_arguments(None) is None
    assert simulator_arguments("scripted") is None
    found = simulator_arguments("llm:some-model")
    assert found is not None
    assert found["llm"] == "openai/some-model"
    assert found["llm_args"]["api_base"] == "http://localhost:1/v1"
    assert "max_tokens" not in found["llm_args"]
    for name in ("human", "scripted:terse", "recorded:x"):
        with pytest.raises(UserError, match="tau2 takes scripted, or llm:NAME"):
            simulator_arguments(name)
    settings = tmp_path / "chat.yaml"
    settings.write_text("model: m\ntoken_limit: 5\n")
    with pytest.raises(UserError, match="token_limit cannot be kept"):
        simulator_arguments(f"llm:{settings}")


def test_the_worker_is_text_that_python_3_10_reads() -> None:
    for path in Path(worker.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(), feature_version=(3, 10))
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
        imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert {name.split(".")[0] for name in imported if name} <= sys.stdlib_module_names
