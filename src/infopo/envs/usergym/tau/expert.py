"""Scripted policies that read only what a policy sees: `full` proves solvability, `weak` feeds the warm start."""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from infopo.core import Message, derive_random
from infopo.envs.base import parse_action
from infopo.envs.registry import ExpertKind
from infopo.envs.usergym.tau.options import TauOptions
from infopo.envs.usergym.tau.reader import Reader
from infopo.envs.usergym.tau.tools import Call
from infopo.envs.usergym.tau.words import VALUES

ASK_PROBABILITIES = (0.3, 0.6, 0.9)  # weak: one of these a dialogue, so that both haste and care are seen
ASK_AGAIN_PROBABILITY = 0.3
MOST_ASKED = 3  # times about one thing; then it is given up

DETAILS = {
    "cancel": "reason",
    "recolor": "color",
    "return": "payment",
    "move": "city",
    "reschedule": "day",
    "luggage": "bags",
    "seat": "cabin",
}
REQUESTS = {
    "retail": ("cancel", "recolor", "return", "move", "price"),
    "airline": ("cancel", "reschedule", "luggage", "seat", "price"),
}
CALLER = "caller"  # name and zip code, asked for in one
CONFIRM = "confirm"  # stands among the slots for the question before a write


@dataclass(slots=True)
class _Notes:
    """What the dialogue so far has brought, read from the messages."""

    domain: str
    known: dict[str, str] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)  # call as text -> what came of it, None for an error
    asked: dict[str, int] = field(default_factory=dict)
    last: str = ""  # the last thing said to the customer


