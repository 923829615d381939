"""Scripted policies that read only what a policy sees: `full` proves solvability, `weak` feeds the warm start."""

import re
from collections.abc import Sequence

from infopo.core import Message
from infopo.envs.registry import ExpertKind
from infopo.envs.usergym.facet_expert import FacetExpert, listed
from infopo.envs.usergym.facets import Facet, Facets, Possible
from infopo.envs.usergym.telepathy.options import TelepathyOptions
from infopo.envs.usergym.telepathy.words import CATEGORIES, an, described, facet_values, facets_of

_CATEGORY = re.compile(r"(?:guess the|thinking of an?(?: piece of)?) (\w+)")
_STATED = re.compile(r"\b(kind|color|size|pattern) is (\w+)")


def expert(kind: ExpertKind, seed: int, options: TelepathyOptions) -> FacetExpert:
    """The expert of a difficulty."""
    nano = options.difficulty == "nano"

    def write(name: str, values: Sequence[str]) -> str:
        if nano:
            return f"is it {' or '.join(values)} ?"
        return f"Is it {listed([an(value) for value in values] if name == 'kind' else values)}?"

    return FacetExpert(
        kind,
        seed_parts=(seed, "telepathy-expert"),
        facets=_everything(),
        start=_start,
        write=write,
        answer=described,
        max_turns=options.max_turns,
        think=nano,
    )


def _everything() -> Facets:
    """Facets that know the kinds of all categories: an own question names only those of the one at hand."""
    kinds = [facets_of(category).facet("kind") for category in CATEGORIES]
    merged = Facet(name="kind", values=tuple(value for one in kinds for value in one.values))
    return Facets((merged, *facets_of("animal").facets[1:]))


def _start(messages: tuple[Message, ...]) -> Possible:
    text = messages[-1].content
    category = _CATEGORY.search(text)
    if category is None:
        raise ValueError("no opening of usergym/telepathy in the messages")
    possible = Possible(facet_values(category[1]))
    for name, value in _STATED.findall(text):
        possible.state(name, value)
    return possible
