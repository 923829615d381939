"""Tokenizers trained here, and chat templates of our own that behave like the published families."""

from collections.abc import Callable
from typing import Any

import pytest
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

CHATML = """
{%- for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""

# Default system prompt; tools listed in the system message; tool answers inside a user turn, neighbours merged.
QWEN25 = """
{%- set given = messages[0].role == 'system' %}
{{- '<|im_start|>system\n' + (messages[0].content if given else 'You are a kind helper.') }}
{%- if tools %}{{ '\n\nTools:' }}{% for tool in tools %}{{ '\n' + (tool | tojson) }}{% endfor %}{% endif %}
{{- '<|im_end|>\n' }}
{%- for message in (messages[1:] if given else messages) %}
  {%- if message.role == 'tool' %}
    {%- if loop.first or loop.previtem.role != 'tool' %}{{ '<|im_start|>user' }}{% endif %}
    {{- '\n<tool_response>\n' + message.content + '\n</tool_response>' }}
    {%- if loop.last or loop.nextitem.role != 'tool' %}{{ '<|im_end|>\n' }}{% endif %}
  {%- else %}
    {{- '<|im_start|>' + message.role + '\n' + message.content }}
    {%- for call in message.tool_calls or [] %}
      {%- if message.content or not loop.first %}{{ '\n' }}{% endif %}
      {{- '<tool_call>\n{"name": "' + call.function.name + '", "arguments": ' }}
      {{- call.function.arguments | tojson }}{{ '}\n</tool_call>' }}
    {%- endfor %}
    {{- '<|im_end|>\n' }}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""

# Thoughts of turns before the last real user query are dropped; an empty thought is opened where thinking is off.
# `open_thought`: the generation prompt opens the thought itself, as those of models that always think do.
QWEN3 = """
{%- set state = namespace(last=0) %}
{%- for message in messages %}
  {%- if message.role == 'user' and not message.content.startswith('<tool_response>') %}
    {%- set state.last = loop.index0 %}
  {%- endif %}
{%- endfor %}
{%- if tools %}{{ '<|im_start|>system\n' }}{% for tool in tools %}{{ (tool | tojson) + '\n' }}{% endfor %}
  {{- (messages[0].content if messages[0].role == 'system' else '') + '<|im_end|>\n' }}{% endif %}
{%- for message in messages %}
  {%- if message.role == 'tool' %}
    {%- if loop.first or loop.previtem.role != 'tool' %}{{ '<|im_start|>user' }}{% endif %}
    {{- '\n<tool_response>\n' + message.content + '\n</tool_response>' }}
    {%- if loop.last or loop.nextitem.role != 'tool' %}{{ '<|im_end|>\n' }}{% endif %}
  {%- elif message.role == 'assistant' %}
    {%- set said = message.content.split('</think>')[-1].lstrip('\n') %}
    {%- set thought = message.content.split('</think>')[0].split('<think>')[-1].strip('\n')
        if '</think>' in message.content else '' %}
    {{- '<|im_start|>assistant\n' }}
    {%- if loop.index0 > state.last and (loop.last or thought) %}
      {{- '<think>\n' + thought + '\n</think>\n\n' }}
    {%- endif %}
    {{- said }}
    {%- for call in message.tool_calls or [] %}
      {%- if said or not loop.first %}{{ '\n' }}{% endif %}
      {{- '<tool_call>\n{"name": "' + call.function.name + '", "arguments": ' }}
      {{- call.function.arguments | tojson }}{{ '}\n</tool_call>' }}
    {%- endfor %}
    {{- '<|im_end|>\n' }}
  {%- elif not (tools and loop.first and message.role == 'system') %}
    {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}
  {%- if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}
  {%- if open_thought is defined and (open_thought == 'always' or messages[-1].role != 'tool') %}
    {{- '<think>\n' }}
  {%- endif %}
{%- endif %}"""

# Contents trimmed; one call per turn, which replaces the content; tool answers as JSON.
LLAMA3 = """
{{- bos_token }}
{%- for message in messages %}
  {%- if message.tool_calls %}
    {%- if message.tool_calls | length != 1 %}{{ raise_exception('one call at a time') }}{% endif %}
    {%- set call = message.tool_calls[0].function %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n{"name": "' + call.name + '", "parameters": ' }}
    {{- call.arguments | tojson }}{{ '}<|eot_id|>' }}
  {%- elif message.role == 'tool' %}
    {{- '<|start_header_id|>ipython<|end_header_id|>\n\n' }}{{ message.content | tojson }}{{ '<|eot_id|>' }}
  {%- else %}
    {{- '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' + message.content | trim + '<|eot_id|>' }}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"""

