"""A limit on tokens and money that holds while requests are in flight: worst cases are reserved before sending."""

import asyncio
from dataclasses import dataclass

from infopo.core import UserError


class BudgetError(UserError):
    """The budget of a chat model is spent: the same for every further request, so the run stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one request used, in tokens."""

    prompt: int
    reply: int


class Budget:
    """`spent_tokens` and `spent_money` only grow. Used from one event loop.

    A request is let through if everything spent, reserved and its own worst case fit. It waits where they would fit
    once requests in flight turn out cheaper than their worst case, and raises `BudgetError` where even that is too
    little. So a limit is passed only by requests in flight that use more than their worst case.
    """

    def __init__(
        self, *, token_limit: int | None, money_limit: float | None, prompt_price: float, reply_price: float
    ) -> None:
        self.spent_tokens = 0
        self.spent_money = 0.0
        self._limits = (token_limit, money_limit)
        self._prices = (prompt_price, reply_price)
        self._reserved: dict[object, Usage] = {}
        self._changed = asyncio.Event()

    async def reserve(self, worst: Usage) -> object:
        """Wait for room; returns the ticket that `settle` takes."""
        while not self._fits([worst, *self._reserved.values()]):
            if not self._fits([worst]):
                raise BudgetError(
                    f"the budget of the chat model is spent ({self.spent_tokens} tokens, {self.spent_money:.4f} in "
                    "money, and the next request may pass the limit); raise token_limit or money_limit"
                )
            await self._changed.wait()
        ticket = object()
        self._reserved[ticket] = worst
        return ticket

    def settle(self, ticket: object, used: Usage | None) -> None:
        """Give back a reservation. `used` None: nobody knows, so the worst case counts as used."""
        worst = self._reserved.pop(ticket)
        used = used or worst
        self.spent_tokens += used.prompt + used.reply
        self.spent_money += self._money(used)
        self._changed.set()  # every waiter looks again, the next ones wait for the next change
        self._changed = asyncio.Event()

    def _fits(self, usages: list[Usage]) -> bool:
        token_limit, money_limit = self._limits
        tokens = self.spent_tokens + sum(usage.prompt + usage.reply for usage in usages)
        money = self.spent_money + sum(self._money(usage) for usage in usages)
        return (token_limit is None or tokens <= token_limit) and (money_limit is None or money <= money_limit)

    def _money(self, usage: Usage) -> float:
        return (usage.prompt * self._prices[0] + usage.reply * self._prices[1]) / 1e6
