"""A renderer for a policy whose tokens nobody sees: a hosted model. One token a byte, ChatML around the messages.

Episodes with such a model are recorded like all others: the ids say exactly which text was whose. They are not the
model's own tokens, so they are not to be counted as such, nor to be trained on.
"""

from functools import lru_cache
from typing import Any

from infopo.tokens.renderer import Renderer

BYTES = 4  # of a token of some real model: a rule of thumb
START, END = "<|im_start|>", "<|im_end|>"
TEMPLATE = """\
{%- if tools -%}
{{- '<|im_start|>system\\n' -}}
{%- for tool in tools -%}{{- tool | tojson + '\\n' -}}{%- endfor -%}
{{- '<|im_end|>\\n' -}}
{%- endif -%}
{%- for message in messages -%}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] -}}
{%- for call in message.tool_calls or [] -%}
{{- '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' -}}
{{- call.function.arguments if call.function.arguments is string else call.function.arguments | tojson -}}
{{- '}\\n</tool_call>' -}}
{%- endfor -%}
{{- '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""


@lru_cache(maxsize=1)
def byte_renderer() -> Renderer:
    """The one renderer of this kind; its 256 first ids are bytes."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    engine = Tokenizer(models.BPE(vocab={letter: index for index, letter in enumerate(alphabet)}, merges=[]))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    engine.decoder = decoders.ByteLevel()
    engine.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in (START, END)])
    untyped: Any = PreTrainedTokenizerFast
    tokenizer = untyped(tokenizer_object=engine, eos_token=END)
    tokenizer.chat_template = TEMPLATE
    return Renderer(tokenizer, name="bytes")
