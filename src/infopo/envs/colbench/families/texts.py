"""Functions about words and names."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from infopo.envs.colbench.task import Fact, Family


def _clean_name(order: str, case: str, middle: str) -> Callable[..., Any]:
    def clean_name(name: str) -> str:
        first, *between, last = {"title": name.title(), "upper": name.upper(), "kept": name}[case].split()
        between = {"dropped": [], "initial": [part[0] + "." for part in between], "kept": between}[middle]
        given = " ".join([first, *between])
        return f"{given} {last}" if order == "first" else f"{last}, {given}"

    return clean_name


def _write_clean_name(order: str, case: str, middle: str) -> str:
    change = {"title": ".title()", "upper": ".upper()", "kept": ""}[case]
    between = {"dropped": "[]", "initial": '[word[0] + "." for word in words[1:-1]]', "kept": "words[1:-1]"}[middle]
    ending = 'given + " " + words[-1]' if order == "first" else 'words[-1] + ", " + given'
    return f"""def clean_name(name):
    words = name{change}.split()
    given = " ".join([words[0]] + {between})
    return {ending}
"""


_CLEAN_NAME = Family(
    function="clean_name",
    parameters="name",
    request="a person's name, of two words or more, in the form that we print on badges",
    facts=(
        Fact(
            name="order",
            topic="order",
            words="last name|first name|surname|family name|comes first",
            says={"first": "The usual way round, no comma.", "last": "The last name, a comma, then the others."},
        ),
        Fact(
            name="case",
            topic="capital letters",
            words="case|upper case|lower case|capital|uppercase|capitalisation|capitalization",
            says={
                "title": "Each word begins with a capital.",
                "upper": "Everything in capitals.",
                "kept": "Leave the letters as they came.",
            },
        ),
        Fact(
            name="middle",
            topic="middle names",
            words="middle name|middle|second name",
            says={
                "dropped": "Leave those in the middle out.",
                "initial": "Only a letter and a dot for those in the middle.",
                "kept": "Write those in the middle out.",
            },
        ),
    ),
    make=_clean_name,
    write=_write_clean_name,
    inputs=(
        ("ada lovelace",),
        ("ada king lovelace",),
        ("alan Mathison turing",),
        ("Grace  brewster murray hopper",),
        ("JOHN von neumann",),
        (" mary jackson ",),
        ("katherine g johnson",),
        ("edsger Wybe dijkstra",),
        ("Kurt GOEDEL",),
        ("emmy noether",),
    ),
)


def _slug(separator: str, numbers: str, limit: int) -> Callable[..., Any]:
    def slug(title: str) -> str:
        words = "".join(letter if letter.isalnum() else " " for letter in title.lower()).split()
        if numbers == "dropped":
            words = [word for word in words if not word.isdigit()]
        return separator.join(words[:limit] if limit else words)

    return slug


def _write_slug(separator: str, numbers: str, limit: int) -> str:
    pattern = '"[a-z0-9]+"'
    keep = " if not word.isdigit()" if numbers == "dropped" else ""
    cut = f"[:{limit}]" if limit else ""
    return f"""import re


def slug(title):
    words = [word for word in re.findall({pattern}, title.lower()){keep}]
    return "{separator}".join(words{cut})
"""


_SLUG = Family(
    function="slug",
    parameters="title",
    request="the lower-case address of a page, made of the words of its title, without punctuation",
    facts=(
        Fact(
            name="separator",
            topic="separator",
            words="between|join|joined|hyphen|dash|spaces|space",
            says={
                "-": "Put a hyphen there.",
                "_": "Put an underscore there.",
                ".": "Put a dot there.",
                "+": "Put a plus there.",
            },
        ),
        Fact(
            name="numbers",
            topic="numbers",
            words="number|digit|numeric",
            says={"kept": "They stay like any word.", "dropped": "Leave out words that are only digits."},
        ),
        Fact(
            name="limit",
            topic="length",
            words="limit|maximum|how many words|how long|long|at most|longest",
            says={0: "As long as it is.", 3: "Three words at most.", 5: "Five words at most."},
        ),
    ),
    make=_slug,
    write=_write_slug,
    inputs=(
        ("Hello, World!",),
        ("10 ways to write better code",),
        ("The year 1984 in books",),
        ("A",),
        ("",),
        ("one two three four five six seven",),
        ("Prices: 20 to 30",),
        ("   spaced    out   ",),
        ("What's new in version 3",),
        ("42",),
    ),
)


def _mask(shown: int, mark: str, short: str) -> Callable[..., Any]:
    def mask(number: str) -> str:
        if len(number) <= shown:
            return number if short == "kept" else mark * len(number)
        return mark * (len(number) - shown) + number[-shown:]

    return mask


def _write_mask(shown: int, mark: str, short: str) -> str:
    small = "number" if short == "kept" else f'"{mark}" * len(number)'
    return f"""def mask(number):
    if len(number) < {shown + 1}:
        return {small}
    hidden = len(number) - {shown}
    return "{mark}" * hidden + number[hidden:]
