"""A chat template as text: openings, and new blocks isolated against a neutral prefix."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError as JinjaError

from infopo.core import Message
from infopo.tokens.encoder import Encoder
from infopo.tokens.errors import TemplateError
from infopo.tokens.isolation import (
    Block,
    IsolationError,
    Render,
    Skeleton,
    cut_after,
    find_skeleton,
    fresh_nonce,
    locate,
    mark,
)

Tools = Sequence[dict[str, Any]]

_RESERVED = ("conversation", "messages", "tools", "tokenize", "add_generation_prompt", "continue_final_message")
_ADVICE = "use a model whose template renders turns one after another, or set tokenizer.chat_template to one that does"
_CACHE_LIMIT = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pattern:
    """What is constant for one sequence of roles: the prefix to render in front, and the text around the contents."""

    style: str
    head: str  # everything up to and including the turn end that the policy sampled
    skeleton: Skeleton  # of the block alone
    shows_ids: bool  # whether the block or the head spells tool call ids


def left_open(block: Block) -> str:
    """What a block's generation prompt leaves open, from `<think>` on: the policy's first words are its thought."""
    prompt = block.text[max((end for _, end in block.regions), default=0) :]
    start = prompt.rfind("<think>")
    return prompt[start:] if start > prompt.rfind("</think>") else ""


class ChatTemplate:
    """Renders with `tokenizer.apply_chat_template`, as text. Raises `TemplateError` where the template cannot be used.

    Every block is rendered for real on every call and compared with the assembled one, so a template may branch on
    contents, or rewrite earlier turns, without harm.
    """

    def __init__(self, tokenizer: Any, options: Mapping[str, Any], encoder: Encoder, name: str) -> None:
        self._tokenizer = tokenizer
        self._options = dict(options)
        self._encoder = encoder
        self._name = name
        self._patterns: dict[tuple[Any, ...], _Pattern] = {}
        for option in options:
            if option in _RESERVED or option.startswith("return_"):
                raise TemplateError(name, f"template option {option!r} is set by the renderer itself", "remove it")
        if not getattr(tokenizer, "chat_template", None):
            raise TemplateError(
                name, "it has no chat template", "use an instruction-tuned model, or set tokenizer.chat_template"
            )
        self.closing = self._find_closing()
        encoder.protect([encoder.added[self.closing]])
        self.lead = ""
        self.header = self._find_header()
        self.opened_thought = left_open(self.block([Message(role="user", content="Hello.")], ()))

    # -- rendering -----------------------------------------------------------------------------------------------------

    def render(self, messages: list[dict[str, Any]], tools: Tools, *, prompt: bool = True) -> str:
        """Text of a whole conversation; a complaint of the template becomes a `TemplateError`."""
        try:
            text = self._tokenizer.apply_chat_template(
                messages,
                tools=list(tools) or None,
                add_generation_prompt=prompt,
                tokenize=False,
                **self._options,
            )
        except (JinjaError, TypeError, ValueError, LookupError, AttributeError) as error:
            roles = ", ".join(message["role"] for message in messages)
            raise TemplateError(
                self._name, f"its chat template refuses the roles {roles}: {error}", "send messages that it knows"
            ) from error
        return str(text)

    def opening(self, messages: Sequence[Message], tools: Tools) -> Block:
        """The whole conversation with the generation prompt."""
        plain = [self._as_dict(message) for message in messages]

        def render(contents: list[str]) -> str:
            return self.render(_with_contents(plain, contents), tools)

        contents = [message.content for message in messages]
        lenient = [message.role == "assistant" for message in messages]
        return self._solve(render, contents, lenient)

    def block(self, messages: Sequence[Message], tools: Tools) -> Block:
        """The text between the end of a sampled turn and the next sampled token, both excluded."""
        plain = [self._as_dict(message) for message in messages]
        pattern = self._pattern(plain, tools)
        contents = [message.content for message in messages]
        real = self.render(_prefix(pattern.style, plain, 0) + plain, tools)
        expected, head = pattern.skeleton, pattern.head
        if pattern.shows_ids:
            expected, head = _with_ids(expected, head, plain)
        assembled = expected.assemble(contents)
        if real == head + assembled.text:
            return assembled
        return self._slow_block(plain, contents, tools, pattern.style)

    def called_text(self, message: Message) -> str:
        """What an assistant with tool calls writes, from the generation prompt to its turn end, both excluded.

        A template that drops the text beside a call drops it here, too.
        """
        calls = self._as_dict(message)
        answers = [
            Message(role="tool", content="Done.", tool_call_id=call.id, name=call.name) for call in message.tool_calls
        ]
        tail = self.closing + self.block(answers, ()).text
        text = self.render(
            [_user("Hello."), calls, *(self._as_dict(answer) for answer in answers)],
            (),
        )
        if not text.startswith(self.header) or not text.endswith(tail):
            raise TemplateError(self._name, "an assistant message with tool calls cannot be isolated", _ADVICE)
        called = text[len(self.header) : len(text) - len(tail)]
        if any(call.name not in called for call in message.tool_calls):
            raise TemplateError(
                self._name, "its chat template leaves out the tool calls of an assistant", "say the action as text"
            )
        return called

    # -- isolation -----------------------------------------------------------------------------------------------------

    def _find_closing(self) -> str:
        """The special token that ends an assistant turn: the first one behind its content."""
        answer, question = mark(0, "Answer"), mark(0, "Question")
        text = self.render([_user("Hello."), _assistant(answer), _user(question)], ())
        start, end = text.find(answer), text.find(question)
        if start < 0 or end < start:
            raise TemplateError(self._name, "its chat template does not render an earlier assistant message", _ADVICE)
        between = text[start + len(answer) : end]
        literals = sorted((literal for literal in self._encoder.added if literal.strip()), key=len, reverse=True)
        match = re.search("|".join(map(re.escape, literals)) or r"(?!)", between)
        if match is None or between[: match.start()].strip():
            raise TemplateError(
                self._name,
                f"its chat template closes an assistant turn with plain text ({between!r}), which a sampled action"
                " cannot be told from",
                "use a template that closes turns with a special token",
            )
        return match.group()

    def _find_header(self) -> str:
        """What stands before the answer to `Hello.`; `lead` is the blank that some templates put before an answer."""
        answer = mark(0, "Answer")
        text = self.render([_user("Hello."), _assistant(answer), _user("Yes.")], ())
        prompt = self.render([_user("Hello.")], ())
        before = text[: text.index(answer)]
        blank = before.removeprefix(prompt)
        self.lead = blank if before.startswith(prompt) and not blank.strip() else ""
        return before.removesuffix(self.lead) if self.lead else before

    def _solve(self, render: Render, contents: Sequence[str], lenient: Sequence[bool]) -> Block:
        real = render(list(contents))
        nonce = fresh_nonce([real, *contents])
        try:
            assembled = find_skeleton(render, len(contents), nonce).assemble(contents)
            if assembled.text == real:
                return assembled
        except (IsolationError, TemplateError):
            pass  # the template may treat marks otherwise than these contents; the search below decides
        try:
            return Block(text=real, regions=tuple(locate(render, real, contents, nonce, lenient)))
        except IsolationError as error:
            raise TemplateError(self._name, str(error), _ADVICE) from error

    def _pattern(self, plain: list[dict[str, Any]], tools: Tools) -> _Pattern:
        key = (tuple((item["role"], item.get("name")) for item in plain), json.dumps(list(tools)) if tools else "")
        pattern = self._patterns.get(key)
        if pattern is None:
            pattern = self._build_pattern(plain, tools)
            if len(self._patterns) >= _CACHE_LIMIT:
                self._patterns.clear()
            self._patterns[key] = pattern
        return pattern

    def _build_pattern(self, plain: list[dict[str, Any]], tools: Tools) -> _Pattern:
        """Isolate behind two prefixes; raises `TemplateError` where a mark is lost or the blocks differ."""
        numbered = [
            item | {"tool_call_id": _own_id(index)} if "tool_call_id" in item else item
            for index, item in enumerate(plain)
        ]
        nonce = fresh_nonce([json.dumps(numbered), json.dumps(list(tools))])
        has_tools = any(item["role"] == "tool" for item in plain)
        first_error: TemplateError | None = None
        for style in ("calls", "call", "text") if has_tools else ("text",):
            try:
                head, skeleton = self._isolate(numbered, tools, style, 0, nonce)
                _, other = self._isolate(numbered, tools, style, 1, nonce)
                if skeleton != other:
                    raise IsolationError("a new block changes with the turns before it")
            except TemplateError as error:
                first_error = first_error or error
                continue
            except IsolationError as error:
                first_error = first_error or TemplateError(self._name, str(error), _ADVICE)
                continue
            ids = [item["tool_call_id"] for item in numbered if "tool_call_id" in item]
            shown = any(own in text for own in ids for text in (head, *skeleton.pieces))
            return _Pattern(style=style, head=head, skeleton=skeleton, shows_ids=shown)
        assert first_error is not None
        raise first_error

    def _isolate(
        self, plain: list[dict[str, Any]], tools: Tools, style: str, variant: int, nonce: int
    ) -> tuple[str, Skeleton]:
        prefix = _prefix(style, plain, variant)

        def render(contents: list[str]) -> str:
            return self.render(prefix + _with_contents(plain, contents), tools)

        whole = find_skeleton(render, len(plain), nonce)
        cut = cut_after(whole.pieces[0], _ANSWERS[variant], self.closing)
        pieces = (whole.pieces[0][cut:], *whole.pieces[1:])
        return whole.pieces[0][:cut], Skeleton(pieces=pieces, order=whole.order, transforms=whole.transforms)

    def _slow_block(self, plain: list[dict[str, Any]], contents: list[str], tools: Tools, style: str) -> Block:
        """The block of contents that the template treats in a way of its own; still the same behind any prefix."""
        blocks = []
        for variant in (0, 1):
            prefix = _prefix(style, plain, variant)

            def render(contents: list[str], prefix: list[dict[str, Any]] = prefix) -> str:
                return self.render(prefix + _with_contents(plain, contents), tools)

            whole = self._solve(render, contents, [False] * len(contents))
            first = min((start for start, _ in whole.regions), default=0)
            try:
                cut = cut_after(whole.text[:first], _ANSWERS[variant], self.closing)
            except IsolationError as error:
                raise TemplateError(self._name, str(error), _ADVICE) from error
            regions = tuple((start - cut, end - cut) for start, end in whole.regions)
            blocks.append(Block(text=whole.text[cut:], regions=regions))
        if blocks[0] != blocks[1]:
            raise TemplateError(self._name, "a new block changes with the turns before it", _ADVICE)
        return blocks[0]

    def _as_dict(self, message: Message) -> dict[str, Any]:
        """The form that chat templates read. Names and ids never spell special tokens."""
        clean = self._encoder.without_protected
        result: dict[str, Any] = {"role": message.role, "content": message.content}
        if message.name is not None:
            result["name"] = clean(message.name)
        if message.role == "tool":
            result["tool_call_id"] = clean(message.tool_call_id or _own_id(0))
        if message.tool_calls:
            result["tool_calls"] = [
                {
                    "type": "function",
                    "id": clean(call.id),
                    "function": {"name": call.name, "arguments": _arguments(call.arguments)},
                }
                for call in message.tool_calls
            ]
        return result


_QUESTIONS = ("Please help me.", "Something else, then.")
_ANSWERS = (mark(0, "EarlierAnswer"), mark(0, "OtherAnswer"))


def _prefix(style: str, plain: list[dict[str, Any]], variant: int) -> list[dict[str, Any]]:
    """A neutral conversation that ends with an assistant: one round, or two (variant 1)."""
    earlier = [_user("Good day."), _assistant("Good day to you.")] if variant else []
    answer = _assistant(_ANSWERS[variant])
    if style != "text":
        results = [item for item in plain if item["role"] == "tool"]
        answer["tool_calls"] = [
            {
                "type": "function",
                "id": item["tool_call_id"],
                "function": {"name": item.get("name", "tool"), "arguments": {"value": _ANSWERS[variant]}},
            }
            for item in (results if style == "calls" else results[:1])
        ]
    return [*earlier, _user(_QUESTIONS[variant]), answer]


def _user(content: str) -> dict[str, Any]:
    return {"role": "user", "content": content}


def _assistant(content: str) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def _own_id(index: int) -> str:
    return f"answer{index:03d}"  # nine letters and digits


def _with_contents(plain: list[dict[str, Any]], contents: list[str]) -> list[dict[str, Any]]:
    return [item | {"content": content} for item, content in zip(plain, contents, strict=True)]


def _with_ids(skeleton: Skeleton, head: str, plain: list[dict[str, Any]]) -> tuple[Skeleton, str]:
    texts = [head, *skeleton.pieces]
    for index, item in enumerate(plain):
        if "tool_call_id" in item:
            texts = [text.replace(_own_id(index), item["tool_call_id"]) for text in texts]
    return Skeleton(pieces=tuple(texts[1:]), order=skeleton.order, transforms=skeleton.transforms), texts[0]


def _arguments(text: str) -> Any:
    """Templates expect an object; what is none stays text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict) else text
