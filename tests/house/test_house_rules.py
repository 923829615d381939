"""The house rules that a machine can check. Each failure names file and line; CONTRIBUTING.md says why."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "infopo"
HEAVY = ("torch", "transformers", "numpy", "pydantic")
BROAD_EXCEPTS = 5
TRAINING_LINES = 1200
# the only file that may touch the global generators, and only to check that nobody else did
GUARD = SRC / "core" / "guard.py"
# the only file that runs text as code: it is the inner end of the sandbox, started there in a process of its own, and
# `import infopo` never loads it
RUNNER = SRC / "sandbox" / "inside" / "runner.py"


def project_files() -> list[Path]:
    """Tracked files, and new ones that git does not ignore; without git, everything outside hidden folders."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
        paths = [ROOT / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        paths = [path for path in ROOT.rglob("*") if not any(part[0] == "." for part in path.relative_to(ROOT).parts)]
    return sorted(path for path in paths if path.is_file())


FILES = project_files()
PYTHON = [path for path in FILES if path.suffix == ".py"]
SOURCES = [path for path in PYTHON if path.is_relative_to(SRC)]


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def place(path: Path, node: ast.AST | None = None) -> str:
    return f"{path.relative_to(ROOT)}" + (f":{node.lineno}" if node is not None else "")


def line_count(path: Path) -> int:
    return len(path.read_text().splitlines())


def qualified_names(module: ast.Module) -> dict[str, str]:
    """Local name -> what it was imported as: `import numpy as np` gives np -> numpy."""
    names: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def calls(module: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call whose callee is a dotted name, with imports resolved: `np.random.seed` -> numpy.random.seed."""
    names = qualified_names(module)
    for node in ast.walk(module):
        if not isinstance(node, ast.Call):
            continue
        parts, callee = [], node.func
        while isinstance(callee, ast.Attribute):
            parts.append(callee.attr)
            callee = callee.value
        if isinstance(callee, ast.Name):
            yield ".".join([names.get(callee.id, callee.id), *reversed(parts)]), node


UNSAFE_MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle"}
UNSAFE_CALLS = {"eval", "exec", "builtins.eval", "builtins.exec", "yaml.load", "torch.load"}
SEEDING = {
    "random.seed",
    "numpy.random.seed",
    "torch.manual_seed",
    "torch.cuda.manual_seed",
    "torch.cuda.manual_seed_all",
    "transformers.set_seed",
}
OWN_GENERATORS = {
    "random": {"Random", "SystemRandom"},
    "numpy.random": {"default_rng", "Generator", "SeedSequence", "PCG64", "Philox"},
}


def unsafe(module: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    for node in ast.walk(module):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        for name in modules:
            if name.split(".")[0] in UNSAFE_MODULES:
                yield name, node
    for name, call in calls(module):
        if name in UNSAFE_CALLS:
            yield name, call
        for keyword in call.keywords:
            if keyword.arg == "shell" and not (
                isinstance(keyword.value, ast.Constant) and keyword.value.value is False
            ):
                yield "shell=True", call


def global_draws(module: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    for name, call in calls(module):
        room, _, function = name.rpartition(".")
        if name in SEEDING or (room in OWN_GENERATORS and function not in OWN_GENERATORS[room]):
            yield name, call
        elif room in OWN_GENERATORS and function in ("Random", "default_rng") and not (call.args or call.keywords):
            yield f"{name}() without a seed", call


def is_broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException")) for kind in kinds
    )


def test_the_checks_see_what_they_forbid() -> None:
    code = """
import pickle, numpy as np, random, yaml
from random import choice
from torch import load as weights
try:
    exec("1")
except (ValueError, Exception):
    pass
except:
    pass
subprocess.run("ls", shell=True)
yaml.load(""); weights("x"); np.random.seed(1); np.random.rand(3); choice([1]); random.Random(); np.random.default_rng()
model.eval(); yaml.safe_load(""); random.Random(1).random(); np.random.default_rng(1).random(); rng.choice([1])
"""
    module = ast.parse(code)
    assert sorted(name for name, _ in unsafe(module)) == ["exec", "pickle", "shell=True", "torch.load", "yaml.load"]
    assert sorted(name for name, _ in global_draws(module)) == [
        "numpy.random.default_rng() without a seed",
        "numpy.random.rand",
        "numpy.random.seed",
        "random.Random() without a seed",
        "random.choice",
    ]
    assert sum(is_broad(node) for node in ast.walk(module) if isinstance(node, ast.ExceptHandler)) == 2


def test_files_are_at_most_500_lines() -> None:
    assert [f"{place(path)}: {line_count(path)} lines" for path in PYTHON if line_count(path) > 500] == []


def test_functions_are_at_most_60_lines() -> None:
    long = [
        f"{place(path, node)}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path in PYTHON
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno + 1 > 60
    ]
    assert long == []


def test_algorithm_files_are_at_most_120_lines() -> None:
    files = [path for path in SOURCES if path.is_relative_to(SRC / "algorithms")]
    assert [f"{place(path)}: {line_count(path)} lines" for path in files if line_count(path) > 120] == []


def test_the_training_room_keeps_its_budget() -> None:
    sizes = {place(path): line_count(path) for path in SOURCES if path.is_relative_to(SRC / "training")}
    assert sum(sizes.values()) <= TRAINING_LINES, sizes


def test_broad_excepts_are_few() -> None:
    found = [
        place(path, node)
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and is_broad(node)
    ]
    assert len(found) <= BROAD_EXCEPTS, found


def test_nothing_loads_code_from_data() -> None:
    files = [path for path in SOURCES if path != RUNNER]
    assert [f"{place(path, node)}: {name}" for path in files for name, node in unsafe(tree(path))] == []


def test_only_the_runner_runs_text_as_code_and_nobody_imports_it() -> None:
    assert {name for name, _ in unsafe(tree(RUNNER))} == {"eval", "exec"}
    importers = [
        path
        for path in SOURCES
        for node in ast.walk(tree(path))
        if any(name.split(".")[-1] == "runner" for name in [*imported(node), *aliases(node)])
    ]
    assert importers == [RUNNER.parent / "launcher.py"]  # which runs there too
    code = "import infopo.sandbox, sys; print([name for name in sys.modules if name.endswith(('runner', 'launcher'))])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_nothing_draws_from_a_global_generator() -> None:
    files = [path for path in SOURCES if path != GUARD]
    assert [f"{place(path, node)}: {name}" for path in files for name, node in global_draws(tree(path))] == []


def test_core_needs_the_standard_library_alone() -> None:
    known = set(sys.stdlib_module_names) | {"infopo"}
    foreign = [
        f"{place(path, node)}: {name}"
        for path in SOURCES
        if path.is_relative_to(SRC / "core")
        for node in ast.walk(tree(path))
        for name in imported(node)
        if name.split(".")[0] not in known or (name.startswith("infopo") and not name.startswith("infopo.core"))
    ]
    assert foreign == []


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def aliases(node: ast.AST) -> list[str]:
    return [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []


def test_rooms_do_not_import_the_root_package() -> None:
    # `infopo/__init__.py` gathers names from several rooms: importing it would bypass the arrows
    everything = ("cli", "testing", "integrations")
    found = [
        place(path, node)
        for path in SOURCES
        if path.parent != SRC and path.relative_to(SRC).parts[0] not in everything
        for node in ast.walk(tree(path))
        if "infopo" in imported(node)
    ]
    assert found == []


def test_every_room_has_its_contract() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    rooms = {path.parent.name for path in SOURCES if path.name == "__init__.py" and path.parent.parent == SRC}
    contracts = config["tool"]["importlinter"]["contracts"]
    bound = {module.split(".")[1] for contract in contracts for module in contract["source_modules"]}
    assert rooms - bound == set()


@pytest.mark.parametrize("module", ["infopo", "infopo.core", "infopo.envs"])
def test_importing_the_package_is_light(module: str) -> None:
    code = f"import {module}, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


# assembled, so that this file does not contain what it looks for
MARKS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "NotImplemented" + "Error"]) + r")\b")
MACHINE = re.compile(
    r"(?<![\w.}~-])/(" + "|".join(["wo" + "rk/", "ro" + "ot/", "tmp/" + "venv"]) + ")"
    r"|(index-url|find-links)[ =]+[\"']?(https?|file):|\b(files\.python" + r"hosted\.org|pypi\.org/" + r"simple)"
)


def matches(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    found = []
    for path in files:
        try:
            text = path.read_text()
        except UnicodeDecodeError:  # an image or another binary file
            continue
        lines = enumerate(text.splitlines(), start=1)
        found += [f"{place(path)}:{number}: {line.strip()[:100]}" for number, line in lines if pattern.search(line)]
    return found


def test_no_left_over_marks() -> None:
    assert matches(MARKS, PYTHON) == []


def test_no_machine_paths_or_registry_hosts() -> None:
    assert MACHINE.search('"/wo' + 'rk/main"')
    assert MACHINE.search("--extra-index-url https" + "://example.org")
    assert matches(MACHINE, FILES) == []


def test_every_skip_is_listed_and_no_test_is_marked_as_broken() -> None:
    listed = (ROOT / "tests" / "SKIPS.md").read_text()
    skips = {"pytest.skip", "pytest.importorskip", "pytest.mark.skipif", "unittest.skip"}
    marks = {"skip", "xfail"}
    unlisted, marked = [], []
    for path in PYTHON:
        if not path.is_relative_to(ROOT / "tests"):
            continue
        module = tree(path)
        unlisted += [place(path, call) for name, call in calls(module) if name in skips and place(path) not in listed]
        marked += [
            place(path, node)
            for node in ast.walk(module)
            if isinstance(node, ast.Attribute) and node.attr in marks and ast.unparse(node.value).endswith("mark")
        ]
    assert unlisted == []
    assert marked == []


def test_third_party_pins_name_no_place() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)] == []
    assert "torch==2.13.0" in pins


def test_constraints_pin_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = project["dependencies"] + project["optional-dependencies"]["dev"]
    pinned = {line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert [name for name in (re.split(r"[<>=!~\[ ]", line)[0].lower() for line in needed) if name not in pinned] == []