"""


_MASK = Family(
    function="mask",
    parameters="number",
    request="an account number, given as text, with most of it made unreadable and its end left readable",
    facts=(
        Fact(
            name="shown",
            topic="readable end",
            words="how many|readable|visible|shown|last digits|characters",
            says={2: "The last two.", 3: "The last three.", 4: "The last four."},
        ),
        Fact(
            name="mark",
            topic="sign for the rest",
            words="sign|mask character|symbol|replace|star|mark",
            says={"*": "Use a star.", "#": "Use a hash.", "x": "Use a small x.", "?": "Use a question mark."},
        ),
        Fact(
            name="short",
            topic="short numbers",
            words="short|shorter|too short",
            says={"kept": "Leave a short one alone.", "hidden": "Of a short one nothing may be read."},
        ),
    ),
    make=_mask,
    write=_write_mask,
    inputs=(
        ("1234567890",),
        ("98765",),
        ("1234",),
        ("123",),
        ("12",),
        ("1",),
        ("",),
        ("5500112233",),
        ("40404",),
        ("777777777777",),
    ),
)


def _count_words(case: str, least: int, result: str) -> Callable[..., Any]:
    def count_words(text: str) -> Any:
        words = text.lower().split() if case == "ignored" else text.split()
        counts = Counter(word for word in words if len(word) >= least)
        if result == "table":
            return dict(counts)
        return len(counts) if result == "number" else max(counts.values(), default=0)

    return count_words


def _write_count_words(case: str, least: int, result: str) -> str:
    lower = ".lower()" if case == "ignored" else ""
    ending = {
        "table": "return counts",
        "number": "return len(counts)",
        "most": "return max(counts.values()) if counts else 0",
    }[result]
    return f"""def count_words(text):
    counts = {{}}
    for word in text{lower}.split():
        if len(word) >= {least}:
            counts[word] = counts.get(word, 0) + 1
    {ending}
"""


_COUNT_WORDS = Family(
    function="count_words",
    parameters="text",
    request="a count of the words of a text; words are what stands between spaces",
    facts=(
        Fact(
            name="case",
            topic="capital letters",
            words="case|upper case|lower case|capital|uppercase",
            says={
                "ignored": "The same word, large or small.",
                "counts": "Large and small letters are different words.",
            },
        ),
        Fact(
            name="least",
            topic="short words",
            words="short|length|shortest|minimum|how long",
            says={1: "All lengths count.", 3: "Only words of three letters or more.", 5: "Only words of five or more."},
        ),
        Fact(
            name="result",
            topic="result",
            words="return|output|returned|give back|format",
            says={
                "table": "A dictionary, word to count.",
                "number": "Just how many different words there are.",
                "most": "Just how often the commonest word comes.",
            },
        ),
    ),
    make=_count_words,
    write=_write_count_words,
    inputs=(
        ("the cat and The dog",),
        ("a a a A",),
        ("",),
        ("house House horse mouse",),
        ("to be or not to be",),
        ("never Never NEVER say never",),
        ("I am I",),
        ("one three seven three one eleven",),
        ("so so",),
        ("apple Apple pie an An apple",),
    ),
)


def _initials(dots: str, small: str, most: int) -> Callable[..., Any]:
    def initials(name: str) -> str:
        words = [word for word in name.split() if small == "kept" or word[0].isupper()]
        letters = [word[0].upper() for word in words][: most or None]
        return "".join(letter + "." for letter in letters) if dots == "with" else "".join(letters)

    return initials


def _write_initials(dots: str, small: str, most: int) -> str:
    letter = 'word[0].upper() + "."' if dots == "with" else "word[0].upper()"
    skip = "" if small == "kept" else "        if word[0].islower():\n            continue\n"
    stop = f"        if len(letters) == {most}:\n            break\n" if most else ""
    return f"""def initials(name):
    letters = []
    for word in name.split():
{skip}{stop}        letters.append({letter})
    return "".join(letters)
