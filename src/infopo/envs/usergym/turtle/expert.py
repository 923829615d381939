"""Scripted policies that read only what a policy sees: `full` proves solvability, `weak` feeds the warm start."""

import re
from collections.abc import Sequence
from functools import partial

from infopo.core import Message
from infopo.envs.registry import ExpertKind
from infopo.envs.usergym.facet_expert import FacetExpert, listed
from infopo.envs.usergym.facets import Possible
from infopo.envs.usergym.turtle.options import TurtleOptions
from infopo.envs.usergym.turtle.texts import explained
from infopo.envs.usergym.turtle.words import FACETS

_STATED = re.compile(r"^(who|where|why|how) is (\w+)$", re.MULTILINE)  # nano, where the opening names every value
_ASKING = {
    "who": "Was it the {values}?",
    "where": "Was the thing taken to the {values}?",
    "why": "Was it about {values}?",
    "how": "Did they use a {values}?",
}


def expert(kind: ExpertKind, seed: int, options: TurtleOptions) -> FacetExpert:
    """The expert of a difficulty."""
    nano = options.difficulty == "nano"

    def write(name: str, values: Sequence[str]) -> str:
        if nano:
            return f"was it {' or '.join(values)} ?"
        return _ASKING[name].format(values=listed(values))

    return FacetExpert(
        kind,
        seed_parts=(seed, "turtle-expert"),
        facets=FACETS,
        start=_start,
        write=write,
        answer=partial(explained, difficulty=options.difficulty),
        max_turns=options.max_turns,
        think=nano,
    )


def _start(messages: tuple[Message, ...]) -> Possible:
    """Everything is possible, except where the opening settles it: there it names one value of a facet alone."""
    possible = Possible({facet.name: facet.names for facet in FACETS.facets})
    text = messages[-1].content
    for name, value in (dict(_STATED.findall(text)) or FACETS.named(text)).items():
        possible.state(name, value)
    return possible
