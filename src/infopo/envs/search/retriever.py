"""A retrieval server as the search backend: POST {"queries": [...], "topk": k, "return_scores": true}, as Search-R1's.

It answers {"result": [[hit, ...]]}, a list of hits a query; a hit is a document, or {"document": ..., "score": ...};
a document has `contents` (the title, then the text), or `title` and `text`.
"""

import ssl
from collections.abc import Sequence
from functools import cache
from typing import Any

from infopo.core import InfopoError, UserError
from infopo.envs.search.files import document_of
from infopo.envs.search.task import Document

FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0
BUSY = (408, 425, 429)  # worth another try, as is every error of the server's own
UNFIT = (400, 413, 414)  # not for this query: its episode breaks off, the run goes on
LONGEST_QUERY = 2000  # characters: nobody gets out of an episode by a query that a server refuses


class SearchError(InfopoError):
    """A search got no answer that can be used."""


class SearchTimeout(SearchError, TimeoutError):
    """No answer in time."""


class HttpBackend:
    """See `SearchBackend`. Every try may take `timeout_seconds`; between tries it waits, twice as long every time.

    Raises `SearchError` after the last of `attempts`: a failure of the episode, never a score. `UserError` where the
    server does not take such requests at all, which no other try would change.
    """

    def __init__(
        self, url: str, *, timeout_seconds: float = 10.0, attempts: int = 3, first_wait: float = FIRST_WAIT
    ) -> None:
        self.url, self.timeout_seconds, self.attempts, self.first_wait = url, timeout_seconds, attempts, first_wait

    async def search(self, query: str, k: int) -> Sequence[Document]:
        """At most `k` documents, in the server's order."""
        from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(SearchError),
            stop=stop_after_attempt(self.attempts),
            wait=wait_exponential(multiplier=self.first_wait, max=LONGEST_WAIT),
            reraise=True,
        ):
            with attempt:
                return await self._post(query, k)
        raise AssertionError("retrying ends with documents or an error")

    async def _post(self, query: str, k: int) -> Sequence[Document]:
        import asyncio

        import httpx

        body = {"queries": [query[:LONGEST_QUERY]], "topk": k, "return_scores": True}
        try:
            async with (
                asyncio.timeout(self.timeout_seconds),
                httpx.AsyncClient(timeout=None, verify=_trusted()) as client,
            ):
                response = await client.post(self.url, json=body)
        except TimeoutError as error:
            raise SearchTimeout(f"{self.url}: no answer within {self.timeout_seconds:g} s") from error
        except httpx.InvalidURL as error:
            raise UserError(f"{self.url} is no address of a retrieval server ({error})") from error
        except httpx.HTTPError as error:
            raise SearchError(f"{self.url}: {type(error).__name__} {error}") from error
        status = response.status_code
        if status >= 500 or status in BUSY or status in UNFIT:
            raise SearchError(f"{self.url}: the server answers {status}")
        if status != 200:
            raise UserError(f"{self.url}: the server answers {status} to a search; is it the address of its retrieval?")
        return self._read(response, k)

    def _read(self, response: Any, k: int) -> Sequence[Document]:
        try:
            (hits,) = response.json()["result"]
            rows = [hit.get("document", hit) for hit in hits]
            return [
                document_of(row, f"{self.url}, hit {number}", default_id=str(number))
                for number, row in enumerate(rows[:k])
            ]
        except (ValueError, LookupError, TypeError, AttributeError, UserError) as error:
            raise SearchError(f"{self.url}: the answer is no list of documents ({error})") from error


@cache
def _trusted() -> ssl.SSLContext:
    """Made once: it takes longer than a search."""
    return ssl.create_default_context()
