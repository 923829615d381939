"""The public face of this room: messages in, ids and spans out; ids in, messages out."""

import hashlib
import json
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from infopo.core import Message, Span, UserError, after_thought
from infopo.tokens.calls import parse_calls
from infopo.tokens.encoder import Encoder, Region
from infopo.tokens.errors import TemplateError
from infopo.tokens.isolation import Block
from infopo.tokens.template import ChatTemplate, Tools, left_open

RECENT = 1 << 13  # answers whose ids are kept
_MARKERS = ("<think>", "</think>", "<tool_call>", "</tool_call>")
_MARKER = re.compile("|".join(map(re.escape, _MARKERS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """Ids `[L]`, and one span per rendered message: its content tokens alone, relative to the start of `ids`.

    Worked example, ChatML, the block after a sampled `<|im_end|>`::

        ids      \\n <|im_start|> user \\n No , thanks <|im_end|> \\n <|im_start|> assistant \\n
        content                            ^^^^^^^^^^^  Span(start=4, end=7)
    """

    ids: tuple[int, ...]
    content: tuple[Span, ...]


class Renderer:
    """Chat to token ids for one tokenizer, append-only: an episode is `opening`, then per turn the sampled ids,
    `close_action` of them, and the `observation`, each put behind what is already there.

    `template_options` go to the template (`{"enable_thinking": False}` for Qwen3). `name` appears in errors. Raises
    `TemplateError`: no chat template, no fast engine, or a template whose new block cannot be isolated. Contents of
    messages are always plain text: a user who writes `<|im_end|>` ends no turn. (Templates that mark turns with plain
    words, not special tokens, offer nothing to protect.)
    """

    def __init__(self, tokenizer: Any, *, template_options: Mapping[str, Any] | None = None, name: str = "") -> None:
        self.name = name or str(getattr(tokenizer, "name_or_path", "") or type(tokenizer).__name__)
        options = dict(template_options or {})
        self._encoder = Encoder(tokenizer, self.name)
        self._template = ChatTemplate(tokenizer, options, self._encoder, self.name)
        self._closing = self._template.closing
        self.end_of_turn: tuple[int, ...] = (self._encoder.added[self._closing],)
        ends = {self.end_of_turn[0], tokenizer.eos_token_id}
        self.stop_ids: frozenset[int] = frozenset(index for index in ends if index is not None)
        added = self._encoder.added
        self._silent = self._encoder.protected - {added[marker] for marker in _MARKERS if marker in added}
        identity = json.dumps([tokenizer.chat_template, options, len(tokenizer)], sort_keys=True, default=str)
        self.fingerprint: str = hashlib.blake2b(identity.encode(), digest_size=8).hexdigest()
        # Who scores an episode renders again what was just played.
        self._recent = lru_cache(maxsize=RECENT)(lambda messages: self._block(messages, ()))
        self.observation([Message(role="user", content="Hello.")])  # the engine must keep the turn end whole

    def opening(self, messages: Sequence[Message], tools: Tools = ()) -> Rendered:
        """The first prompt, generation prompt included. Raises `TemplateError` for messages the template refuses."""
        if not messages:
            raise UserError("an opening needs at least one message, got none; add a system or user message")
        block = self._prompting(self._template.opening(messages, tools), messages)
        plain: list[Region] = []
        for message, region in zip(messages, block.regions, strict=True):
            plain += self._without_markers(block.text, region) if message.role == "assistant" else [region]
        ids, content = self._encoder.encode(block.text, block.regions, plain=plain)
        return Rendered(ids=ids, content=content)

    def observation(self, messages: Sequence[Message], *, tools: Tools = ()) -> Rendered:
        """The block that follows the end of a sampled action, up to and including the next generation prompt.

        `tools` must be what the opening had. Raises `UserError` for no message or an assistant's, `TemplateError`
        where the template cannot render the roles there.
        """
        if not messages or any(message.role == "assistant" for message in messages):
            roles = ", ".join(message.role for message in messages) or "none"
            raise UserError(f"an observation holds user, tool or system messages, got {roles}; pass the answers alone")
        return self._block(messages, tools) if tools else self._recent(tuple(messages))

    def forget(self) -> None:
        """Let go of the answers that are kept: for readers of texts without end, of any length."""
        self._recent.cache_clear()

    def _block(self, messages: Sequence[Message], tools: Tools) -> Rendered:
        block = self._prompting(self._template.block(messages, tools), messages)
        ids, content = self._encoder.encode(block.text, block.regions, lead=self._closing)
        return Rendered(ids=ids, content=content)

    def _prompting(self, block: Block, messages: Sequence[Message]) -> Block:
        """The block, if it leaves a thought open where every block does: what is sampled could not be read else."""
        if left_open(block) != self._template.opened_thought:
            raise TemplateError(
                self.name,
                f"its chat template opens a thought in some prompts, but not behind role {messages[-1].role}",
                "offer no tools to this model, or use a template that asks for every answer alike",
            )
        return block

    def counterfactual(self, messages: Sequence[Message], placeholder: str, *, tools: Tools = ()) -> Rendered:
        """The same block with every content replaced by `placeholder`; one span per message, as in `observation`."""
        return self.observation([replace(message, content=placeholder) for message in messages], tools=tools)

    def close_action(self, ids: Sequence[int]) -> tuple[int, ...]:
        """Ids to append, not sampled, before the next block: empty where the action ends its turn itself.

        An action cut at its token limit, or ended by another stop id (`<|endoftext|>`), gets the template's turn end.
        """
        return () if len(ids) and ids[-1] == self.end_of_turn[0] else self.end_of_turn

    def action(self, ids: Sequence[int], *, tools: bool = False) -> Message:
        """The assistant message of sampled ids; what follows the first stop id is ignored.

        Special tokens leave no text, except thought and tool-call tags. Thoughts stay in the content, with the tag
        that the generation prompt opened, where it opens one. Tool calls are read only with `tools`; a malformed one
        stays text.
        """
        kept: list[int] = []
        for index in ids:
            if index in self.stop_ids:
                break
            if index not in self._silent:
                kept.append(index)
        text = self._template.opened_thought + self._encoder.decode(kept)
        if self._template.lead:
            text = text.removeprefix(self._template.lead)
        if not tools:
            return Message(role="assistant", content=text)
        content, calls = parse_calls(text)
        return Message(role="assistant", content=content, tool_calls=calls)

    def text(self, text: str) -> tuple[int, ...]:
        """Ids of plain text on its own, whatever it spells: no template, no special tokens."""
        return self._encoder.encode(text, plain=[(0, len(text))])[0]

    def said(self, prefix: str, text: str) -> Rendered:
        """Ids of an action that says `prefix` and then `text`, turn end left out; the one content span is `text`'s.

        A thought that the generation prompt opened is closed first.
        """
        lead = self._template.lead + self._continued(prefix)
        whole = lead + text
        ids, content = self._encoder.encode(whole, [(len(lead), len(whole))], plain=[(0, len(whole))])
        return Rendered(ids=ids, content=content)

    def thought_length(self, ids: Sequence[int]) -> int:
        """How many of an action's ids belong to its thought, the closing tag included.

        All of them where a thought was opened (by the action, or by the generation prompt) and never closed; 0
        without a thought.
        """
        text = self._template.opened_thought + self._encoder.decode(ids)
        closings = text.count("</think>")
        if not after_thought(text):
            return len(ids)
        if not closings:
            return 0

        def closed(length: int) -> bool:
            return self._encoder.decode(ids[:length]).count("</think>") >= closings

        return bisect_left(range(len(ids) + 1), True, key=closed)

    def encode_action(self, action: Message | str) -> tuple[int, ...]:
        """Ids that a policy which says exactly this would have sampled, turn end included: for scripted policies.

        Text is taken as it is; tool calls are written as the template writes them. Where the generation prompt opens
        a thought, it is continued or closed first. Special tokens spelled in the text stay plain text, except thought
        and tool-call tags. Raises `UserError` for a message of another role.
        """
        if isinstance(action, Message) and action.role != "assistant":
            raise UserError(f"an action is an assistant message, got role {action.role!r}; pass its text instead")
        if isinstance(action, Message) and action.tool_calls:
            text = self._continued(self._template.called_text(action))
            said = [action.content, *(part for call in action.tool_calls for part in (call.name, call.arguments))]
            forged = any(self._encoder.holds_protected(part) for part in said)
            plain = self._spelled(text, said) if forged else []
        else:
            text = self._template.lead + self._continued(action if isinstance(action, str) else action.content)
            plain = self._without_markers(text, (0, len(text)))
        ids, _ = self._encoder.encode(text, plain=plain)
        return ids + self.end_of_turn

    def _continued(self, text: str) -> str:
        """`text` behind a generation prompt that opened a thought: without the tag, or with the thought closed."""
        opened = self._template.opened_thought
        if not opened:
            return text
        if text.lstrip().startswith("<think>"):
            return text.lstrip().removeprefix(opened).removeprefix("<think>")
        return opened.removeprefix("<think>") + "</think>\n\n" + text

    def _without_markers(self, text: str, region: Region) -> list[Region]:
        """The region without thought and tool-call tags, which an assistant may write."""
        position, end = region
        parts: list[Region] = []
        for match in _MARKER.finditer(text, position, end):
            parts.append((position, match.start()))
            position = match.end()
        return [*parts, (position, end)]

    def _spelled(self, text: str, said: list[str]) -> list[Region]:
        """Where `text` spells a special token that also occurs in what was said: those places stay plain."""
        return [
            (start, end)
            for start, end in self._encoder.protected_regions(text)
            if text[start:end] not in _MARKERS and any(text[start:end] in part for part in said)
        ]
