"""Which tasks a domain has, as the benchmark itself lists them: indices of ours to ids of its own."""

from dataclasses import dataclass
from functools import lru_cache

from infopo.core import UserError
from infopo.envs.registry import Split
from infopo.envs.tau2.client import Place, ask
from infopo.envs.tau2.options import Tau2Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A task: its id in the benchmark, its place among all tasks of its split, whether its reward needs a judge."""

    upstream_id: str
    place: int
    judged: bool


def entries(domain: str, split: Split, options: Tau2Options) -> tuple[Entry, ...]:
    """The tasks of a split, in the benchmark's order. The first call starts the worker, which takes seconds.

    Raises `UserError` where the benchmark is absent or its data are, and for `judge="official"` without a key for it.
    """
    found = _read(options.place(), domain, split, options.judge == "official")
    return found if options.judge != "leave-out" else tuple(entry for entry in found if not entry.judged)


@lru_cache(maxsize=64)
def _read(place: Place, domain: str, split: Split, judge: bool) -> tuple[Entry, ...]:
    reply = ask(place, domain, "catalogue", judge=judge)
    if reply["lacks"]:
        raise UserError(
            f"tau2/{domain}: judge official asks a language model, and {', '.join(reply['lacks'])} is not set; "
            "set it, or choose judge skip or leave-out"
        )
    wanted = set(reply["splits"][split])
    tasks = [task for task in reply["tasks"] if task["id"] in wanted]
    return tuple(Entry(upstream_id=task["id"], place=place, judged=task["judged"]) for place, task in enumerate(tasks))
