"""Text that models, users and files wrote, made safe to show: on a page, in Markdown, in a table for a spreadsheet."""

import re

# What a reader does not see, or what moves the text around it: control characters (tab and newline stay), soft
# hyphen, marks of direction, zero-width characters (joiners stay: scripts and emoji need them), tags, line and
# paragraph separators, halves of a surrogate pair (no encoding takes them) and non-characters.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"
)
_MARKUP = re.compile(r"([\\`*_{}\[\]<>|#!~$&])")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def visible_text(text: str) -> str:
    """The text with every character that hides shown as a sign of its own. Nothing is taken away.

    >>> visible_text("a\\x1b[2Jb\\u202ec")
    'a␛[2Jb⟨U+202E⟩c'
    """
    return _HIDDEN.sub(_sign, text.replace("\r\n", "\n"))


def one_line(text: str, limit: int) -> str:
    """The text on one line, at most `limit` characters of it, and how many were left out.

    >>> one_line("two\\nlines", 5)
    'two l… (4 more characters)'
    """
    more = len(text) - limit
    line = " ".join(visible_text(text[:limit]).split())
    return f"{line}… ({more} more character{'s' if more > 1 else ''})" if more > 0 else line


def markdown_text(text: str) -> str:
    r"""The text as Markdown that says just that.

    >>> markdown_text("*a*|b")
    '\\*a\\*\\|b'
    """
    return _MARKUP.sub(r"\\\1", text)


def csv_text(text: str) -> str:
    """A text for a cell of a CSV file: a spreadsheet takes none for a formula.

    >>> csv_text("=1+1"), csv_text("1+1")
    ("'=1+1", '1+1')
    """
    text = visible_text(text)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or text.startswith(_FORMULA) else text


def _sign(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"
