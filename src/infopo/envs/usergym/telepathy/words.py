"""What there is to think of: kinds of things in categories, and the colour, size and pattern of each."""

from collections.abc import Mapping
from functools import cache

from infopo.envs.usergym.facets import Facets, facet

CATEGORIES: dict[str, tuple[str, ...]] = {
    "animal": ("cat|kitten", "dog|puppy", "horse|pony", "owl", "frog|toad", "whale"),
    "vehicle": ("boat|ship", "car|automobile", "bike|bicycle", "train", "bus", "sledge|sled"),
    "tool": ("hammer", "saw", "rake", "brush", "drill", "ladder"),
    "instrument": ("drum", "flute", "harp", "piano", "violin|fiddle", "trumpet"),
    "garment": ("hat|cap", "coat|jacket", "scarf|shawl", "glove|mitten", "shoe|boot", "belt"),
    "furniture": ("chair|stool", "table|desk", "bed", "lamp", "shelf|bookshelf", "mirror"),
}
COLOR = facet("color", "red", "blue", "green", "white", "black")
SIZE = facet("size", "small|tiny|little", "medium|middling", "large|big|huge")
PATTERN = facet("pattern", "plain|unpatterned", "striped|stripe|stripy", "spotted|spot|dotted|dot", "checked|checkered")

# what a question may call the category, which the opening tells
CALLED: dict[str, str] = {
    "animal": "animal creature alive living",
    "vehicle": "vehicle",
    "tool": "tool",
    "instrument": "instrument",
    "garment": "garment clothing clothes",
    "furniture": "furniture",
}
# what else can be asked about a kind: words, and the kinds of which it is true
HINTS: dict[str, str] = {
    "fly": "owl",
    "wing": "owl",
    "feather": "owl",
    "fur": "cat dog horse",
    "pet": "cat dog",
    "bark": "dog",
    "meow": "cat",
    "hoof": "horse",
    "mammal": "cat dog horse whale",
    "in the sea": "whale boat",
    "in water": "whale frog boat",
    "on water": "boat",
    "swim": "whale frog",
    "float": "boat",
    "wheel": "car bike train bus",
    "engine": "car train bus",
    "rail": "train",
    "on snow": "sledge",
    "pedal": "bike piano",
    "string": "harp piano violin",
    "blow": "flute trumpet",
    "bow": "violin",
    "nail": "hammer",
    "garden": "rake",
    "bristle": "brush",
    "electric": "drill lamp",
    "rung": "ladder",
    "climb": "ladder",
    "on the head": "hat",
    "on the hand": "glove",
    "on the foot": "shoe",
    "around the neck": "scarf",
    "around the waist": "belt",
    "sleeve": "coat",
    "sit on": "chair",
    "sleep in": "bed",
    "give light": "lamp",
    "hold book": "shelf",
    "see oneself": "mirror",
}


@cache
def facets_of(category: str) -> Facets:
    """What can be asked about a thing of this category; what is of another one is none of its values."""
    kinds = facet("kind", *CATEGORIES[category])
    hints = [
        (words, "kind", tuple(kind for kind in true.split() if kind in kinds.names)) for words, true in HINTS.items()
    ]
    others = [
        words for other in CATEGORIES if other != category for one in CATEGORIES[other] for words in one.split("|")
    ]
    hints += [(words, "kind", ()) for words in others]
    hints += [(words, "category", (name,)) for name, called in CALLED.items() for words in called.split()]
    return Facets((kinds, COLOR, SIZE, PATTERN), hints)


def facet_values(category: str) -> dict[str, tuple[str, ...]]:
    """The possible values of each facet, facets in the order in which they are described."""
    return {one.name: one.names for one in facets_of(category).facets}


def described(values: Mapping[str, str]) -> str:
    """The thing in words: `large blue striped boat`."""
    return " ".join(values[name] for name in ("size", "color", "pattern", "kind"))


def an(noun: str) -> str:
    """A noun with its article."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
