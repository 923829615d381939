"""The pages of the shop: what is on them, which buttons they have, and how they read in both difficulties."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from infopo.core import Message
from infopo.envs.webshop.bank import Wish
from infopo.envs.webshop.catalogue import Product
from infopo.envs.webshop.options import WebShopOptions

SEARCH, NEXT, PREV, BUY, DESCRIPTION, FEATURES = "back to search", "next", "prev", "buy now", "description", "features"
Kind = Literal["search", "results", "item", "description", "features"]

SYSTEM = """You are to buy a product that fits a wish in a web shop. You work in turns: each of your messages is \
exactly one action, and each action brings the next page.

[search] <words>  search for products.
[action] <button>  click on a button of the page: a product, an option, or one of the others.
[finish]  leave without buying.

`buy now` ends the visit: choose the product and all its options before. You have {max_turns} turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Where the visitor is. `number` of the page of results, from 0; `chosen` options of the product, by name."""

    kind: Kind = "search"
    query: str = ""
    results: tuple[Product, ...] = ()
    number: int = 0
    product: Product | None = None
    chosen: Mapping[str, str] = field(default_factory=dict)

    def listed(self, options: WebShopOptions) -> tuple[Product, ...]:
        """The products on this page of results."""
        start = self.number * options.results_a_page
        return self.results[start : start + options.results_a_page]

    def buttons(self, options: WebShopOptions) -> "dict[str, Page]":
        """The page behind each button but `buy now`, by the button's name in lower case."""
        found: dict[str, Page] = {} if self.kind == "search" else {SEARCH: Page()}
        if self.kind == "results":
            found |= {one.id.lower(): replace(self, kind="item", product=one) for one in self.listed(options)}
            if (self.number + 1) * options.results_a_page < len(self.results):
                found[NEXT] = replace(self, number=self.number + 1)
            if self.number:
                found[PREV] = replace(self, number=self.number - 1)
        elif self.kind == "item" and self.product is not None:
            found[PREV] = replace(self, kind="results", product=None, chosen={})
            for name, values in self.product.options.items():
                found |= {value: replace(self, chosen={**self.chosen, name: value}) for value in values}
            if not options.nano:
                found |= {DESCRIPTION: replace(self, kind="description"), FEATURES: replace(self, kind="features")}
        elif self.product is not None:
            found[PREV] = replace(self, kind="item")
        return found

    def key(self) -> str:
        """Equal for equal pages: the kind, the results, the product and the chosen options."""
        chosen = ",".join(f"{name}={value}" for name, value in sorted(self.chosen.items()))
        return f"{self.kind}|{self.query}|{self.number}|{self.product.id if self.product else ''}|{chosen}"

    def shown(self, options: WebShopOptions) -> str:
        """The page as text."""
        return self._nano(options) if options.nano else f"{self._standard(options)}\n{self._buttons(options)}"

    def _standard(self, options: WebShopOptions) -> str:
        product = self.product
        if product is None:
            if self.kind == "search":
                return "Search for products."
            if not self.results:
                return f'No results for "{self.query}".'
            lines = [f'Results for "{self.query}", page {self.number + 1}:']
            return "\n".join([*lines, *(f"{one.id} {one.title}, ${one.price}" for one in self.listed(options))])
        if self.kind == "description":
            return product.description
        if self.kind == "features":
            return "\n".join(f"- {one}" for one in product.bullets)
        lines = [f"{product.id} {product.title}", f"Price: ${product.price}"]
        for name, values in product.options.items():
            chosen = f" (chosen: {self.chosen[name]})" if name in self.chosen else ""
            lines.append(f"{name.capitalize()}: {' | '.join(values)}{chosen}")
        return "\n".join(lines)

    def _buttons(self, options: WebShopOptions) -> str:
        names = (SEARCH, PREV, NEXT, DESCRIPTION, FEATURES)
        there = self.buttons(options)
        shown = [name for name in names if name in there] + [BUY] * (self.kind == "item")
        return f"Buttons: {' | '.join(shown)}" if shown else "No buttons."

    def _nano(self, options: WebShopOptions) -> str:
        product = self.product
        if product is None:
            if self.kind == "search":
                return "search what ?"
            rows = [f"{one.title} {one.price} {one.id}" for one in self.listed(options)]
            return "\n".join(["found", *rows]) if rows else "nothing found"
        open_options = [f"{name} {' '.join(v)}" for name, v in product.options.items() if name not in self.chosen]
        if self.chosen:
            return " ".join(["chosen", *self.chosen.values(), *open_options])
        return " ".join(["item", *product.attributes, *open_options])


def opening(wish: Wish, options: WebShopOptions) -> tuple[Message, ...]:
    """The wish; standard begins with the rules of the shop."""
    if options.nano:
        parts = [*wish.attributes, wish.kind, *(f"{name} {value}" for name, value in wish.options.items())]
        return (Message(role="user", content=f"want {' '.join(parts)} most {wish.limit}"),)
    wanted = " and ".join([", ".join(wish.attributes[:-1]), wish.attributes[-1]])
    options_text = " and ".join(f"{name} {value}" for name, value in wish.options.items())
    text = f"I want {wish.kind}: {wanted}, with {options_text}, for at most {wish.limit} dollars."
    return (
        Message(role="system", content=SYSTEM.format(max_turns=options.max_turns)),
        Message(role="user", content=f"{text}\n{Page().shown(options)}"),
    )
