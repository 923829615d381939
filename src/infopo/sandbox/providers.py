"""The command line that starts the runner at each level. Building one runs nothing but, once, Python itself."""

import functools
import json
import math
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from infopo.sandbox.inside import kernel
from infopo.sandbox.program import Limits, SandboxError

HERE = Path(__file__).parent
# No user folder, no site packages, nothing from where it is started. Not -E: the environment is ours alone, and carries
# the hash seed. The folder goes at the end, so that it hides no module, and leaves again.
FLAGS = ("-P", "-s", "-S", "-c")
START = "import sys; sys.path.append(sys.argv[1]); from inside import {0}; sys.path.pop(); {0}.main(*sys.argv[2:])"
ENVIRONMENT = {"PYTHONHASHSEED": "0"}
NOBODY = "65534"
TEMPORARY_BYTES = 16 << 20
FILTER, LIFELINE = "FILTER", "LIFELINE"
DOCKER_IMAGE = "python:3.11-slim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How to start one sandbox."""

    command: tuple[str, ...]
    environment: dict[str, str]
    filter: bytes = b""  # handed over as a file; its descriptor goes where the command says `FILTER`
    own_folder: bool = False  # runs in a temporary folder of the host
    lifeline: bool = False  # cleans up by itself when told so through the descriptor in the place of `LIFELINE`
    after_kill: tuple[str, ...] | None = None  # what else must run for nothing to be left


def start(level: str, limits: Limits, name: str) -> Start:
    """`name` is unique to this sandbox. Raises `SandboxError` where the level's program is not installed."""
    numbers = (str(limits.memory_mib << 20), str(math.ceil(limits.cpu_seconds)), str(limits.processes))
    if level == "namespaces":
        command = python(str(HERE), "launcher", *numbers, LIFELINE)
        return Start(command=command, environment=ENVIRONMENT, lifeline=True)
    if level == "bubblewrap":
        command = (*bubblewrap(find("bwrap")), *python("/runner", "runner", *numbers))
        try:
            program_filter = kernel.filter_program(limits.processes)
        except OSError as error:
            raise SandboxError(str(error)) from error
        return Start(command=command, environment=ENVIRONMENT, filter=program_filter)
    if level == "docker":
        program = find("docker")
        command = (*docker(program, limits, name), *python("/runner", "runner", *numbers, executable="python"))
        # the client needs its own settings; the container gets none of them
        return Start(command=command, environment=dict(os.environ), after_kill=(program, "kill", name))
    return Start(command=python(str(HERE), "runner", *numbers), environment=ENVIRONMENT, own_folder=True)


def python(folder: str, module: str, *arguments: str, executable: str | None = None) -> tuple[str, ...]:
    executable = executable or os.path.realpath(sys.executable)
    return (executable, *FLAGS, START.format(module), folder, *arguments)


def find(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise SandboxError(f"{program} is not installed")
    return path


def bubblewrap(program: str) -> tuple[str, ...]:
    """Needs 0.8. Run by root, the program is root outside the sandbox too, without a capability."""
    command = [program, "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"]
    command += ["--cap-drop", "ALL", "--clearenv", "--setenv", "PYTHONHASHSEED", "0", "--hostname", "sandbox"]
    command += ["--uid", NOBODY, "--gid", NOBODY, "--seccomp", FILTER]
    folders, packages = shown_folders()
    executable = os.path.realpath(sys.executable)
    for path in (*folders, executable):
        command += ["--ro-bind", path, path]
    for path in packages:
        command += ["--tmpfs", path, "--remount-ro", path]
    for path in ("/lib", "/lib64"):  # where the loader is looked for
        if os.path.islink(path):
            command += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path) and path not in folders:
            command += ["--ro-bind", path, path]
    for device in ("/dev/null", "/dev/zero", "/dev/urandom"):
        command += ["--dev-bind", device, device]
    command += ["--ro-bind", str(HERE / "inside"), "/runner/inside"]
    command += ["--size", str(TEMPORARY_BYTES), "--tmpfs", "/tmp", "--chdir", "/tmp", "--remount-ro", "/", "--"]
    return tuple(command)


@functools.cache
def shown_folders() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Folders of libraries that a bare Python needs, and the folders of packages in them that must not be seen."""
    result = subprocess.run(
        python(str(HERE), "folders"), env=ENVIRONMENT, cwd="/", capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise SandboxError(f"a bare Python does not start: {result.stderr.strip()[-200:]}")
    found, packages = json.loads(result.stdout)
    return tuple(found), tuple(packages)


def docker(program: str, limits: Limits, name: str) -> tuple[str, ...]:
    """The image is never fetched: whoever wants this level pulls it first."""
    memory = f"{limits.memory_mib}m"
    command = [program, "run", "--rm", "--interactive", "--init", "--name", name, "--pull", "never"]
    command += ["--network", "none", "--read-only", "--ipc", "none", "--cap-drop", "ALL"]
    command += ["--security-opt", "no-new-privileges", "--user", f"{NOBODY}:{NOBODY}", "--hostname", "sandbox"]
    command += ["--pids-limit", str(limits.processes + 2), "--memory", memory, "--memory-swap", memory]
    command += ["--cpus", str(max(1, math.ceil(limits.processes / 2))), "--log-driver", "none"]
    command += ["--tmpfs", f"/tmp:rw,noexec,nosuid,nodev,size={TEMPORARY_BYTES}", "--workdir", "/tmp"]
    command += ["--env", "PYTHONHASHSEED=0"]
    command += ["--mount", f"type=bind,source={HERE / 'inside'},target=/runner/inside,readonly", DOCKER_IMAGE]
    return tuple(command)
