"""The level `namespaces`: our own launcher, for root and for a plain user. Needs Linux 5.14 with user namespaces.

Three processes. This one, outside, waits and cleans up: when a byte comes through its lifeline, or the other end is
gone, it kills the second and reaps it. The second is the first process of the sandbox: it builds the root, gives up
every privilege, waits for the third and takes everything with it when it ends. The third runs the program.

Inside there is a read-only root with Python's own library, the C libraries and three devices; a small private `/tmp`
that executes nothing; no `/proc`, no network device, no installed packages, and a user whom the host calls `nobody`
(or, started by a plain user, that user) without capabilities. Limits: memory is limited per process, so the whole may
take `memory_mib` times `processes` and the `/tmp`; there is no control group.
"""

import os
import select
import sys

from . import folders, kernel, runner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

NOBODY = 65534
ROOT_OPTIONS = "size=1m,nr_inodes=512,mode=755"
EMPTY_OPTIONS = "size=4k,nr_inodes=2,mode=555"
PRIVATE_OPTIONS = "size=16m,nr_inodes=1024,mode=1777"
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
SIGKILL = 9  # the module `signal` takes long to import


def main(memory: str, seconds: str, processes: str, lifeline: str) -> "NoReturn":
    """From the command line: bytes of memory, seconds of CPU, processes, and the descriptor of the lifeline."""
    shown = folders.libraries()
    enter_namespaces()
    first = os.fork()
    if first == 0:
        os.close(int(lifeline))
        first_process(shown, int(memory), int(seconds), int(processes))
    os.close(1)
    first_ends = os.pidfd_open(first)
    watch = select.poll()
    watch.register(first_ends, select.POLLIN)
    watch.register(int(lifeline), select.POLLIN)
    if first_ends not in dict(watch.poll()):
        os.kill(first, SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
    if status < 0:  # not by itself: end as it did
        os.kill(os.getpid(), SIGKILL)
    os._exit(status)


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


def first_process(shown: list[str], memory: int, seconds: int, processes: int) -> "NoReturn":
    os.setsid()  # else the program's signals to its own group would reach the launcher, where a plain user runs both
    build_root(shown)
    give_up_privileges()
    kernel.process_option(kernel.PR_SET_PDEATHSIG, SIGKILL)  # dies with the launcher
    code = kernel.filter_program(processes)
    program = os.fork()
    if program == 0:
        runner.run(runner.seal_streams(), memory, seconds, processes, lambda: kernel.install_filter(code))
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
        for packages in folders.packages(folder):
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
