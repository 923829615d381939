"""What an evaluation costs: calls, tokens and money of the policy and of every chat model, kept as it goes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infopo.core import Failure, RecordWriter, read_records
from infopo.samplers.base import Generated, Request, Sampler, Session
from infopo.users.llm import opened_chats

FILE = "spending.jsonl"
POLICY = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """`prompt_tokens` counts the whole history at every call, as an endpoint bills it."""

    calls: int = 0
    prompt_tokens: int = 0
    reply_tokens: int = 0
    money: float = 0.0

    def plus(self, other: "Spending", sign: int = 1) -> "Spending":
        """Both together; `sign` -1: what this has more than the other."""
        own, its = asdict(self), asdict(other)
        return Spending(**{name: own[name] + sign * its[name] for name in own})


class Meter:
    """The sampler `inner`, counted. For models in this process: what a hosted one spends, its endpoint says."""

    def __init__(self, inner: Sampler) -> None:
        self.inner = inner
        self.renderer, self.max_length = inner.renderer, inner.max_length
        self.spent = Spending()

    def open(self, slots: int) -> "MeteredSession":
        """A session whose calls count."""
        return MeteredSession(self, self.inner.open(slots))


class MeteredSession:
    """The session `inner`, counted."""

    def __init__(self, meter: Meter, inner: Session) -> None:
        self.meter, self.inner = meter, inner

    @property
    def cache(self) -> Any:
        """As it is."""
        return self.inner.cache

    def stored(self, slot: int) -> tuple[int, ...]:
        """As it is."""
        return self.inner.stored(slot)

    async def generate(self, requests: Sequence[Request]) -> Sequence[Generated | Failure]:
        """As it is."""
        prompts = sum(len(request.token_ids) for request in requests)  # now: the histories grow
        found = await self.inner.generate(requests)
        replies = sum(len(one.token_ids) for one in found if isinstance(one, Generated))
        more = Spending(calls=len(requests), prompt_tokens=prompts, reply_tokens=replies)
        self.meter.spent = self.meter.spent.plus(more)
        return found


class Ledger:
    """Adds up what is spent, by name: `policy` for a model in this process, else the chat models' own names.

    With a `folder` every `note` writes what is new to `spending.jsonl`, and what earlier processes wrote counts, too.
    Two settings of one model share its name.
    """

    def __init__(self, folder: Path | None, meter: Meter | None) -> None:
        self.totals: dict[str, Spending] = {}
        self._meter = meter
        self._writer: RecordWriter | None = None
        if folder is not None:
            self._writer = RecordWriter(folder / FILE)
            for row in read_records(folder / FILE):
                self._add(row.pop("who"), Spending(**row))
        self._seen = self._now()

    def note(self) -> None:
        """Take in what was spent since the last time."""
        now = self._now()
        for who, spent in now.items():
            new = spent.plus(self._seen.get(who, Spending()), -1)
            if new != Spending():
                self._add(who, new)
                if self._writer is not None:
                    self._writer.append({"who": who, **asdict(new)})
        self._seen = now

    def data(self) -> dict[str, Any]:
        """The totals as JSON."""
        return {who: asdict(spent) for who, spent in self.totals.items()}

    def close(self) -> None:
        """Take in the rest, and close the file."""
        self.note()
        if self._writer is not None:
            self._writer.close()

    def _add(self, who: str, spent: Spending) -> None:
        self.totals[who] = self.totals.get(who, Spending()).plus(spent)

    def _now(self) -> dict[str, Spending]:
        found: dict[str, Spending] = {}
        if self._meter is not None:
            found[POLICY] = self._meter.spent
        for chat in opened_chats():
            used = chat.budget.spent
            spent = Spending(
                calls=chat.requests,
                prompt_tokens=used.prompt,
                reply_tokens=used.reply,
                money=chat.budget.spent_money,
            )
            name = chat.settings.model
            found[name] = found.get(name, Spending()).plus(spent)
        return found


def recorded_spending(folder: Path) -> tuple[int, float]:
    """Tokens and money of chat models that earlier processes spent on a folder."""
    if not (folder / FILE).is_file():
        return 0, 0.0
    rows = [row for row in read_records(folder / FILE) if row["who"] != POLICY]
    return sum(row["prompt_tokens"] + row["reply_tokens"] for row in rows), sum(row["money"] for row in rows)
