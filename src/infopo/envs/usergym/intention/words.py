"""What people ask for, and what they leave out: requests, and the topics with the values that a wish may have."""

from infopo.envs.usergym.facets import Facet, facet

# domain -> (request in prose, what it is in one word, its topics: name and synonyms, then values)
Domain = tuple[str, str, tuple[tuple[str, Facet], ...]]

_DATE = ("date|day|when", facet("date", "monday", "friday", "sunday", "tomorrow"))
_PRICE = ("budget|price|cost|spend|money", facet("budget", "tiny", "modest", "generous", "unlimited"))
_PLACE = ("place|location|where|venue", facet("place", "garden", "beach", "hall", "roof"))
_COLOR = ("color|colour", facet("color", "red", "blue", "yellow", "gray"))
_SIZE = ("size|big|large|how many", facet("size", "small", "medium", "large", "giant"))
_STYLE = ("style|look|design", facet("style", "modern", "classic", "rustic", "playful"))
_LANGUAGE = ("language", facet("language", "english", "french", "german", "spanish"))
_LEVEL = ("level|skill|experience", facet("level", "beginner", "average", "advanced", "expert"))
_TOPIC = ("topic|subject|theme|about", facet("topic", "history", "nature", "music", "sport"))
_LENGTH = ("length|long|duration", facet("length", "minutes", "hours", "days", "weeks"))
_FOOD = ("food|eat|menu|meal|diet", facet("food", "soup", "salad", "pasta", "rice"))
_MUSIC = ("music|song|band", facet("music", "jazz", "folk", "rock", "opera"))
_MATERIAL = ("material|made of", facet("material", "wood", "metal", "glass", "stone"))
_AUDIENCE = ("audience|reader|guest|who|whom", facet("audience", "children", "friends", "parents", "colleagues"))

DOMAINS: dict[str, Domain] = {
    "party": ("Please plan a party for me.", "party", (_DATE, _PRICE, _PLACE, _FOOD, _MUSIC, _AUDIENCE)),
    "course": ("Find me a course that I can take.", "course", (_TOPIC, _LEVEL, _LANGUAGE, _LENGTH, _PRICE, _DATE)),
    "table": ("I want a table built for my home.", "table", (_SIZE, _MATERIAL, _COLOR, _STYLE, _PRICE, _DATE)),
    "letter": ("Write a letter for me.", "letter", (_AUDIENCE, _TOPIC, _LENGTH, _LANGUAGE, _STYLE, _DATE)),
    "trip": ("Help me to plan a trip.", "trip", (_DATE, _LENGTH, _PRICE, _AUDIENCE, _FOOD, _PLACE)),
    "poster": ("I need a poster.", "poster", (_TOPIC, _COLOR, _SIZE, _STYLE, _LANGUAGE, _AUDIENCE)),
    "dinner": ("Can you arrange a dinner?", "dinner", (_FOOD, _PLACE, _DATE, _PRICE, _SIZE, _MUSIC)),
    "house": ("I am looking for a house to rent.", "house", (_SIZE, _PLACE, _PRICE, _MATERIAL, _STYLE, _LENGTH)),
}


def topics_of(domain: str) -> dict[str, Facet]:
    """The topics of a domain: what can be asked."""
    return {one.name: one for _, one in DOMAINS[domain][2]}


SYNONYMS: dict[str, tuple[str, ...]] = {
    one.name: tuple(words.split("|")) for _, _, topics in DOMAINS.values() for words, one in topics
}
