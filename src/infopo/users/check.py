"""What is asked of every user, as checks that anybody can run on their own."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from infopo.core import InfopoError, Message
from infopo.core.guard import global_random_states
from infopo.users.base import User, UserReply


class ConformanceError(InfopoError):
    """Something does not keep to its protocol; the text lists what was found."""


def check_user(
    make: Callable[[], User], requests: Sequence[str], *, secrets: Mapping[str, tuple[str, ...]] | None = None
) -> None:
    """Ask two fresh users the same `requests`, twice over. Raises `ConformanceError` with everything that was found.

    Replies must be equal from user to user, must not be empty, and must reveal each fact at most once; no global random
    generator may be touched. `secrets`: fact id to texts that give the fact away, and that no reply may hold before the
    fact is revealed.
    """
    before = global_random_states()
    twice = [*requests, *requests]
    first, second = (asyncio.run(_replies(make(), twice)) for _ in range(2))
    problems = user_problems(twice, first, secrets or {})
    if first != second:
        problems.append("two fresh users answer the same requests differently: draw from a generator with a seed")
    after = global_random_states()
    problems += [f"the global generator of {name} was used" for name in before if before[name] != after.get(name)]
    if problems:
        raise ConformanceError("; ".join(dict.fromkeys(problems)))


def user_problems(
    requests: Sequence[str], replies: Sequence[UserReply], secrets: Mapping[str, tuple[str, ...]]
) -> list[str]:
    """What is wrong with the replies of one dialogue."""
    problems: list[str] = []
    known: set[str] = set()
    for request, reply in zip(requests, replies, strict=True):
        if not reply.text.strip():
            problems.append(f"the reply to {request!r} is empty")
        problems += [f"fact {fact!r} is revealed twice" for fact in reply.revealed if fact in known]
        if reply.repeated and reply.revealed:
            problems.append(f"the reply to {request!r} is marked as repeated and reveals something")
        known.update(reply.revealed)
        problems += [f"the reply to {request!r} gives {fact!r} away" for fact in leaks(reply.text, secrets, known)]
    return problems


def leaks(text: str, secrets: Mapping[str, tuple[str, ...]], known: set[str]) -> list[str]:
    """The facts, not known yet, that `text` gives away."""
    plain = text.casefold()
    return [
        fact for fact, words in secrets.items() if fact not in known and any(word.casefold() in plain for word in words)
    ]


async def _replies(user: User, requests: Sequence[str]) -> list[UserReply]:
    messages: list[Message] = []
    replies = []
    for request in requests:
        messages.append(Message(role="assistant", content=request))
        replies.append(await user.reply(tuple(messages), request))
        messages.append(Message(role="user", content=replies[-1].text))
    return replies
