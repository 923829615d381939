"""Search in the documents of a task: by the words that a query shares with them, rare ones first."""

import math
from collections import Counter
from collections.abc import Sequence

from infopo.envs.usergym.phrases import stems
from infopo.envs.usergym.search.task import Hit

_COMMON = frozenset("a an the of in is was by to which who where what does did live town".split())


class Corpus:
    """See `Backend`."""

    def __init__(self, documents: Sequence[Hit]) -> None:
        self._documents = [(hit, set(stems(f"{hit.title} {hit.snippet}"))) for hit in documents]
        counts = Counter(word for _, known in self._documents for word in known)
        self._weights = {word: math.log(1 + len(documents) / count) for word, count in counts.items()}

    def find(self, query: str) -> Sequence[Hit]:
        """Documents that share a telling word with the query, the best first; ties in the order of the documents."""
        asked = set(stems(query)) - _COMMON
        scored = [(sum(self._weights[word] for word in asked & known), hit) for hit, known in self._documents]
        return [hit for score, hit in sorted(scored, key=lambda pair: -pair[0]) if score > 0]
