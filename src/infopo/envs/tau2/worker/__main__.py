"""Entry by path: `python .../worker/__main__.py CONTROL_DESCRIPTOR CHECKOUT_OR_NOTHING`."""

import importlib
import importlib.util
import sys
from pathlib import Path

NAME = "infopo_tau2_worker"


def main() -> None:
    """Load this folder as a package under a name of its own, and serve."""
    folder = Path(__file__).resolve().parent
    if sys.path and Path(sys.path[0]).resolve() == folder:
        sys.path.pop(0)  # the names in this folder must not hide those of other packages
    spec = importlib.util.spec_from_file_location(
        NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is no package")
    package = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = package
    spec.loader.exec_module(package)
    importlib.import_module(f"{NAME}.serve").main(int(sys.argv[1]), sys.argv[2])


if __name__ == "__main__":
    main()
