"""Environment, other processes, signals, privileges, namespaces. Only the attempt's own victim comes to harm."""

import ctypes
import errno
import os
import resource
import signal
import subprocess
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
RENAME = 15


def read_the_environment(host):
    return dict(os.environ)


def read_the_environment_of_c(host):
    LIBC.getenv.restype = ctypes.c_char_p
    return (LIBC.getenv(b"INFOPO_SECRET") or b"").decode()


def read_the_environment_at_the_start(host):
    return open("/proc/self/environ").read()


def read_the_environment_of_another_process(host):
    return open(f"/proc/{host['victim']}/environ").read()


def see_other_processes(host):
    return os.path.exists(f"/proc/{host['victim']}")


def read_memory_of_the_parent(host):
    return os.open(f"/proc/{host['parent']}/mem", os.O_RDONLY) > 0


def read_memory_by_call(host):
    buffer = ctypes.create_string_buffer(8)
    local = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
    remote = (ctypes.c_void_p * 2)(host["address"], 8)
    return LIBC.process_vm_readv(host["parent"], local, 1, remote, 1, 0) == 8


def trace_a_process(host):
    return LIBC.ptrace(0x4206, host["victim"], 0, 0) == 0  # attach without stopping it


def open_a_handle_of_a_process(host):
    return os.pidfd_open(host["victim"]) > 0


def kill_a_process(host):
    os.kill(host["victim"], signal.SIGKILL)


def kill_by_c_library(host):
    LIBC.kill(host["victim"], 9)


def signal_everybody(host):
    os.kill(-1, 0)  # asks whether there is somebody; sends nothing
    return True


def stop_the_own_group(host):
    os.killpg(0, signal.SIGSTOP)


def kill_the_own_group(host):
    os.kill(0, signal.SIGKILL)


def end_the_own_group(host):
    os.killpg(0, signal.SIGTERM)


def start_a_process(host):
    if os.fork() == 0:
        os._exit(0)
    return True


def start_a_thread(host):
    threading.Thread(target=int).start()
    return True


def run_a_program(host):
    return subprocess.run([host["python"], "-c", "print(1)"], capture_output=True).stdout == b"1\n"


def run_a_shell(host):
    return os.system("exit 7") >> 8 == 7


def start_by_spawn(host):
    return os.posix_spawn(host["python"], ["python", "-c", ""], {}) > 0


def start_by_system_call(host):
    number = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
    child = LIBC.syscall(number, 17, 0, 0, 0, 0)  # clone, as fork does it
    if child == 0:
        os._exit(0)
    return child > 0


def multiply(host):
    """A fork bomb with a rein: it ends by itself at forty."""
    started = 0
    for _ in range(40):
        try:
            if os.fork() == 0:
                time.sleep(0.2)
                os._exit(0)
            started += 1
        except OSError:
            break
    return started > 1


def stay_behind(host):
    LIBC.prctl(RENAME, host["mark"].encode(), 0, 0, 0)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)


def leave_a_child(host):
    LIBC.prctl(RENAME, host["mark"].encode(), 0, 0, 0)
    if os.fork() == 0:
        os.closerange(3, 64)
        time.sleep(60)
    os._exit(0)


def outlive_the_answer(host):
    LIBC.prctl(RENAME, host["mark"].encode(), 0, 0, 0)
    for number in range(1, 64):
        signal.signal(number, signal.SIG_IGN) if number not in (9, 19, 32, 33) else None
    os.setsid() if os.getpid() != os.getsid(0) else None
    for number in range(3, 64):
        try:
            os.close(number)
        except OSError:
            continue
    time.sleep(60)


def become_root(host):
    os.setresuid(0, 0, 0)
    return os.getuid() == 0


def be_another_user(host):
    os.setresuid(1, 1, 1)
    return os.getuid() == 1


def raise_the_limits(host):
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return True


def be_more_important(host):
    os.nice(-5)
    return True


def make_a_user_namespace(host):
    return LIBC.unshare(0x10000000) == 0


def make_a_user_namespace_by_clone(host):
    number = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
    child = LIBC.syscall(number, 0x10000000 | 17, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    return child > 0


def join_the_namespaces_of_the_host(host):
    return LIBC.setns(os.open(f"/proc/{host['parent']}/ns/net", os.O_RDONLY), 0) == 0


def rename_the_host(host):
    """To a name that is too long: whoever may rename it hears that, others that they may not."""
    return LIBC.sethostname(b"", ctypes.c_size_t(1 << 20)) == -1 and ctypes.get_errno() == errno.EINVAL


def set_the_clock(host):
    """To a time zone that there is not: whoever may set it hears that, others that they may not."""
    zone = (ctypes.c_int * 2)(100000, 0)
    return LIBC.settimeofday(None, ctypes.byref(zone)) == -1 and ctypes.get_errno() == errno.EINVAL


def restart_the_machine(host):
    return LIBC.reboot(0x12345) == -1 and ctypes.get_errno() == errno.EINVAL  # no command of the kernel's


def use_another_table_of_calls(host):
    """Calls of the x32 kind on x86_64, past a filter that knows the ordinary numbers alone."""
    return LIBC.syscall(0x40000000 + 41, 2, 1, 0) >= 0


def end_with_a_bad_address(host):
    ctypes.string_at(0)


def watch_the_kernel(host):
    return LIBC.syscall({"x86_64": 321, "aarch64": 280}[os.uname().machine], 0, 0, 0) == -1 and (
        ctypes.get_errno() != 1
    )  # bpf: whoever may ask gets another error
