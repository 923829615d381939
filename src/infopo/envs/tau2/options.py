"""The options of `tau2/<domain>`, and where its benchmark is found."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from infopo.core import UnknownNameError, UserError
from infopo.envs.tau2.client import Place

JUDGES = ("leave-out", "skip", "official")
BUDGETS = ("zero", "evaluate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tau2Options:
    """Keyword options of `make_env("tau2/...", ...)`; a bad value raises `UserError`.

    `tau2_python`: the interpreter that has the benchmark (else `INFOPO_TAU2_PYTHON`, else this one). `tau2_root`: its
    checkout, where it is not installed (else `INFOPO_TAU2_ROOT`). `tau2_data`: its data (else `TAU2_DATA_DIR`, else
    those of the checkout). `max_turns`: actions of the policy; `max_hops` and `max_errors`: the benchmark's own limits.
    `on_budget` zero: an episode that runs out of turns or hops scores 0, as in the benchmark; evaluate: it is scored as
    it stands. `judge` leave-out: no tasks whose reward needs a judge; skip: they are scored without that part;
    official: the benchmark's judge is asked. `call_seconds`: the longest that one request to the benchmark may take.
    """

    tau2_python: str = ""
    tau2_root: str = ""
    tau2_data: str = ""
    max_turns: int = 50
    max_hops: int = 200
    max_errors: int = 10
    on_budget: str = "zero"
    judge: str = "leave-out"
    call_seconds: float = 120.0

    def __post_init__(self) -> None:
        for name, known in (("judge", JUDGES), ("on_budget", BUDGETS)):
            if getattr(self, name) not in known:
                raise UnknownNameError(f"{name} of tau2", str(getattr(self, name)), list(known))
        for name in ("max_turns", "max_hops", "max_errors"):
            if getattr(self, name) < 1:
                raise UserError(f"options of tau2: {name} must be at least 1, got {getattr(self, name)}")
        if not self.call_seconds > 0:
            raise UserError(f"options of tau2: call_seconds must be positive, got {self.call_seconds}")

    def place(self) -> Place:
        """Interpreter, checkout and data, by options and variables. Raises `UserError` for what is not there."""
        python = self.tau2_python or os.environ.get("INFOPO_TAU2_PYTHON", "") or sys.executable
        found = shutil.which(os.path.expanduser(python))
        if found is None:
            raise UserError(f"tau2: no interpreter {python}; set INFOPO_TAU2_PYTHON, or option tau2_python, to one")
        folders = []
        for name, value in (
            ("INFOPO_TAU2_ROOT", self.tau2_root or os.environ.get("INFOPO_TAU2_ROOT", "")),
            ("TAU2_DATA_DIR", self.tau2_data or os.environ.get("TAU2_DATA_DIR", "")),
        ):
            folder = Path(value).expanduser().absolute()
            if value and not folder.is_dir():
                raise UserError(f"tau2: no folder {value}; mend {name} or the option for it")
            folders.append(str(folder) if value else "")
        return Place(python=os.path.abspath(found), root=folders[0], data=folders[1])
