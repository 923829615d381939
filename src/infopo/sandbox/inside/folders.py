"""Which folders a bare Python needs to see. Run by itself, it prints them and the folders of packages as JSON."""

import os
import sys

PACKAGES = ("site-packages", "dist-packages")


def main() -> None:
    import json

    found = libraries()
    found += [path for path in ("/usr/lib64",) if os.path.isdir(path) and path not in found]  # of the loader
    print(json.dumps([found, [path for folder in found for path in packages(folder)]]))


def libraries() -> list[str]:
    """Python's standard library, and the folders of the C libraries that this interpreter has loaded."""
    folders = {os.path.realpath(path) for path in sys.path if os.path.isdir(path)}
    with open("/proc/self/maps", encoding="utf-8") as maps:
        paths = {line.split(maxsplit=5)[5].strip() for line in maps if line.count("/")}
    folders |= {os.path.dirname(os.path.realpath(path)) for path in paths if ".so" in os.path.basename(path)}
    return sorted(one for one in folders if not any(one.startswith(other + "/") for other in folders))


def packages(folder: str) -> list[str]:
    """Where packages are installed inside a folder of libraries: this project and its tasks may be among them."""
    inside = [folder, *(entry.path for entry in os.scandir(folder) if entry.name.startswith("python3"))]
    paths = [os.path.join(one, name) for one in inside for name in PACKAGES]
    return [path for path in paths if os.path.isdir(path) and not os.path.islink(path)]
