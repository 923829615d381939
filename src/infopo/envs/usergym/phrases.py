"""Words and word groups of free text, however they are written."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

_WORD = re.compile(r"[a-z0-9]+")


def plain(text: str) -> str:
    """Lower case without accents: `Málaga` becomes `malaga`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def stems(text: str) -> list[str]:
    """The words of a text without plural endings; apostrophes join.

    >>> stems("The Dishes, the suitcases?")
    ['the', 'dish', 'the', 'suitcase']
    """
    return [_stem(word) for word in _WORD.findall(plain(text).replace("'", "").replace("\u2019", ""))]


def _stem(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("shes", "ches", "sses", "xes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


class Phrases(Generic[T]):
    """A table of word groups; `find` returns what each group in a text stands for, longest groups first."""

    def __init__(self, table: Iterable[tuple[str, T]]) -> None:
        self._table: dict[tuple[str, ...], list[T]] = {}
        self._longest: dict[str, int] = {}
        for phrase, meaning in table:
            words = tuple(stems(phrase))
            meanings = self._table.setdefault(words, [])
            if meaning not in meanings:
                meanings.append(meaning)
            self._longest[words[0]] = max(len(words), self._longest.get(words[0], 0))

    def find(self, words: list[str]) -> list[tuple[int, tuple[str, ...], list[T]]]:
        """(position, word group, its meanings), in the order of the text, without overlaps."""
        found = []
        k = 0
        while k < len(words):
            for length in range(self._longest.get(words[k], 0), 0, -1):
                group = tuple(words[k : k + length])
                if group in self._table:
                    found.append((k, group, self._table[group]))
                    k += length
                    break
            else:
                k += 1
        return found
