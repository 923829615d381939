"""1,000 scripted dialogues on each of six shapes: ids only grow, spans are exact, the text is the template's own."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from infopo.core import Message, ToolCall, derive_random

DIALOGUES = 1000
TOOLS = (
    {
        "type": "function",
        "function": {
            "name": "search",
            "description": "Find things.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    },
)
WORDS = ["hotel", "Rome", "budget", "please", "no,", "thanks!", "flight", "12:30", "{x}", "it's", "a", "\\n", '"q"']
BLANKS = [" ", "  ", "\n", "\n\n", "\t", " \n ", "\r\n", "\u00a0", "\n\n\n"]
SYMBOLS = ["予算は", "いくら", "东京", "서울", "😀", "👩‍👩‍👧", "🎉🎉", "привет", "é", "e\u0301", "ﬁ"]

# shape -> the template families that render it
FAMILIES = {
    "plain": ("chatml", "qwen25", "qwen3", "llama3", "mistral", "gemma"),
    "system": ("chatml", "qwen25", "qwen3", "llama3", "gemma"),
    "tools": ("qwen25", "llama3", "mistral"),
    "thinking": ("qwen3", "qwen3-off", "chatml"),
    "blanks": ("chatml", "qwen25", "qwen3", "llama3", "mistral", "gemma"),
    "symbols": ("chatml", "qwen25", "qwen3", "llama3", "mistral", "gemma"),
}
TRIMS = {"llama3", "gemma"}


class Script:
    """Words drawn from a generator of its own."""

    def __init__(self, shape: str, index: int) -> None:
        self.random = derive_random("append-only", shape, index)
        self.shape = shape

    def text(self) -> str:
        words = SYMBOLS + WORDS[:2] if self.shape == "symbols" else WORDS
        parts = [self.random.choice(words) for _ in range(self.random.randint(1, 5))]
        if self.shape != "blanks":
            return " ".join(parts)
        blank = [self.random.choice(["", *BLANKS]) for _ in range(len(parts) + 1)]
        return blank[0] + "".join(part + gap for part, gap in zip(parts, blank[1:], strict=True))

    def action(self) -> Message:
        said = self.text().strip()
        if self.shape == "thinking":
            return Message(role="assistant", content=f"<think>\n{self.text()}\n</think>\n\n{said}")
        if self.shape == "tools" and self.random.random() < 0.5:
            arguments = json.dumps({"city": self.text()}, ensure_ascii=False)
            call = ToolCall(id=f"call{self.random.randrange(10**5):05d}", name="search", arguments=arguments)
            return Message(role="assistant", content="", tool_calls=(call,))
        return Message(role="assistant", content=said)

    def answer(self, action: Message) -> Message:
        if action.tool_calls:
            return Message(role="tool", content=self.text(), tool_call_id=action.tool_calls[0].id, name="search")
        return Message(role="user", content=self.text())


def as_dicts(messages: list[Message]) -> list[dict[str, Any]]:
    """What a full re-render of the template is given."""
    result: list[dict[str, Any]] = []
    for message in messages:
        item: dict[str, Any] = {"role": message.role, "content": message.content}
        if message.tool_call_id:
            item["tool_call_id"] = message.tool_call_id
        if message.tool_calls:
            item["tool_calls"] = [
                {
                    "type": "function",
                    "id": call.id,
                    "function": {"name": call.name, "arguments": json.loads(call.arguments)},
                }
                for call in message.tool_calls
            ]
        result.append(item)
    return result


def check_content(tokenizer: Any, rendered: Any, messages: list[Message], family: str, shape: str) -> None:
    assert len(rendered.content) == len(messages)
    for message, span in zip(messages, rendered.content, strict=True):
        text = tokenizer.decode(list(rendered.ids[span.start : span.end]))
        content = message.content
        if family in TRIMS and message.role != "tool":
            content = content.strip()
        if family == "llama3" and message.role == "tool":
            content = json.dumps(content, ensure_ascii=False)[1:-1]
        if shape == "blanks" or message.role == "tool" or family == "mistral":
            # a token may straddle the border: then it is content, but nothing beyond it
            assert content in text
            inner = tokenizer.decode(list(rendered.ids[span.start + 1 : span.end]))
            assert not content or content not in inner
            inner = tokenizer.decode(list(rendered.ids[span.start : span.end - 1]))
            assert not content or content not in inner
        else:
            assert text == content


@pytest.mark.parametrize("shape", list(FAMILIES))
def test_append_only(shape: str, make_renderer: Callable[..., Any], make_tokenizer: Callable[..., Any]) -> None:
    setups = []
    for family in FAMILIES[shape]:
        base = family.removesuffix("-off")
        options = {"enable_thinking": False} if family != base else {}
        setups.append((base, options, make_renderer(base, **options), make_tokenizer(base)))
    tools = TOOLS if shape == "tools" else ()
    for index in range(DIALOGUES):
        family, options, renderer, tokenizer = setups[index % len(setups)]
        script = Script(shape, index)
        messages = [Message(role="user", content=script.text())]
        if shape == "system":
            messages.insert(0, Message(role="system", content=script.text()))
        opening = renderer.opening(messages, tools)
        check_content(tokenizer, opening, messages, family, shape)
        context = opening.ids
        for _ in range(script.random.randint(1, 3)):
            action = script.action()
            sampled = renderer.encode_action(action)
            said = renderer.action(sampled, tools=shape == "tools")
            assert said.content == action.content
            assert [(call.name, json.loads(call.arguments)) for call in said.tool_calls] == [
                (call.name, json.loads(call.arguments)) for call in action.tool_calls
            ]
            assert renderer.close_action(sampled) == ()
            answer = script.answer(action)
            block = renderer.observation([answer], tools=tools)
            check_content(tokenizer, block, [answer], family, shape)
            context = context + sampled + block.ids
            messages += [action, answer]
            full = tokenizer.apply_chat_template(
                as_dicts(messages), tools=list(tools) or None, tokenize=False, add_generation_prompt=True, **options
            )
            canonical = tuple(tokenizer(full, add_special_tokens=False)["input_ids"])
            rewrites = shape == "thinking" and family == "qwen3"
            if rewrites:  # earlier thoughts are gone from the re-render, and kept in ours
                assert tokenizer.decode(list(context)).count("</think>") > full.count("</think>")
                assert full.endswith(tokenizer.decode(list(block.ids)))
            else:
                assert tokenizer.decode(list(context)) == full
                assert context == canonical


def test_the_prefix_of_a_real_dialogue_never_changes(make_renderer: Callable[..., Any]) -> None:
    renderer = make_renderer("qwen3")
    first = renderer.opening([Message(role="user", content="Find a hotel.")])
    action = renderer.encode_action("<think>\nwhere?\n</think>\n\nWhere to?")
    block = renderer.observation([Message(role="user", content="Rome")])
    context = first.ids + action + block.ids
    assert context[: len(first.ids)] == first.ids
    assert context[len(first.ids) : len(first.ids) + len(action)] == action  # the thought stays
    span = block.content[0]
    shift = len(first.ids) + len(action)
    assert renderer._encoder.decode(context[shift + span.start : shift + span.end]) == "Rome"
