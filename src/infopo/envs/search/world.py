"""Worlds of invented facts, the documents that state them, and chains of relations to ask for."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from infopo.envs.search.task import Document
from infopo.envs.search.words import RELATIONS, Difficulty, Kind, Relation, phrase, stated


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One relation between two things."""

    relation: Relation
    subject: str
    object: str

    def title(self, difficulty: Difficulty) -> str:
        """The title of the document that states it: a document a thing, in nano a document a fact."""
        return phrase(self.relation.noun, self.subject, difficulty) if difficulty == "nano" else self.subject

    def statement(self, difficulty: Difficulty) -> str:
        """The fact as a sentence."""
        return stated(self.relation, self.subject, self.object, difficulty)


def make_facts(members: Mapping[Kind, Sequence[str]], rng: random.Random) -> tuple[Fact, ...]:
    """Every relation of every member to another one, drawn at random; nobody is related to themselves."""
    return tuple(
        Fact(relation=relation, subject=subject, object=rng.choice([one for one in others if one != subject]))
        for relation in RELATIONS
        for others in (members[relation.object],)
        for subject in members[relation.subject]
    )


def documents(facts: Sequence[Fact], difficulty: Difficulty) -> tuple[Document, ...]:
    """The documents that state the facts, in the order in which their titles first come up."""
    sentences: dict[str, list[str]] = {}
    for fact in facts:
        sentences.setdefault(fact.title(difficulty), []).append(fact.statement(difficulty))
    return tuple(
        Document(id=str(number), title=title, text=" ".join(said))
        for number, (title, said) in enumerate(sentences.items())
    )


@cache
def chains(hops: int, *, held_out: bool) -> tuple[tuple[Relation, ...], ...]:
    """Chains of `hops` relations that fit together: with at least one that is held out, or with none."""

    def grow(chain: tuple[Relation, ...]) -> Iterator[tuple[Relation, ...]]:
        if len(chain) == hops:
            yield chain
            return
        for relation in RELATIONS:
            if not chain or chain[-1].object == relation.subject:
                yield from grow((*chain, relation))

    return tuple(chain for chain in grow(()) if any(relation.held_out for relation in chain) == held_out)


class World:
    """Facts, to be followed from thing to thing."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self.facts = tuple(facts)
        self._objects = {(fact.relation.noun, fact.subject): fact for fact in facts}

    def starts(self, chain: tuple[Relation, ...]) -> list[str]:
        """The things that a chain can begin at, in the order of the facts."""
        return [fact.subject for fact in self.facts if fact.relation is chain[0]]

    def follow(self, start: str, chain: tuple[Relation, ...]) -> tuple[Fact, ...] | None:
        """The facts along a chain; None where it comes back to where it has been."""
        path: list[Fact] = []
        met = {start}
        subject = start
        for relation in chain:
            fact = self._objects[relation.noun, subject]
            if fact.object in met:
                return None
            path.append(fact)
            subject = fact.object
            met.add(subject)
        return tuple(path)
