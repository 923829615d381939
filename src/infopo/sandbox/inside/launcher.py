"""The level `namespaces`: our own launcher, for root and for a plain user. Needs Linux 5.14 with user namespaces.

Three processes. This one, outside, waits and cleans up: on SIGTERM it kills the second and reaps it. The second is the
first process of the sandbox: it builds the root, gives up every privilege, waits for the third and takes everything
with it when it ends. The third runs the program.

Inside there is a read-only root with Python's own library, the C libraries and three devices; a small private `/tmp`
that executes nothing; no `/proc`, no network device, no installed packages, and a user whom the host calls `nobody` (or,
started by a plain user, that user) without capabilities. Limits: memory is limited per process, so the whole may take
`memory_mib` times `processes` and the `/tmp`; there is no control group.
"""

import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

from . import kernel, runner

NOBODY = 65534
ROOT_OPTIONS = "size=1m,nr_inodes=512,mode=755"
EMPTY_OPTIONS = "size=4k,nr_inodes=2,mode=555"
PRIVATE_OPTIONS = "size=16m,nr_inodes=1024,mode=1777"
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
PACKAGES = ("site-packages", "dist-packages")


def main() -> NoReturn:
    kernel.process_option(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    request = runner.read_request()
    if os.getppid() != request["parent"]:
        sys.exit("who asked for this is gone")
    shown = library_folders()
    enter_namespaces()
    stopped = {signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stopped)
    first = os.fork()
    if first == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stopped)
        first_process(request, shown)

    def stop(number: int, frame: FrameType | None) -> None:
        os.kill(first, signal.SIGKILL)

    signal.signal(signal.SIGTERM, stop)
    os.close(1)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, stopped)
    status = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
    if status < 0:  # not by itself: die as it did
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(status)


def library_folders() -> list[str]:
    """Python's standard library, and the folders of the C libraries that this interpreter has loaded."""
    folders = {os.path.realpath(path) for path in sys.path if os.path.isdir(path)}
    with open("/proc/self/maps", encoding="utf-8") as maps:
        files = {line.split(maxsplit=5)[5].strip() for line in maps if line.count("/")}
    folders |= {os.path.dirname(os.path.realpath(path)) for path in files if ".so" in os.path.basename(path)}
    return sorted(one for one in folders if not any(one.startswith(other + "/") for other in folders))


def package_folders(folder: str) -> list[str]:
    """Where packages are installed inside a folder of libraries: this project and its tasks may be among them."""
    inside = [folder, *(entry.path for entry in os.scandir(folder) if entry.name.startswith("python3"))]
    paths = [os.path.join(one, name) for one in inside for name in PACKAGES]
    return [path for path in paths if os.path.isdir(path) and not os.path.islink(path)]


def enter_namespaces() -> None:
    """New namespaces of every kind. Root maps `nobody` too, so that the program is not root for the host either."""
    user, group = os.geteuid(), os.getegid()
    if user != 0:
        kernel.unshare(kernel.EVERY_NAMESPACE)
        write_line("/proc/self/setgroups", "deny")
        write_line("/proc/self/uid_map", f"{NOBODY} {user} 1")
        write_line("/proc/self/gid_map", f"{NOBODY} {group} 1")
        return
    # two lines can only be written from outside, by a process that stays there
    waiting, begin = os.pipe()
    target = os.getpid()
    helper = os.fork()
    if helper == 0:
        os.close(begin)
        if os.read(waiting, 1):
            write_line(f"/proc/{target}/uid_map", f"0 0 1\n{NOBODY} {NOBODY} 1")
            write_line(f"/proc/{target}/gid_map", f"0 0 1\n{NOBODY} {NOBODY} 1")
        os._exit(0)
    kernel.unshare(kernel.EVERY_NAMESPACE)
    os.write(begin, b"1")
    os.close(begin)
    if os.waitpid(helper, 0)[1] != 0:
        sys.exit("the users of the sandbox cannot be mapped")


def write_line(path: str, line: str) -> None:
    with open(path, "w", encoding="ascii", buffering=1 << 12) as stream:
        stream.write(line)


def first_process(request: dict[str, Any], shown: list[str]) -> NoReturn:
    build_root(shown)
    give_up_privileges()
    kernel.process_option(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # the kernel forgets it when the user changes
    code = kernel.filter_program(request["limits"]["processes"])
    program = os.fork()
    if program == 0:
        runner.run(request, runner.seal_streams(), lambda: kernel.install_filter(code))
    os.close(1)
    while True:
        ended, status = os.wait()
        if ended == program:
            code_or_signal = os.waitstatus_to_exitcode(status)
            os._exit(code_or_signal if code_or_signal >= 0 else 128 - code_or_signal)


def build_root(shown: list[str]) -> None:
    """A root of its own on top of `/tmp` of the host, seen by this sandbox alone."""
    kernel.set_hostname("sandbox")
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    safe = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("root", "/tmp", "tmpfs", safe, ROOT_OPTIONS)
    os.mkdir("/tmp/host")
    kernel.pivot_root("/tmp", "/tmp/host")
    os.chdir("/")
    for folder in shown:
        os.makedirs(folder)
        kernel.mount("/host" + folder, folder, None, kernel.MS_BIND | kernel.MS_REC)
        kernel.make_read_only(folder, whole_tree=True)
        for packages in package_folders(folder):
            kernel.mount("empty", packages, "tmpfs", safe, EMPTY_OPTIONS)
            kernel.make_read_only(packages, whole_tree=False)
    os.mkdir("/dev")
    for device in DEVICES:
        os.close(os.open(device, os.O_CREAT | os.O_WRONLY, 0o444))
        kernel.mount("/host" + device, device, None, kernel.MS_BIND)
    os.mkdir("/tmp")
    kernel.mount("private", "/tmp", "tmpfs", safe | kernel.MS_NOEXEC, PRIVATE_OPTIONS)
    kernel.unmount("/host")
    os.rmdir("/host")
    kernel.make_read_only("/", whole_tree=False)
    os.chdir("/tmp")


def give_up_privileges() -> None:
    kernel.forbid_capabilities()
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    kernel.drop_capabilities()
    kernel.process_option(kernel.PR_SET_NO_NEW_PRIVS, 1)