class TauExpert:
    """Asks who calls and looks them up, asks what it is about and what they want, proposes it, and does it; refuses
    what the policy forbids.

    `weak` leaves questions out, by chance, and goes on with a guess. One expert may play many dialogues, one after
    another.
    """

    def __init__(self, kind: ExpertKind, seed: int, options: TauOptions) -> None:
        self._kind, self._nano = kind, options.difficulty == "nano"
        self._reader = Reader(nano=self._nano)
        self._random = derive_random(seed, "tau-expert", kind)
        self._ask_probability = 0.5
        self._given_up: set[str] = set()
        self._guesses: dict[str, str] = {}

    def act(self, messages: tuple[Message, ...]) -> str:
        """The next action's text."""
        if all(message.role != "assistant" for message in messages):
            self._ask_probability = self._random.choice(ASK_PROBABILITIES)
            self._given_up, self._guesses = set(), {}
        notes = self._read(messages)
        return next(self._plan(notes))

    def _read(self, messages: tuple[Message, ...]) -> _Notes:
        reader = self._reader
        first = next((k for k, message in enumerate(messages) if message.role == "assistant"), len(messages))
        opening = messages[first - 1].content
        domain = reader.domain(opening)
        notes = _Notes(domain=domain, known=reader.facts(opening, domain))
        for message, answer in zip(messages[first:], messages[first + 1 :], strict=False):
            if message.role != "assistant" or answer.role == "assistant":
                continue
            action = parse_action(message)
            if action.choice == "action":
                slot = reader.asked(action.content) or CONFIRM
                notes.asked[slot] = notes.asked.get(slot, 0) + 1
                notes.last = action.content
                notes.known |= reader.facts(answer.content, domain)
            elif action.choice == "answer":
                notes.results[action.content] = reader.result(answer.content)
        return notes

    def _plan(self, notes: _Notes) -> Generator[str, None, None]:
        """The actions that are still to come, as far as they can be told; only the first one is taken."""
        thing = "product" if notes.domain == "retail" else "destination"
        if not {"name", "zip"} <= notes.known.keys():
            yield from self._ask(notes, CALLER)
            yield "[finish]"
        user = yield from self._call(notes, "find_user", name=notes.known["name"], zip=notes.known["zip"])
        user = yield from self._call(notes, "get_user", user_id=user["user_id"])
        if len(user["orders"]) > 1:
            yield from self._ask(notes, thing)
        get, key = ("get_order", "order_id") if notes.domain == "retail" else ("get_booking", "booking_id")
        for deal_id in user["orders"]:
            deal = yield from self._call(notes, get, **{key: deal_id})
            row = next((row for row in deal if notes.known.get(thing, row[thing]) == row[thing]), None)
            if row is not None:
                break
        else:
            yield "[finish]"
            return
        yield from self._ask(notes, "request")
        request = notes.known.get("request") or self._guess("request", REQUESTS[notes.domain])
        said = self._reader.verdict(request, row)
        if said is None:
            detail = DETAILS[request]
            yield from self._ask(notes, detail)
            value = notes.known.get(detail) or self._guess(detail, self._values(detail, notes))
            call = yield from self._write(notes, request, {key: deal_id}, row, value)
            text = call.text(nano=self._nano)
            if text not in notes.results:
                if self._wants(notes, CONFIRM) and notes.asked.get(CONFIRM, 0) == 0:
                    yield f"[action] {self._reader.proposal(call)}"
                yield f"[answer] {text}"
            said = self._reader.done()
        if notes.last != said:
            yield f"[action] {said}"
        yield "[finish]"

    def _write(
        self, notes: _Notes, request: str, deal: dict[str, str], row: dict[str, Any], value: str
    ) -> Generator[str, None, Call]:
        """Looks up what the write needs; returns it."""
        item = {"item_id": row.get("item_id", "")}
        if request == "recolor":
            rows = yield from self._call(notes, "list_items", product=row["product"])
            new = next((one["item_id"] for one in rows if one["color"] == value), rows[0]["item_id"])
            return Call(name="change_item", arguments={**deal, **item, "new_item_id": new})
        if request == "reschedule":
            route = {name: row[name] for name in ("origin", "destination")}
            rows = yield from self._call(notes, "list_flights", **route)
            new = next((one["flight_id"] for one in rows if one["day"] == value), rows[0]["flight_id"])
            return Call(name="change_flight", arguments={**deal, "flight_id": new})
        name, argument = {
            "cancel": ("cancel_order" if notes.domain == "retail" else "cancel_booking", "reason"),
            "return": ("return_item", "payment"),
            "move": ("change_city", "city"),
            "luggage": ("set_bags", "bags"),
            "seat": ("change_cabin", "cabin"),
        }[request]
        rest = item if request == "return" else {}
        return Call(name=name, arguments={**deal, **rest, argument: int(value) if argument == "bags" else value})

    def _call(self, notes: _Notes, tool: str, /, **arguments: Any) -> Generator[str, None, Any]:
        """Makes a call unless it was made; returns what came of it."""
        text = Call(name=tool, arguments=arguments).text(nano=self._nano)
        if text not in notes.results:
            yield f"[answer] {text}"
        if notes.results[text] is None:
            yield "[finish]"
        return notes.results[text]

    def _ask(self, notes: _Notes, slot: str) -> Generator[str, None, None]:
        if slot not in notes.known and slot not in self._given_up and self._wants(notes, slot):
            yield f"[action] {self._reader.ask(slot)}"

    def _wants(self, notes: _Notes, slot: str) -> bool:
        """Whether to ask for something (again). A no is remembered for the rest of the dialogue."""
        count = notes.asked.get(slot, 0)
        wants = count < MOST_ASKED
        if self._kind == "weak" and slot != CALLER:
            share = ASK_AGAIN_PROBABILITY if count else self._ask_probability
            wants = wants and slot not in self._given_up and self._random.random() < share
        if not wants:
            self._given_up.add(slot)
        return wants

    def _guess(self, slot: str, values: tuple[str, ...]) -> str:
        if slot not in self._guesses:
            self._guesses[slot] = self._random.choice(values)
        return self._guesses[slot]

    def _values(self, slot: str, notes: _Notes) -> tuple[str, ...]:
        if slot == "bags":
            return ("1", "2", "3", "4")
        return self._reader.reasons(notes.domain) if slot == "reason" else tuple(VALUES[slot])
