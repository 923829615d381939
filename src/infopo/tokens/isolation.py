"""Finds, in the text that a chat template rendered, the new block and the contents of its messages.

Everything here is text. The method is to render with marks (words that occur nowhere else) in place of contents, to cut
the result at the marks, and to prove the cut on the real rendering: pieces and contents put together must spell it
exactly, else each content is found by a mark inside it that, taken out again, leaves the real rendering.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Render = Callable[[list[str]], str]  # contents of the new messages in, full text out
Region = tuple[int, int]

# Around a mark: show whether the template trims blanks, line ends or nothing, and whether it escapes quotes.
_BEFORE, _BEHIND = "\n \n", '"x\n \n'


class IsolationError(Exception):
    """A content or a block cannot be found; the text is the reason, without the tokenizer's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Rendered text and, per message, where its content stands in it."""

    text: str
    regions: tuple[Region, ...]


def _escaped(content: str) -> str:
    return json.dumps(content, ensure_ascii=False)[1:-1]


# What templates do to a content. Told apart by the padded mark, longest trace first.
_TRANSFORMS: tuple[Callable[[str], str], ...] = (
    _escaped,
    str,
    lambda content: content.lstrip("\n"),
    lambda content: content.rstrip("\n"),
    lambda content: content.strip("\n"),
    str.lstrip,
    str.rstrip,
    lambda content: _escaped(content.strip()),
    str.strip,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skeleton:
    """A rendering with its contents taken out: `pieces[0] content[order[0]] pieces[1] content[order[1]] ...`."""

    pieces: tuple[str, ...]
    order: tuple[int, ...]
    transforms: tuple[Callable[[str], str], ...]  # in text order

    def assemble(self, contents: Sequence[str]) -> Block:
        """Put contents in; `regions` are in message order."""
        parts = [self.pieces[0]]
        position = len(self.pieces[0])
        regions: list[Region] = [(0, 0)] * len(contents)
        for index, transform, piece in zip(self.order, self.transforms, self.pieces[1:], strict=True):
            content = transform(contents[index])
            regions[index] = (position, position + len(content))
            position += len(content) + len(piece)
            parts += (content, piece)
        return Block(text="".join(parts), regions=tuple(regions))


def mark(nonce: int, label: str) -> str:
    """A word that no template contains; letters and digits only, both cases."""
    return f"InfopoMark{nonce}Of{label}End"


def fresh_nonce(texts: Sequence[str]) -> int:
    """The smallest number whose marks occur in none of the texts."""
    nonce = 0
    while any(f"InfopoMark{nonce}Of" in text for text in texts):
        nonce += 1
    return nonce


def find_skeleton(render: Render, count: int, nonce: int) -> Skeleton:
    """Render `count` padded marks and cut the text at them; raises `IsolationError` where a mark is lost or doubled."""
    marks = [mark(nonce, str(index)) for index in range(count)]
    text = render([_BEFORE + word + _BEHIND for word in marks])
    found: list[tuple[int, int, int, Callable[[str], str]]] = []
    for index, word in enumerate(marks):
        _check_once(text, word, index)
        start, end, transform = _padded_range(text, word)
        found.append((start, end, index, transform))
    found.sort(key=lambda item: item[0])
    pieces: list[str] = []
    position = 0
    for start, end, _, _ in found:
        pieces.append(text[position:start])
        position = end
    pieces.append(text[position:])
    return Skeleton(
        pieces=tuple(pieces), order=tuple(item[2] for item in found), transforms=tuple(item[3] for item in found)
    )


def _check_once(text: str, word: str, index: int) -> None:
    times = text.count(word)
    if times != 1:
        how = "does not appear" if times == 0 else f"appears {times} times"
        raise IsolationError(f"the content of new message {index + 1} {how} in the rendered text")


def _padded_range(text: str, word: str) -> tuple[int, int, Callable[[str], str]]:
    at = text.index(word)
    for transform in _TRANSFORMS:
        padded = transform(_BEFORE + word + _BEHIND)
        start = at - padded.index(word)
        if start >= 0 and text.startswith(padded, start):
            return start, start + len(padded), transform
    raise AssertionError("str.strip leaves the bare mark, which is in the text")


def locate(render: Render, real: str, contents: Sequence[str], nonce: int, lenient: Sequence[bool]) -> list[Region]:
    """Regions of the contents in `real`, whatever the template's branches on contents are.

    `lenient[i]` allows a template to drop a part of content i (thoughts of earlier assistant turns). Raises
    `IsolationError` where a content is rewritten, not only trimmed.
    """
    return [_probe(render, real, contents, index, nonce, lenient[index]) for index in range(len(contents))]


def _probe(render: Render, real: str, contents: Sequence[str], index: int, nonce: int, lenient: bool) -> Region:
    content, word = contents[index], mark(nonce, str(index))
    core = content.strip()
    first = len(content) - len(content.lstrip())
    last = first + len(core)

    def place(at: int) -> int | None:
        """Where character `at` of the content stands; None where a mark there changes more than it adds."""
        text = render([*contents[:index], content[:at] + word + content[at:], *contents[index + 1 :]])
        position = text.find(word)
        return position if position >= 0 and text[:position] + text[position + len(word) :] == real else None

    if not core:
        start = place(0)
        if start is None:  # nothing to find: it stands where anything else would
            marked = render([*contents[:index], word, *contents[index + 1 :]])
            start = min(_common_prefix(real, marked), max(marked.find(word), 0))
        return start, start + (len(content) if real.startswith(content, start) else 0)
    kept: Region | None = None
    for at in dict.fromkeys((first + len(core) // 2, last, first)):
        position = place(at)
        if position is None:
            continue
        start = position - _common_suffix(real[:position], content[first:at])
        end = position + _common_prefix(real[position:], content[at:last])
        if end - start == len(core):
            # Blanks around it may be the template's own: they are content only where a mark beyond them says so.
            begins_before = first and place(0) == start - first
            ends_behind = last < len(content) and place(len(content)) == end + len(content) - last
            return start - (first if begins_before else 0), end + (len(content) - last if ends_behind else 0)
        if kept is None or end - start > kept[1] - kept[0]:
            kept = (start, end)
    if kept is None or not lenient:
        raise IsolationError(f"the content of message {index + 1} is rewritten, so its tokens cannot be told")
    text = real[kept[0] : kept[1]].strip()  # blanks at its ends may be the template's own
    start = real.index(text, kept[0])
    return start, start + len(text)


def _common_prefix(first: str, second: str) -> int:
    length = 0
    for left, right in zip(first, second, strict=False):
        if left != right:
            break
        length += 1
    return length


def _common_suffix(first: str, second: str) -> int:
    return _common_prefix(first[::-1], second[::-1])


def cut_after(text: str, word: str, closing: str) -> int:
    """Position after the first `closing` behind the last `word`: where the new block starts."""
    at = text.rfind(word)
    if at < 0:
        raise IsolationError("an earlier assistant message does not appear before the new messages")
    close = text.find(closing, at + len(word))
    if close < 0:
        raise IsolationError(f"an earlier assistant message is not closed by {closing!r}")
    return close + len(closing)
