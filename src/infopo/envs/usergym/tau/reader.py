"""How the experts read and write, in both difficulties."""

import json
import re
from typing import Any

from infopo.envs.usergym.tau.tools import Call
from infopo.envs.usergym.tau.words import (
    AIRLINE_REASONS,
    FIRST_NAMES,
    LAST_NAMES,
    RETAIL_REASONS,
    named,
)

_ASK = {
    "caller": ("What are your name and your zip code?", "your name and zip ?"),
    "request": ("How can I help you?", "how can i help ?"),
    "product": ("Which product is it about?", "which product ?"),
    "destination": ("Which trip is it about?", "which trip ?"),
    "reason": ("What is the reason?", "which reason ?"),
    "color": ("Which color would you like?", "which color ?"),
    "payment": ("Which payment method shall get the refund?", "which payment ?"),
    "city": ("Which city should it go to?", "which city ?"),
    "day": ("Which day would you like?", "which day ?"),
    "bags": ("How many bags do you take in all?", "how many bags ?"),
    "cabin": ("Which cabin would you like?", "which cabin ?"),
}
_SLOTS = {
    "retail": ("request", "product", "reason", "color", "payment", "city"),
    "airline": ("request", "destination", "reason", "day", "bags", "cabin"),
}
_KEYS = frozenset(
    "user_id name zip payments orders status reason city returned item_id product color price flight_id origin "
    "destination day cabin bags insured".split()
)
_ZIP = re.compile(r"\bzip\D*(\d+)")
_WORD = re.compile(r"[A-Za-z]+")


class Reader:
    """One difficulty's language, from the agent's side."""

    def __init__(self, *, nano: bool) -> None:
        self._nano = nano

    def domain(self, opening: str) -> str:
        """By what the customer calls about."""
        return "retail" if "order" in opening.split("\n")[0] else "airline"

    def facts(self, text: str, domain: str) -> dict[str, str]:
        """Slot to value, as far as a text of the customer's gives them away."""
        found = {slot: values[0] for slot in _SLOTS[domain] if (values := named(slot, text))}
        zip_code = _ZIP.search(text)
        if zip_code:
            found["zip"] = zip_code[1]
        words = _WORD.findall(text)
        first = [word for word in words if word.lower() in FIRST_NAMES]
        last = [word for word in words if word in LAST_NAMES]
        if first and (last or self._nano):
            found["name"] = first[0] if self._nano else f"{first[0]} {last[0]}"
        return found

    def ask(self, slot: str) -> str:
        """The question for a slot."""
        return _ASK[slot][self._nano]

    def asked(self, text: str) -> str | None:
        """The slot that one of our questions was about."""
        return next((slot for slot, ways in _ASK.items() if text in ways), None)

    def reasons(self, domain: str) -> tuple[str, ...]:
        """What may be given as a reason."""
        return RETAIL_REASONS if domain == "retail" else AIRLINE_REASONS

    def result(self, text: str) -> Any:
        """What a tool returned, as records with flat fields; None for an error.

        A record with items becomes one record an item. The orders of a customer are a list.
        """
        if text.lower().startswith("error"):
            return None
        if self._nano:
            rows: list[dict[str, Any]] = [self._record(line) for line in text.split("\n")]
        else:
            value = json.loads(text)
            rows = value if isinstance(value, list) else [value]
            rows = [{**row, **item} for row in rows for item in row.get("items", [{}])]
        if "orders" in rows[0]:
            orders = rows[0]["orders"]
            return {**rows[0], "orders": orders.split() if self._nano else orders}
        return rows[0] if list(rows[0]) == ["user_id"] else rows

    def _record(self, line: str) -> dict[str, Any]:
        record: dict[str, Any] = {}
        key = ""
        for word in line.split():
            if word in _KEYS:
                key = word
                record[key] = ""
            else:
                record[key] = f"{record[key]} {word}".strip()
        return record

    def verdict(self, request: str, row: dict[str, Any]) -> str | None:
        """What to tell the customer where nothing is to be done; None where something is."""
        if request == "price":
            return f"it was {row['price']}" if self._nano else f"It was {row['price']} dollars."
        if "product" in row:  # retail
            status, wanted = row["status"], "delivered" if request == "return" else "pending"
            if status == wanted:
                return None
            return f"no it is {status}" if self._nano else f"I am sorry, that cannot be done: the order is {status}."
        insured = row["insured"] == "yes" or row["cabin"] == "business"
        if request == "cancel" and not insured:
            return "no insurance" if self._nano else "I am sorry, that cannot be done: there is no insurance."
        if request == "reschedule" and row["cabin"] == "basic":
            return "no it is basic" if self._nano else "I am sorry, that cannot be done: the cabin is basic."
        return None

    def proposal(self, call: Call) -> str:
        """A write, put to the customer first."""
        if self._nano:
            return f"{call.text(nano=True)} ok ?"
        rest = ", ".join(f"{name} {value}" for name, value in call.arguments.items())
        return f"I would now do this: {call.name}, {rest}. Is that right?"

    def done(self) -> str:
        """That it is done."""
        return "done" if self._nano else "It is done. Thank you for your patience."
