"""What customers have, want and are called: values with the words that stand for them, and what can be asked."""

from collections.abc import Mapping
from itertools import pairwise

from infopo.envs.usergym.phrases import Phrases, stems

FIRST_NAMES = tuple("anna ben clara david emma felix greta hugo ida jonas karla leo mara nils olga paul".split())
LAST_NAMES = tuple("Adler Berg Castro Dietz Egger Falk Gruber Holm Ivers Jansen Keller Lindt".split())
CITIES = tuple("rome paris lisbon vienna oslo athens dublin prague madrid berlin".split())
PRODUCTS = tuple("lamp chair clock kettle mirror carpet camera helmet guitar jacket backpack teapot".split())
COLORS = tuple("red blue green black white yellow brown purple".split())
PAYMENTS = ("card", "gift", "wallet")
DAYS = tuple("monday tuesday wednesday thursday friday saturday sunday".split())
CABINS = ("basic", "economy", "business")
RETAIL_EXCUSE, AIRLINE_EXCUSE = "delivered", "insurance"  # why a cancellation is refused
EXCUSES = frozenset((RETAIL_EXCUSE, AIRLINE_EXCUSE))
RETAIL_REASONS = ("mistake", "late", "unwanted")
AIRLINE_REASONS = ("illness", "weather", "work")
MOST_BAGS = 4

# slot -> its values, each with the word groups that stand for it; a value is its own first word
VALUES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "request": {
        "cancel": ("cancel", "cancellation", "cancelled", "cancelling"),
        "recolor": ("recolor", "change item", "exchange", "another color", "other color"),
        "return": ("return", "send back", "give back", "returned"),
        "move": ("move", "change city", "another address", "another city", "new address"),
        "price": ("price", "cost", "paid"),
        "reschedule": ("reschedule", "change flight", "another day", "other day"),
        "luggage": ("luggage", "set bags", "more bags"),
        "seat": ("seat", "change cabin", "another cabin", "other cabin"),
    },
    "product": {name: (name,) for name in PRODUCTS},
    "destination": {name: (name,) for name in CITIES},
    "city": {name: (name,) for name in CITIES},
    "color": {name: (name,) for name in COLORS},
    "payment": {"card": ("card", "credit card"), "gift": ("gift", "gift card"), "wallet": ("wallet",)},
    "reason": {name: (name,) for name in (*RETAIL_REASONS, *AIRLINE_REASONS)},
    "day": {name: (name,) for name in DAYS},
    "cabin": {name: (name,) for name in CABINS},
}

# slot -> word groups by which a question asks for it
TOPICS: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "who", "called"),
    "zip": ("zip", "zip code", "postcode", "postal code"),
    "request": ("help", "problem", "want", "wish", "request", "do for you", "assist"),
    "product": ("product", "item", "order", "article"),
    "destination": ("destination", "flight", "booking", "trip", "fly to"),
    "reason": ("reason", "why"),
    "color": ("color", "colour"),
    "payment": ("payment", "refund", "money back", "pay"),
    "city": ("city", "address", "where to"),
    "day": ("day", "date", "when"),
    "bags": ("bag", "luggage", "suitcase"),
    "cabin": ("cabin", "class"),
}

_NAMED = {
    slot: Phrases((words, value) for value, says in values.items() for words in says) for slot, values in VALUES.items()
}
_ASKED = Phrases((words, slot) for slot, groups in TOPICS.items() for words in groups)
_ASKING = frozenset("which what where when who whom how why tell give".split())


def named(slot: str, text: str) -> list[str]:
    """The values of a slot that a text names, in order; a text names a number of bags as `3 bags`.

    >>> named("payment", "Back to the gift card, not the wallet.")
    ['gift', 'wallet']
    """
    words = stems(text)
    if slot == "bags":
        counts = [str(count) for count in range(1, MOST_BAGS + 1)]
        return [one for one, following in pairwise(words) if one in counts and following == "bag"]
    return list(dict.fromkeys(meanings[0] for _, _, meanings in _NAMED[slot].find(words)))


def asked(text: str) -> list[str]:
    """The slots that a question is about; none where nothing is asked.

    >>> asked("What is your name, and your zip code?")
    ['name', 'zip']
    """
    words = stems(text)
    if "?" not in text and _ASKING.isdisjoint(words):
        return []
    return list(dict.fromkeys(slot for _, _, slots in _ASKED.find(words) for slot in slots))
