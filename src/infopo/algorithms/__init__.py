"""Training methods: a batch of credits in, per-token advantages out. One file a method."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from infopo.algorithms import (
    bi_level_gae,
    collabllm,
    dapo,
    dr_grpo,
    gigpo,
    grpo,
    igpo,
    igpo_2025,
    infopo,
    infopo_official,
    infopo_return,
    mt_grpo,
    reinforce_pp,
    rloo,
    search_r1,
    starpo,
    starpo_s,
    sweet_rl,
    turn_ppo,
    userrl,
)
from infopo.algorithms.base import Credit, CreditBatch, Method
from infopo.algorithms.batch import credit_batch, credit_rows, rows_with_gain
from infopo.algorithms.grpo import GRPOOptions
from infopo.algorithms.infopo import InfoPOOptions
from infopo.algorithms.loss_config import LossConfig
from infopo.core import UnknownNameError

__all__ = [
    "Credit",
    "CreditBatch",
    "GRPOOptions",
    "InfoPOOptions",
    "LossConfig",
    "Method",
    "credit_batch",
    "credit_rows",
    "get",
    "names",
    "options_of",
    "rows_with_gain",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    options: type[Any]
    make: Callable[[Any], Method]


_METHODS = {
    "infopo": _Entry(options=InfoPOOptions, make=infopo.make),
    "infopo-official": _Entry(options=infopo_official.InfoPOOfficialOptions, make=infopo_official.make),
    "grpo": _Entry(options=GRPOOptions, make=grpo.make),
    "dr-grpo": _Entry(options=dr_grpo.DrGRPOOptions, make=dr_grpo.make),
    "rloo": _Entry(options=rloo.RLOOOptions, make=rloo.make),
    "reinforce++": _Entry(options=reinforce_pp.ReinforcePPOptions, make=reinforce_pp.make),
    "dapo": _Entry(options=dapo.DAPOOptions, make=dapo.make),
    "userrl": _Entry(options=userrl.UserRLOptions, make=userrl.make),
    "starpo": _Entry(options=starpo.StarPOOptions, make=starpo.make),
    "starpo-s": _Entry(options=starpo_s.StarPOSOptions, make=starpo_s.make),
    "bi-level-gae": _Entry(options=bi_level_gae.BiLevelGAEOptions, make=bi_level_gae.make),
    "search-r1": _Entry(options=search_r1.SearchR1Options, make=search_r1.make),
    "igpo": _Entry(options=igpo.IGPOOptions, make=igpo.make),
    "igpo-2025": _Entry(options=igpo_2025.IGPO2025Options, make=igpo_2025.make),
    "gigpo": _Entry(options=gigpo.GiGPOOptions, make=gigpo.make),
    "mt-grpo": _Entry(options=mt_grpo.MTGRPOOptions, make=mt_grpo.make),
    "turn-ppo": _Entry(options=turn_ppo.TurnPPOOptions, make=turn_ppo.make),
    "collabllm": _Entry(options=collabllm.CollabLLMOptions, make=collabllm.make),
    "sweet-rl": _Entry(options=sweet_rl.SweetRLOptions, make=sweet_rl.make),
    "infopo-return": _Entry(options=infopo_return.InfoPOReturnOptions, make=infopo_return.make),
}


def names() -> tuple[str, ...]:
    """Names that `get` knows.

    >>> names()[:3]
    ('infopo', 'infopo-official', 'grpo')
    """
    return tuple(_METHODS)


def get(name: str, **options: Any) -> Method:
    """The method `name` with its options; raises `UnknownNameError` for either, `UserError` for a bad value.

    >>> sorted(get("infopo", beta=0.3).needs)
    ['gain']
    """
    entry = _entry(name)
    known = [field.name for field in fields(entry.options)]
    for option in options:
        if option not in known:
            raise UnknownNameError(f"option of algorithm {name}", option, known)
    return entry.make(entry.options(**options))


def options_of(name: str) -> Any:
    """The options of the method `name`, at their defaults; raises `UnknownNameError`.

    >>> options_of("infopo").beta
    0.5
    """
    return _entry(name).options()


def _entry(name: str) -> _Entry:
    if name not in _METHODS:
        raise UnknownNameError("algorithm", name, list(_METHODS))
    return _METHODS[name]
