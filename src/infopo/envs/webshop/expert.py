"""Scripted policies that read only what a policy sees: `full` proves solvability, `weak` feeds the warm start."""

import re
from dataclasses import dataclass, field

from infopo.core import Message, derive_random
from infopo.envs.registry import ExpertKind
from infopo.envs.webshop.bank import Wish
from infopo.envs.webshop.catalogue import NOT_IN_TITLE
from infopo.envs.webshop.env import read_shop_action
from infopo.envs.webshop.options import WebShopOptions
from infopo.envs.webshop.pages import BUY, NEXT, PREV

CARE = (0.1, 0.4, 0.7)  # weak: how often it looks before it acts, one of these a dialogue

_WISH_NANO = re.compile(r"want (?P<attributes>.+) (?P<kind>\w+) color (\w+) size (\w+) most (?P<limit>\d+)")
_WISH = re.compile(
    r"I want (?P<kind>\w+): (?P<attributes>.+), with (?P<options>.+), for at most (?P<limit>\d+) dollars"
)
_ROW_NANO = re.compile(r"^(?P<title>.+) (?P<price>\d+) (?P<id>[a-z]\d+)$", re.MULTILINE)
_ROW = re.compile(r"^(?P<id>W\d+) (?P<title>.+), \$(?P<price>\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A product in a list of results."""

    id: str
    title: str
    price: int


@dataclass(slots=True)
class _Notes:
    """What the visit so far has brought."""

    rows: list[Row] = field(default_factory=list)  # of the list that was seen last
    more: bool = True  # whether there may be another page of them
    visited: set[str] = field(default_factory=set)
    chosen: set[str] = field(default_factory=set)  # options of the product that is open


class WebShopExpert:
    """Searches for all that is wished, looks at what is cheap enough until the options fit, chooses them, buys.

    `weak` searches for less, takes the next best product, and forgets options, by chance. One expert may play many
    dialogues, one after another.
    """

    def __init__(self, kind: ExpertKind, seed: int, options: WebShopOptions) -> None:
        self._kind, self._options = kind, options
        self._random = derive_random(seed, "webshop-expert", kind)
        self._care = 1.0

    def act(self, messages: tuple[Message, ...]) -> str:
        """The next action's text; `ValueError` where the messages hold no wish."""
        turns = sum(message.role == "assistant" for message in messages)
        if turns == 0 and self._kind == "weak":
            self._care = self._random.choice(CARE)
        opening = next(message.content for message in messages if message.role == "user")
        wish = self._read_wish(opening)
        notes, left, page = self._read(messages), self._options.max_turns - turns, messages[-1].content
        if turns == 0 or (not notes.rows and not self._on_item(page)):
            return f"[search] {' '.join([*filter(self._cares, wish.attributes), wish.kind])}"
        if self._on_item(page):
            return self._at_item(wish, notes, page, left)
        return self._at_results(wish, notes, left)

    def _cares(self, what: object = None) -> bool:
        return self._kind == "full" or self._random.random() < self._care

    def _read_wish(self, text: str) -> Wish:
        if self._options.nano:
            match = _WISH_NANO.fullmatch(text)
            if match is None:
                raise ValueError("no opening of webshop/small in the messages")
            attributes, options = tuple(match["attributes"].split()), {"color": match[3], "size": match[4]}
        else:
            match = _WISH.search(text)
            if match is None:
                raise ValueError("no opening of webshop/small in the messages")
            attributes = tuple(re.split(r", | and ", match["attributes"]))
            options = dict(part.split(" ", 1) for part in match["options"].split(" and "))
        return Wish(kind=match["kind"], attributes=attributes, options=options, limit=int(match["limit"]))

    def _on_item(self, page: str) -> bool:
        return page.startswith(("item ", "chosen ")) if self._options.nano else "\nPrice: $" in page

    def _read(self, messages: tuple[Message, ...]) -> _Notes:
        notes = _Notes()
        for message in messages:
            if message.role == "assistant":
                name = read_shop_action(message).content.lower()
                if any(row.id.lower() == name for row in notes.rows):
                    notes.visited.add(name)
                    notes.chosen = set()
                notes.chosen.add(name)
            elif message.role in ("user", "tool") and not self._on_item(message.content):
                pattern = _ROW_NANO if self._options.nano else _ROW
                rows = [
                    Row(id=m["id"], title=m["title"], price=int(m["price"])) for m in pattern.finditer(message.content)
                ]
                notes.more = len(rows) == self._options.results_a_page
                notes.rows = rows or notes.rows
        return notes

    def _at_results(self, wish: Wish, notes: _Notes, left: int) -> str:
        fresh = [row for row in notes.rows if row.id.lower() not in notes.visited]
        fitting = [row for row in fresh if row.price <= wish.limit and len(_untold(wish, row.title)) <= NOT_IN_TITLE]
        if self._cares():
            if fitting:
                return self._visit(fitting[0])
            if notes.more and left >= 3 + len(wish.options):
                return f"[action] {NEXT}"
        return self._visit(self._random.choice(fresh or notes.rows))

    def _visit(self, row: Row) -> str:
        thought = f"<think> {row.price} {row.id}</think>" if self._options.nano else ""
        return f"{thought}[action] {row.id}"

    def _at_item(self, wish: Wish, notes: _Notes, page: str, left: int) -> str:
        offered = set(re.findall(r"[\w-]+", page)) if self._options.nano else set(self._values(page))
        missing = [value for value in wish.options.values() if value not in offered]
        first = not any(value in notes.chosen for value in wish.options.values())
        if self._options.nano and first:
            missing += [one for one in wish.attributes if one not in offered]
        thought = ""
        if first and self._options.nano:
            thought = f"<think> {f'no {missing[0]}' if missing else 'all'}</think>"
        if first and missing and left >= 3 + len(wish.options) and self._cares():
            return f"{thought}[action] {PREV}"
        for value in wish.options.values():
            if value in offered and value not in notes.chosen and self._cares():
                return f"{thought}[action] {value}"
        return f"{thought}[action] {BUY}"

    def _values(self, page: str) -> list[str]:
        """The values of all options on a product's page."""
        lines = page.partition("\nPrice: $")[2].split("\nButtons")[0].split("\n")[1:]
        return [value for line in lines for value in line.partition(": ")[2].partition(" (chosen")[0].split(" | ")]


def _untold(wish: Wish, text: str) -> list[str]:
    """The wished attributes that a text, whose last word is the kind of thing, does not name; all of another kind."""
    words = text.lower()
    return [one for one in wish.attributes if one not in words or not words.endswith(wish.kind)]
