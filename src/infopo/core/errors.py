"""Errors a person can act on, and the one place where infrastructure faults become data."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches

from infopo.core.types import Failure


class InfopoError(Exception):
    """Something this project reports on purpose; the text says what, where and what to do."""


class UserError(InfopoError):
    """Bad input from a person: the command line prints one line and exits with code 2."""


class UnknownNameError(UserError):
    """A name that is not in a registry; suggests the nearest one."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        near = get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
        super().__init__(f"unknown {kind} {name!r}; {hint}")


@dataclass(slots=True)
class Caught:
    """Filled by `boundary` when something broke inside it: the failure as data, and the exception it was."""

    failure: Failure | None = None
    error: Exception | None = None


@contextmanager
def boundary(where: str) -> Iterator[Caught]:
    """Turn any exception of foreign code (environment, user, judge) into a `Failure`.

    Cancellation, Ctrl-C and `UserError` (a mistake in the configuration, the same for every episode) pass through.

    >>> with boundary("step") as caught:
    ...     raise ConnectionError("user model is down")
    >>> caught.failure
    Failure(kind='ConnectionError', where='step', detail='user model is down')
    """
    caught = Caught()
    try:
        yield caught
    except UserError:
        raise
    except TimeoutError as error:
        caught.error = error
        caught.failure = Failure(kind="timeout", where=where, detail=str(error) or "deadline passed")
    except Exception as error:  # broad on purpose: whatever foreign code raises is an infrastructure failure
        caught.error = error
        caught.failure = Failure(kind=type(error).__name__, where=where, detail=str(error))
