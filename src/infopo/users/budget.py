"""A limit on tokens and money that holds while requests are in flight: worst cases are reserved before sending."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from infopo.core import UserError


class BudgetError(UserError):
    """The budget of a chat model is spent: the same for every further request, so the run stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one request used, in tokens."""

    prompt: int
    reply: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Amount:
    tokens: int
    money: float


@dataclass(frozen=True, slots=True, eq=False)  # each is its own
class Ticket:
    """Room that was reserved for one request."""

    worst: Usage


class Budget:
    """`spent_tokens` and `spent_money` only grow, the tokens counted apart in `spent`. Used from one event loop.

    A request is let through if everything spent, reserved and its own worst case fit, here and `within` the budget
    that this one is a part of. It waits where they would fit once requests in flight turn out cheaper than their worst
    case, and raises `BudgetError` where even that is too little. So a limit is passed only by requests in flight that
    use more than their worst case.
    """

    def __init__(
        self,
        *,
        token_limit: int | None,
        money_limit: float | None,
        prompt_price: float = 0.0,
        reply_price: float = 0.0,
        within: "Budget | None" = None,
    ) -> None:
        self.spent_tokens = 0
        self.spent_money = 0.0
        self.spent = Usage(prompt=0, reply=0)
        self.limits = (token_limit, money_limit)
        self._prices = (prompt_price, reply_price)
        self._within = within
        self._reserved: dict[Ticket, _Amount] = {}
        self._changed = asyncio.Event()

    async def reserve(self, worst: Usage) -> Ticket:
        """Wait for room; returns the ticket that `settle` takes."""
        amount = self._amount(worst)
        while full := [part for part in self._chain() if not part._fits(amount, reserved=True)]:
            if not full[0]._fits(amount, reserved=False):
                raise BudgetError(
                    f"the budget of the chat model is spent ({full[0].spent_tokens} tokens, {full[0].spent_money:.4f} "
                    "in money, and the next request may pass the limit); raise token_limit or money_limit"
                )
            await full[0]._changed.wait()
        ticket = Ticket(worst)
        for part in self._chain():
            part._reserved[ticket] = amount
        return ticket

    def settle(self, ticket: Ticket, used: Usage | None) -> None:
        """Give back a reservation. `used` None: nobody knows, so the worst case counts as used."""
        used = used or ticket.worst
        self.spent = Usage(prompt=self.spent.prompt + used.prompt, reply=self.spent.reply + used.reply)
        amount = self._amount(used)
        for part in self._chain():
            del part._reserved[ticket]
            part.charge(tokens=amount.tokens, money=amount.money)

    def restart(self, *, token_limit: int | None, money_limit: float | None, tokens: int, money: float) -> None:
        """Other limits, of which `tokens` and `money` are spent already."""
        self.limits = (token_limit, money_limit)
        self.spent_tokens, self.spent_money = tokens, money

    def charge(self, *, tokens: int, money: float) -> None:
        """Count what was spent, here alone."""
        self.spent_tokens += tokens
        self.spent_money += money
        self._changed.set()  # every waiter looks again, the next ones wait for the next change
        self._changed = asyncio.Event()

    def _chain(self) -> Iterator["Budget"]:
        yield self
        if self._within is not None:
            yield from self._within._chain()

    def _fits(self, amount: _Amount, *, reserved: bool) -> bool:
        token_limit, money_limit = self.limits
        amounts = [amount, *(self._reserved.values() if reserved else ())]
        tokens = self.spent_tokens + sum(one.tokens for one in amounts)
        money = self.spent_money + sum(one.money for one in amounts)
        return (token_limit is None or tokens <= token_limit) and (money_limit is None or money <= money_limit)

    def _amount(self, usage: Usage) -> _Amount:
        money = (usage.prompt * self._prices[0] + usage.reply * self._prices[1]) / 1e6
        return _Amount(tokens=usage.prompt + usage.reply, money=money)
