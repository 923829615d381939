"""Reading, writing and finding files of the host. Beyond the attempt's own victims nothing of the host changes."""

import contextlib
import ctypes
import errno
import glob
import importlib.machinery
import io
import linecache
import mmap
import os
import shutil
import sys


def read_a_file(host):
    return open(host["secret"]).read()


def read_by_descriptor(host):
    return os.read(os.open(host["secret"], os.O_RDONLY), 1000).decode()


def read_by_mapping(host):
    with io.FileIO(host["secret"]) as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)[:].decode()


def read_through_a_link(host):
    os.symlink(host["secret"], "link")
    return open("link").read()


def read_through_a_linked_folder(host):
    os.symlink("/", "top")
    return open("top" + host["secret"]).read()


def read_by_line_cache(host):
    return linecache.getlines(host["secret"])


def read_by_import_loader(host):
    return importlib.machinery.SourceFileLoader("secret", host["secret"]).get_data(host["secret"]).decode()


def read_by_c_library(host):
    libc, buffer = ctypes.CDLL(None), ctypes.create_string_buffer(1000)
    libc.read(libc.open(host["secret"].encode(), 0), buffer, 999)
    return buffer.value.decode()


def read_through_the_root_of_another_process(host):
    return open(f"/proc/{host['parent']}/root{host['secret']}").read()


def read_by_climbing_out(host):
    return open("../" * 30 + host["secret"].lstrip("/")).read()


def read_inherited_descriptors(host):
    found = []
    for number in range(3, 2000):
        with contextlib.suppress(OSError):
            found.append(os.pread(number, 1000, 0).decode(errors="replace"))
    return found


def list_a_folder(host):
    return len(os.listdir(host["folder"])) > 0


def find_by_pattern(host):
    return bool(glob.glob(os.path.dirname(host["secret"]) + "/*"))


def read_the_users_of_the_host(host):
    return "root" in open("/etc/passwd").read()


def read_the_mounts_of_the_host(host):
    return len(open("/proc/self/mountinfo").read()) > 0


def read_the_tests(host):
    return "read_the_tests" in open(host["tests"]).read()


def read_the_project(host):
    return "def " in open(host["project"]).read()


def import_the_project(host):
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(host["project"]))))
    import infopo.core

    return bool(infopo.core)


def see_installed_packages(host):
    return len(os.listdir(host["packages"])) > 0


def see_packages_beside_the_library(host):
    return len(os.listdir(os.path.dirname(os.__file__) + "/site-packages")) > 0


def overwrite_a_file(host):
    with open(host["victim_file"], "w") as file:
        file.write("changed")


def append_to_a_file(host):
    with open(host["victim_file"], "a") as file:
        file.write("changed")


def truncate_a_file(host):
    os.truncate(host["victim_file"], 0)


def delete_a_file(host):
    os.remove(host["victim_file"])


def rename_a_file(host):
    os.rename(host["victim_file"], host["victim_file"] + "2")


def change_rights_of_a_file(host):
    os.chmod(host["victim_file"], 0o777)


def link_a_file(host):
    os.link(host["victim_file"], host["victim_file"] + "2")


def write_through_a_link(host):
    os.symlink(host["victim_file"], "link")
    with open("link", "w") as file:
        file.write("changed")


def create_a_file(host):
    with open(host["folder"] + "/new", "w") as file:
        file.write("new")


def create_a_folder(host):
    os.mkdir(host["folder"] + "/new")


def create_a_pipe(host):
    os.mkfifo(host["folder"] + "/new")


def remove_a_folder(host):
    shutil.rmtree(host["folder"])


def writable(folder):
    """By a file without a name, which nobody sees and which is gone when it is closed."""
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY))
    except OSError as error:
        return error.errno == errno.EOPNOTSUPP  # looked at after the rights
    return True


def write_in_the_library(host):
    return writable(os.path.dirname(os.__file__))


def write_at_the_root(host):
    return writable("/")


def run_a_program_from_the_private_folder(host):
    with open("copy", "wb") as file:
        file.write(b"\x7fELF" + bytes(100))
    os.chmod("copy", 0o755)
    try:
        os.execv("copy", ["copy"])
    except PermissionError:
        return False
    except OSError as error:
        return error.errno == 8  # it got as far as reading the format


def open_the_log_of_the_kernel(host):
    return os.open("/dev/kmsg", os.O_RDONLY) > 0


def make_a_device(host):
    os.mknod("disk", 0o60600, os.makedev(7, 0))
    return True


def mount_something(host):
    """A kind of file system that there is not: whoever may mount hears that, others that they may not."""
    libc = ctypes.CDLL(None, use_errno=True)
    os.mkdir("place")
    return libc.mount(b"none", os.path.abspath("place").encode(), b"infopo", 0, None) == -1 and (
        ctypes.get_errno() == errno.ENODEV
    )


def make_the_root_writable(host):
    """Where it succeeds it is taken back."""
    read_only, remount, bind = 1, 32, 4096
    libc, path = ctypes.CDLL(None), os.path.dirname(os.__file__)
    before = os.statvfs(path).f_flag & 15  # read-only, no setuid, no devices, no programs: numbers as in mount
    done = libc.mount(None, path.encode(), None, remount | bind | before & ~read_only, None) == 0
    if done:
        libc.mount(None, path.encode(), None, remount | bind | before, None)
    return done


def change_the_root(host):
    os.chroot("/")
    return True
