"""Memory, time, disk and output beyond the limits."""

import ctypes
import mmap
import os
import re
import signal
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
MEBI = 1 << 20


def take_memory_at_once(host):
    return len(bytearray(1024 * MEBI)) > 0


def take_memory_in_pieces(host):
    pieces = []
    for _ in range(1024):
        pieces.append(bytes(MEBI))
    return True


def take_memory_by_mapping(host):
    return len(mmap.mmap(-1, 1024 * MEBI)) > 0


def take_memory_by_c_library(host):
    LIBC.malloc.restype = ctypes.c_void_p
    return bool(LIBC.malloc(ctypes.c_size_t(1024 * MEBI)))


def take_memory_by_a_number(host):
    return (1 << (8 << 30)) > 0


def take_memory_by_text(host):
    return len("x" * (1024 * MEBI)) > 0


def take_memory_in_memory_files(host):
    taken = 0
    for _ in range(400):
        taken += os.write(os.memfd_create("x"), bytes(MEBI))
    return taken > 100 * MEBI


def take_memory_in_shared_segments(host):
    segment = LIBC.shmget(0, ctypes.c_size_t(64 * MEBI), 0o1600)
    LIBC.shmctl(segment, 0, None)  # it would stay for ever
    return segment >= 0


def lock_memory(host):
    return LIBC.mlockall(3) == 0


def fill_the_disk_with_one_file(host):
    with open("big", "wb") as file:
        for _ in range(64):
            file.write(bytes(MEBI))
    return True


def fill_the_disk_with_many_files(host):
    for number in range(64):
        with open(f"file{number}", "wb") as file:
            file.write(bytes(MEBI // 2))
    return True


def use_up_names_of_files(host):
    for number in range(1500):
        os.close(os.open(f"file{number}", os.O_CREAT | os.O_WRONLY))
    return True


def open_many_files(host):
    return len([os.open("/dev/null", os.O_RDONLY) for _ in range(2000)]) == 2000


def compute_for_ever(host):
    while True:
        pass


def compute_with_signals_ignored(host):
    for number in range(1, 64):
        if number not in (9, 19, 32, 33):
            signal.signal(number, signal.SIG_IGN)
    while True:
        pass


def compute_in_one_call(host):
    return re.match("(a+)+$", "a" * 40 + "b") is None


def compute_without_interruption(host):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue


def raise_a_giant(host):
    return 3 ** (3**20) % 2 == 5


def sleep_for_ever(host):
    time.sleep(1000)


def recurse_for_ever(host):
    sys.setrecursionlimit(10**9)

    def deeper(number):
        return deeper(number + 1)

    return deeper(0)


def print_without_end(host):
    line = "x" * MEBI
    for _ in range(100):
        print(line)
        print(line, file=sys.stderr)


def write_without_end_everywhere(host):
    for number in range(1, 64):
        try:
            for _ in range(100):
                os.write(number, bytes(MEBI))
        except OSError:
            continue


def return_too_much(host):
    return "x" * 10 * MEBI


def return_a_tower(host):
    tower = []
    for _ in range(100000):
        tower = [tower]
    return tower


def return_a_circle(host):
    circle = []
    circle.append(circle)
    return circle


def complain_too_much(host):
    raise ValueError("x" * 50 * MEBI)