# Strict alternation, no generation prompt, nine-letter call ids that are rendered.
MISTRAL = """
{{- bos_token }}
{%- set state = namespace(user=true) %}
{%- for message in messages %}
  {%- if message.role == 'tool' %}
    {%- if message.tool_call_id | length != 9 %}{{ raise_exception('call ids have nine characters') }}{% endif %}
    {{- '[TOOL_RESULTS] {"content": ' + message.content + ', "call_id": "' + message.tool_call_id }}
    {{- '"}[/TOOL_RESULTS]' }}
  {%- elif message.tool_calls %}
    {{- '[TOOL_CALLS] [' }}
    {%- for call in message.tool_calls %}
      {{- '{"name": "' + call.function.name + '", "arguments": ' + (call.function.arguments | tojson) }}
      {{- ', "id": "' + call.id + '"}' + ('' if loop.last else ', ') }}
    {%- endfor %}
    {{- ']' + eos_token }}
  {%- else %}
    {%- if (message.role == 'user') != state.user %}{{ raise_exception('roles must alternate') }}{% endif %}
    {%- set state.user = not state.user %}
    {{- '[INST] ' + message.content + ' [/INST]' if message.role == 'user' else ' ' + message.content + eos_token }}
  {%- endif %}
{%- endfor %}"""

# The assistant is called `model`; a first system message is folded into the first user turn; no tools.
GEMMA = """
{{- bos_token }}
{%- set given = messages[0].role == 'system' %}
{%- for message in (messages[1:] if given else messages) %}
  {%- if message.role not in ['user', 'assistant'] %}
    {{- raise_exception('role ' + message.role + ' unknown') }}
  {%- endif %}
  {%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}
  {{- '<start_of_turn>' + ('model' if message.role == 'assistant' else 'user') + '\n' }}
  {%- if given and loop.first %}{{ (messages[0].content | trim) + '\n\n' }}{% endif %}
  {{- (message.content | trim) + '<end_of_turn>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"""

SHAPES: dict[str, tuple[str, str, str, list[str], list[str]]] = {
    # name: template, bos, eos, special tokens, further added tokens
    "chatml": (CHATML, "<s>", "<|im_end|>", ["<|im_start|>"], ["<think>", "</think>"]),
    "qwen25": (QWEN25, "<s>", "<|im_end|>", ["<|im_start|>", "<|endoftext|>"], ["<tool_call>", "</tool_call>"]),
    "qwen3": (
        QWEN3,
        "<s>",
        "<|im_end|>",
        ["<|im_start|>", "<|endoftext|>"],
        ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"],
    ),
    "llama3": (
        LLAMA3,
        "<|begin_of_text|>",
        "<|end_of_text|>",
        ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>"],
        [],
    ),
    "mistral": (
        MISTRAL,
        "<s>",
        "</s>",
        ["[INST]", "[/INST]", "[TOOL_CALLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]"],
        [],
    ),
    "gemma": (GEMMA, "<bos>", "<eos>", ["<start_of_turn>", "<end_of_turn>"], []),
}

# Line ends stay together (as in the published families), so a prompt that ends in them splits as it does in full text.
WORDS = r"\s*[\r\n]+| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

CORPUS = [
    "I would like a hotel in Rome, please.\n\nWhat is your budget?\n",
    'user\nassistant\nsystem\n{"name": "search", "arguments": {"city": "Oslo"}}',
    "The flight leaves at noon.  No, thanks!\n\n\n   Good day to you.",
    "予算はいくらですか 东京 서울 😀🎉 привет",
]


@pytest.fixture(scope="session")
def engine() -> str:
    """A byte-level BPE, serialised."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=520, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS * 4, trainer)
    return str(tokenizer.to_str())


@pytest.fixture(scope="session")
def make_tokenizer(engine: str) -> Callable[..., Any]:
    """`make_tokenizer("qwen3")`, or with a template of one's own and further added tokens."""

    def make(shape: str, template: str | None = None, extra: tuple[AddedToken, ...] = ()) -> Any:
        default, bos, eos, special, added = SHAPES[shape]
        tokenizer = Tokenizer.from_str(engine)
        tokenizer.add_tokens([*extra])
        tokenizer.add_tokens([AddedToken(text, normalized=False, special=False) for text in added])
        known = {str(token.content) for token in extra}
        tokenizer.add_special_tokens(
            [AddedToken(text, normalized=False, special=True) for text in (bos, eos, *special) if text not in known]
        )
        result = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=bos, eos_token=eos)
        result.chat_template = default if template is None else template
        return result

    return make


@pytest.fixture(scope="session")
def make_renderer(make_tokenizer: Callable[..., Any]) -> Callable[..., Any]:
    from infopo.tokens import Renderer

    cache: dict[tuple[str, str], Any] = {}

    def make(shape: str, **options: Any) -> Any:
        key = (shape, repr(sorted(options.items())))
        if key not in cache:
            cache[key] = Renderer(make_tokenizer(shape), template_options=options, name=shape)
        return cache[key]

    return make
