"""Calls to the C library that Python 3.11 does not wrap: namespaces, mounts, privileges, the filter of system calls.

The filter is a short list of what a program has no business with: a network (sockets of every family: `AF_VSOCK` and
`AF_ALG` know no network namespace), namespaces and mounts of its own, other processes' memory, memory that no limit of
a process counts (System V and POSIX queues, memory files), the kernel's large interfaces (bpf, perf, io_uring, keys).
Where the program may have one process, it cannot start another. Numbers: the kernel's tables for x86_64 and aarch64.
"""

import ctypes
import os
import struct

NEWNS, NEWCGROUP, NEWUTS, NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000
EVERY_NAMESPACE = NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET

MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
MNT_DETACH = 2
ATTRIBUTE_READ_ONLY, ATTRIBUTE_NOSUID, ATTRIBUTE_NODEV = 1, 2, 4
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
MOUNT_SETATTR = 442  # the same number everywhere

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 24, 38
CAPABILITY_VERSION = 0x20080522
SECCOMP_MODE_FILTER = 2

# name: (x86_64, aarch64)
DENIED = {
    "socket": (41, 198), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "kcmp": (312, 272), "pidfd_getfd": (438, 438), "shmget": (29, 194),
    "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "acct": (163, 89), "syslog": (103, 116), "quotactl": (179, 60), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266), "sethostname": (170, 161),
    "setdomainname": (171, 162), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "personality": (135, 92), "fanotify_init": (300, 262),
}  # fmt: skip
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}  # audit name of the architecture, column above
CLONE, FORKS, CLONE3 = (56, 220), ((57, 58), ()), 435
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
EPERM, EAGAIN, ENOSYS = 1, 11, 38
NUMBER_AT, MACHINE_AT, FIRST_ARGUMENT_AT = 0, 4, 16  # in what the kernel hands to the filter
OTHER_ABI = 0x40000000  # x86_64: the first number of the x32 calls

LIBC = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    check(LIBC.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind)]
    check(LIBC.mount(*texts, ctypes.c_ulong(flags), options.encode()), f"mount {source} on {target}")


def make_read_only(target: str, *, whole_tree: bool) -> None:
    attributes = struct.pack("=4Q", ATTRIBUTE_READ_ONLY | ATTRIBUTE_NOSUID | ATTRIBUTE_NODEV, 0, 0, 0)
    flags = AT_RECURSIVE if whole_tree else 0
    result = LIBC.syscall(
        ctypes.c_long(MOUNT_SETATTR), AT_FDCWD, target.encode(), flags, attributes, ctypes.c_size_t(len(attributes))
    )
    check(result, f"make {target} read-only (needs Linux 5.12)")


def pivot_root(new: str, old: str) -> None:
    check(LIBC.pivot_root(new.encode(), old.encode()), "pivot_root")


def unmount(target: str) -> None:
    check(LIBC.umount2(target.encode(), MNT_DETACH), f"unmount {target}")


def set_hostname(name: str) -> None:
    check(LIBC.sethostname(name.encode(), len(name)), "sethostname")


def process_option(option: int, value: int) -> None:
    check(LIBC.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")


def forbid_capabilities() -> None:
    """Empty the bounding set: no program that is run later can bring a capability back."""
    number = 0
    while LIBC.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(number), 0, 0, 0) == 0:
        number += 1
    if number == 0:
        raise OSError(ctypes.get_errno(), "the bounding set of capabilities cannot be emptied")


def drop_capabilities() -> None:
    header = struct.pack("=Ii", CAPABILITY_VERSION, 0)
    check(LIBC.capset(header, struct.pack("=6I", *[0] * 6)), "capset")


def filter_program(processes: int) -> bytes:
    """The filter as the kernel's byte code. Raises `OSError` on a machine whose call numbers are not listed."""
    machine = os.uname().machine
    if machine not in MACHINES:
        raise OSError(ENOSYS, f"no filter of system calls for {machine}")
    audit, column = MACHINES[machine]
    code = [(LOAD, 0, 0, MACHINE_AT), (EQUAL, 1, 0, audit), (RETURN, 0, 0, KILL), (LOAD, 0, 0, NUMBER_AT)]
    refused = [(numbers[column], EPERM) for numbers in DENIED.values()] + [(CLONE3, ENOSYS)]
    if processes == 1:
        refused += [(number, EAGAIN) for number in (CLONE[column], *FORKS[column])]
    if machine == "x86_64":
        code += [(AT_LEAST, 0, 1, OTHER_ABI), (RETURN, 0, 0, KILL)]
    for number, errno in refused:
        code += [(EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE | errno)]
    code += [(EQUAL, 0, 3, CLONE[column]), (LOAD, 0, 0, FIRST_ARGUMENT_AT)]
    code += [(ANY_BIT, 0, 1, EVERY_NAMESPACE), (RETURN, 0, 0, REFUSE | EPERM), (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def install_filter(program: bytes) -> None:
    """For this process and all that it starts, for ever. Needs `PR_SET_NO_NEW_PRIVS`."""
    code = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code)))
    check(LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0), "seccomp")
