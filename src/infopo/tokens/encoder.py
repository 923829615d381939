"""Text with content regions to token ids with content spans; content can never become a special token."""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from infopo.core import InfopoError, Span
from infopo.tokens.errors import TemplateError

Region = tuple[int, int]  # half-open range of characters

_PRIVATE_USE = range(0x100000, 0x10FFFE)  # plane 16: no text that people exchange uses it


class Encoder:
    """A private copy of a tokenizer's engine, so that nobody's truncation or padding settings reach it.

    Raises `TemplateError` for a tokenizer without a fast (Rust) engine: without offsets there are no exact spans.
    """

    def __init__(self, tokenizer: Any, name: str) -> None:
        engine = getattr(tokenizer, "backend_tokenizer", None)
        if not getattr(tokenizer, "is_fast", False) or engine is None:
            raise TemplateError(
                name, "it has no fast (Rust) engine, so no character offsets", "load it with use_fast=True"
            )
        from tokenizers import Tokenizer

        self._name = name
        self._engine = Tokenizer.from_str(engine.to_str())
        self._engine.no_truncation()
        self._engine.no_padding()
        # A post-processor adds tokens, which we do not ask for, and may shave blanks off the offsets, which we need.
        self._engine.post_processor = None
        tokens = self._engine.get_added_tokens_decoder()
        self.added: dict[str, int] = {token.content: index for index, token in tokens.items()}
        self._tokens = tokens
        self._swallows = {index for index, token in tokens.items() if token.lstrip or token.rstrip}
        self.protected: frozenset[int] = frozenset(index for index, token in tokens.items() if token.special)
        self._guard: tuple[Any, range, dict[str, str], dict[int, int]] | None = None
        self._literals = self._pattern()

    def protect(self, ids: Collection[int]) -> None:
        """Give further added tokens (such as a turn end not flagged special) the protection of special ones."""
        self.protected = self.protected | frozenset(ids)
        self._guard = None
        self._literals = self._pattern()

    def holds_protected(self, text: str) -> bool:
        """Whether a text spells a protected token."""
        return self._literals.search(text) is not None

    def protected_regions(self, text: str) -> list[Region]:
        """Where a text spells protected tokens."""
        return [match.span() for match in self._literals.finditer(text)]

    def without_protected(self, text: str) -> str:
        """The text with every protected token's spelling replaced by an underscore."""
        return self._literals.sub("_", text)

    def encode(
        self, text: str, regions: Sequence[Region] = (), *, plain: Sequence[Region] | None = None, lead: str = ""
    ) -> tuple[tuple[int, ...], tuple[Span, ...]]:
        """Ids of `text` and one span per region; a token that straddles a border belongs to the content.

        `plain` (by default `regions`) are the characters that must stay plain text, whatever they spell. `lead` is
        the special token after which the text will stand: encoded in front, so that its habits (swallowing blanks,
        no word-start mark) apply, and dropped. Shapes: ids `[L]`, spans index them.
        """
        shift = len(lead)
        regions = [(start + shift, end + shift) for start, end in regions]
        guarded = regions if plain is None else [(start + shift, end + shift) for start, end in plain]
        text = lead + text
        ids, starts, ends = self._run(self._engine, text, {})
        if self._forged(ids, starts, ends, guarded):
            ids, starts, ends = self._run_guarded(text, guarded)
            if self._forged(ids, starts, ends, guarded):
                raise InfopoError(f"tokenizer {self._name!r} cannot write a message without a special token inside it")
        if lead and (not ids or ids[0] != self.added.get(lead)):
            raise TemplateError(
                self._name, f"text after {lead!r} does not start with that token", "use another tokenizer"
            )
        dropped = 1 if lead else 0
        spans = tuple(_span(starts, ends, region, dropped) for region in regions)
        return tuple(ids[dropped:]), spans

    def decode(self, ids: Sequence[int]) -> str:
        """Text of the ids, special tokens spelled out, nothing tidied up."""
        return str(self._engine.decode(list(ids), skip_special_tokens=False))

    def _pattern(self) -> re.Pattern[str]:
        literals = sorted((self._tokens[index].content for index in self.protected), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, literals)) or r"(?!)")

    def _run(self, engine: Any, text: str, originals: dict[int, int]) -> tuple[list[int], list[int], list[int]]:
        encoding = engine.encode(text, add_special_tokens=False)
        ids: list[int] = encoding.ids
        if originals:
            ids = [originals.get(index, index) for index in ids]
        offsets: list[Region] = encoding.offsets
        if self._swallows and not self._swallows.isdisjoint(ids):
            # Blanks that a token swallowed are not what it says: leave them out of its offsets.
            offsets = [
                _trim(text, offset) if index in self._swallows else offset
                for index, offset in zip(ids, offsets, strict=True)
            ]
        return ids, [start for start, _ in offsets], [end for _, end in offsets]

    def _forged(self, ids: list[int], starts: list[int], ends: list[int], regions: Sequence[Region]) -> bool:
        for region in regions:
            span = _span(starts, ends, region, 0)
            if not self.protected.isdisjoint(ids[span.start : span.end]):
                return True
        return False

    def _run_guarded(self, text: str, plain: Sequence[Region]) -> tuple[list[int], list[int], list[int]]:
        """Encode with special tokens switched off, and the template's own ones written as aliases.

        An alias has the length of what it stands for, so offsets stay valid; it is made of characters that do not
        occur in the text, so content cannot spell it.
        """
        if self._guard is None or any(ord(character) in self._guard[1] for character in text):
            self._guard = self._build_guard(text)
        engine, _, aliases, originals = self._guard
        pieces: list[str] = []
        for start, end, is_plain in _partition(len(text), plain):
            piece = text[start:end]
            pieces.append(piece if is_plain else self._literals.sub(lambda match: aliases[match.group()], piece))
        return self._run(engine, "".join(pieces), originals)

    def _build_guard(self, text: str) -> tuple[Any, range, dict[str, str], dict[int, int]]:
        from tokenizers import AddedToken, Tokenizer

        used = {ord(character) for character in text}
        count = len(self.protected)
        for base in range(_PRIVATE_USE.start, _PRIVATE_USE.stop - count, count):
            alphabet = range(base, base + count)
            if used.isdisjoint(alphabet):
                break
        else:
            raise InfopoError(f"tokenizer {self._name!r}: a message uses private characters from everywhere")
        state = json.loads(self._engine.to_str())
        for token in state["added_tokens"]:
            token["special"] = token["special"] or token["id"] in self.protected
        engine = Tokenizer.from_str(json.dumps(state))
        engine.encode_special_tokens = True
        aliases: dict[str, str] = {}
        originals: dict[int, int] = {}
        for character, index in zip(alphabet, sorted(self.protected), strict=True):
            token = self._tokens[index]
            alias = chr(character) * len(token.content)
            engine.add_tokens(
                [AddedToken(alias, lstrip=token.lstrip, rstrip=token.rstrip, normalized=False, special=False)]
            )
            aliases[token.content] = alias
            alias_id = engine.token_to_id(alias)
            assert alias_id is not None, "a token just added has an id"
            originals[alias_id] = index
        return engine, alphabet, aliases, originals


def _span(starts: list[int], ends: list[int], region: Region, dropped: int) -> Span:
    first = bisect_right(ends, region[0])
    last = bisect_left(starts, region[1]) if region[0] < region[1] else first
    return Span(start=max(first - dropped, 0), end=max(last, first, dropped) - dropped)


def _trim(text: str, offset: Region) -> Region:
    start, end = offset
    said = text[start:end]
    return start + len(said) - len(said.lstrip()), end - len(said) + len(said.rstrip())


def _partition(length: int, plain: Sequence[Region]) -> Iterator[tuple[int, int, bool]]:
    """Cut [0, length) into ranges inside and outside the plain regions, in order."""
    position = 0
    for start, end in sorted(plain):
        yield position, start, False
        yield start, end, True
        position = end
    yield position, length, False
