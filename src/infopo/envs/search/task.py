"""What is asked, and what is searched."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document of a corpus."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One task. `answers` are all right, the first is the reference.

    `hops` are the titles of the documents that lead to the answer, in order, as far as they are known; the first of
    them are stated by the opening, one sentence of `told` each.
    """

    task_id: str
    text: str
    answers: tuple[str, ...]
    hops: tuple[str, ...] = ()
    told: tuple[str, ...] = ()

    @property
    def hidden(self) -> dict[str, str]:
        """Ids of the facts to be found, in order, with the titles of their documents.

        >>> Question(task_id="", text="", answers=("x",), hops=("a", "b"), told=("a is b",)).hidden
        {'hop2': 'b'}
        """
        found = [(f"hop{number}", title) for number, title in enumerate(self.hops, start=1)]
        return dict(found[len(self.told) :])


class SearchBackend(Protocol):
    """What is searched. Anything with this method will do."""

    async def search(self, query: str, k: int) -> Sequence[Document]:
        """At most `k` documents, the best first. An exception is a failure of the episode, never a score."""
        ...
