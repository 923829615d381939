"""What can be searched: BM25 over documents, a retrieval server, or a backend of one's own."""

import importlib
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from infopo.core import UserError, boundary
from infopo.envs.search.files import read_corpus
from infopo.envs.search.options import ENV_ID, SearchQAOptions
from infopo.envs.search.retriever import HttpBackend
from infopo.envs.search.task import Document, SearchBackend

STOP_WORDS = "english"


class Bm25:
    """BM25 over the titles and texts of documents (`bm25s`, with its English stop words). `UserError` without any."""

    def __init__(self, documents: Sequence[Document]) -> None:
        import bm25s

        if not documents:
            raise UserError(f"{ENV_ID}: there are no documents to search")
        self._documents = documents
        self._index = bm25s.BM25()
        self._index.index(_words([f"{one.title} {one.text}" for one in documents]), show_progress=False)

    async def search(self, query: str, k: int) -> Sequence[Document]:
        """Documents that share a telling word with the query, the best first; ties in the order of the documents."""
        import numpy as np

        words = [word for word in _words([query])[0] if word in self._index.vocab_dict]
        if not words:
            return []
        scores = self._index.get_scores(words)
        found = np.flatnonzero(scores > 0)
        best = found[np.argsort(-scores[found], kind="stable")[:k]]
        return [self._documents[number] for number in best]


def _words(texts: list[str]) -> list[list[str]]:
    import bm25s

    words: list[list[str]] = bm25s.tokenize(texts, stopwords=STOP_WORDS, return_ids=False, show_progress=False)
    return words


def open_backend(options: SearchQAOptions) -> SearchBackend | None:
    """The backend that the options name; None for plain `bm25`, over what belongs to the questions."""
    kind, _, rest = options.backend.partition(":")
    if options.backend == "bm25":
        return None
    if kind == "bm25" and rest:
        return _over_file(rest)
    if re.match(r"https?://[^/]", options.backend):
        return HttpBackend(options.backend, timeout_seconds=options.timeout_seconds, attempts=options.attempts)
    if re.fullmatch(r"[\w.]+:\w+", options.backend):
        return _foreign(options.backend)
    raise UserError(
        f"option backend of {ENV_ID} must be bm25, bm25:FILE, the URL of a retrieval server, or module:NAME,"
        f" got {options.backend!r}"
    )


@lru_cache(maxsize=4)
def _over_file(path: str) -> Bm25:
    return Bm25(read_corpus(Path(path)))


@lru_cache(maxsize=4)
def _foreign(name: str) -> SearchBackend:
    """What `NAME()` of a module returns, once for all episodes."""
    module, _, attribute = name.partition(":")
    backend: SearchBackend | None = None
    with boundary("import") as caught:
        backend = getattr(importlib.import_module(module), attribute)()
    if caught.error is not None or not callable(getattr(backend, "search", None)):
        said = "it has no search" if caught.failure is None else f"{caught.failure.kind}: {caught.failure.detail}"
        raise UserError(f"option backend of {ENV_ID}: {name}() gives no search backend ({said})") from caught.error
    assert backend is not None
    return backend
