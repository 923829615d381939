"""`infopo init env`: an environment to start from."""

import importlib.util
import keyword
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from infopo.core import UserError, atomic_write_text

USAGE = (
    "usage: infopo init env NAME [FOLDER]\n\n"
    "Write NAME.py (an environment), NAME_user.py (its scripted user) and test_NAME.py (their test) into FOLDER, by\n"
    "default this one. They work as they are: change them step by step, and run the test after each."
)
FILES = {"environment.py.txt": "{}.py", "user.py.txt": "{}_user.py", "test.py.txt": "test_{}.py"}


def run(arguments: Sequence[str]) -> int:
    """Write the files; never over one that is there."""
    if not arguments or any(argument in ("-h", "--help") for argument in arguments):
        print(USAGE)
        return 0
    if arguments[0] != "env" or not 2 <= len(arguments) <= 3 or any(word.startswith("-") for word in arguments):
        raise UserError(f"infopo init takes `env NAME [FOLDER]`, got {' '.join(arguments)}; see infopo init --help")
    name, folder = arguments[1], Path(arguments[2] if len(arguments) == 3 else ".")
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
        raise UserError(f"{name!r} cannot name a module: use letters, digits and _, no word of Python; such as my_env")
    targets = {source: folder / target.format(name) for source, target in FILES.items()}
    for path in targets.values():
        if path.exists():
            raise UserError(f"{path} is there already: give another name or folder")
        if _is_taken(path):
            raise UserError(f"there is a module {path.stem} already, and {path} would clash with it: give another name")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder}: {error.strerror}") from error
    templates = resources.files("infopo.cli") / "templates"
    for source, path in targets.items():
        atomic_write_text(path, (templates / source).read_text(encoding="utf-8").replace("NAME", name))
        print(f"wrote {path}")
    print(f"next: cd {folder} && python -m pytest test_{name}.py && infopo check env {name}:SPEC")
    return 0


def _is_taken(path: Path) -> bool:
    """Whether Python finds another module under the name that `path` would have. A mere folder does not count."""
    try:
        spec = importlib.util.find_spec(path.stem)
    except ValueError:  # how it says that the module of this program itself, `__main__`, was started as a script
        return True
    return spec is not None and spec.origin is not None
