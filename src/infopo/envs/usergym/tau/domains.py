"""The two domains, side by side."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infopo.envs.usergym.tau import airline, retail
from infopo.envs.usergym.tau.ids import Ids
from infopo.envs.usergym.tau.task import Draft
from infopo.envs.usergym.tau.tools import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """`policy` by difficulty; `fields` of the records by table; `kinds`: what a customer may want, with
    weights; `draw(kind, ids)` makes a task."""

    policy: Mapping[str, str]
    tools: Tools
    fields: Mapping[str, tuple[str, ...]]
    kinds: Mapping[str, int]
    draw: Callable[[str, Ids], Draft]


_POLICIES = {
    "retail": {"standard": retail.POLICY, "nano": retail.NANO_POLICY},
    "airline": {"standard": airline.POLICY, "nano": airline.NANO_POLICY},
}
DOMAINS: Mapping[str, Domain] = {
    "retail": Domain(
        policy=_POLICIES["retail"],
        tools={tool.name: tool for tool in retail.TOOLS},
        fields=retail.FIELDS,
        kinds=retail.KINDS,
        draw=retail.draw,
    ),
    "airline": Domain(
        policy=_POLICIES["airline"],
        tools={tool.name: tool for tool in airline.TOOLS},
        fields=airline.FIELDS,
        kinds=airline.KINDS,
        draw=airline.draw,
    ),
}