"""


_INITIALS = Family(
    function="initials",
    parameters="name",
    request="the initials of a name, in capitals",
    facts=(
        Fact(
            name="dots",
            topic="dots",
            words="dot|period|full stop|points",
            says={"with": "A dot after each letter.", "without": "Only letters, no dots."},
        ),
        Fact(
            name="small",
            topic="small words",
            words="particle|lower case|van|de|lowercase",
            says={"kept": "A small word such as van counts too.", "skipped": "Pass over small words such as van."},
        ),
        Fact(
            name="most",
            topic="number of letters",
            words="how many|maximum|limit|at most",
            says={0: "All that there are.", 2: "Two letters at most.", 3: "Three letters at most."},
        ),
    ),
    make=_initials,
    write=_write_initials,
    inputs=(
        ("Ada Lovelace",),
        ("Vincent van Gogh",),
        ("Ludwig van Beethoven",),
        ("Charles de Gaulle",),
        ("John Ronald Reuel Tolkien",),
        ("Plato",),
        ("",),
        ("Leonardo da Vinci",),
        ("Johann Wolfgang von Goethe",),
        ("Ana Maria de la Cruz Lopez",),
    ),
)


def _shorten(end: str, cut: str, pad: str) -> Callable[..., Any]:
    def shorten(text: str, width: int) -> str:
        if len(text) > width:
            room = text[: max(0, width - len(end))]
            if cut == "word" and text[len(room)] != " " and " " in room:
                room = room.rpartition(" ")[0]
            text = room.rstrip() + end
        return {"none": text, "right": text.ljust(width), "left": text.rjust(width)}[pad]

    return shorten


def _write_shorten(end: str, cut: str, pad: str) -> str:
    word = '\n        if " " in room and not text[len(room)] == " ":\n            room = room[:room.rindex(" ")]'
    fill = {"none": "text", "right": 'text + " " * (width - len(text))', "left": '" " * (width - len(text)) + text'}
    return f"""def shorten(text, width):
    if len(text) > width:
        room = text[:max(width - {len(end)}, 0)]{word if cut == "word" else ""}
        text = room.rstrip() + "{end}"
    return {fill[pad]}
"""


_SHORTEN = Family(
    function="shorten",
    parameters="text, width",
    request="a text cut down to a width, for a column of a table",
    facts=(
        Fact(
            name="end",
            topic="end of a cut text",
            words="dots|ellipsis|cut text|ending|show that",
            says={
                "...": "Three dots, which count for the width.",
                "": "Nothing shows it.",
                "~": "A tilde, which counts.",
            },
        ),
        Fact(
            name="cut",
            topic="place of the cut",
            words="where|whole words|middle of a word|word boundary|break words",
            says={"word": "Cut before a word that does not fit, where there is one.", "letter": "Cut at any letter."},
        ),
        Fact(
            name="pad",
            topic="padding",
            words="pad|fill|align|alignment|short text|shorter",
            says={
                "none": "Leave it as short as it is.",
                "right": "Fill up with spaces after it.",
                "left": "Fill up with spaces before it.",
            },
        ),
    ),
    make=_shorten,
    write=_write_shorten,
    inputs=(
        ("hello", 8),
        ("hello world", 8),
        ("a longer line of text", 12),
        ("unbreakable", 6),
        ("exact", 5),
        ("", 3),
        ("two words", 9),
        ("one two three", 9),
        ("ab cd ef gh", 7),
        ("wide enough", 20),
    ),
)

TEXTS = (_CLEAN_NAME, _SLUG, _MASK, _COUNT_WORDS, _INITIALS, _SHORTEN)
