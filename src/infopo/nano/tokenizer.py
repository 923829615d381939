"""The nano tokenizer: byte-level BPE over the texts of the built-in environments, with a ChatML-style template."""

from collections.abc import Iterable
from typing import Any

USER, ASSISTANT, SYSTEM, TOOL, END = "<|user|>", "<|assistant|>", "<|system|>", "<|tool|>", "<|end|>"
SPECIAL = ["<|pad|>", END, USER, ASSISTANT, SYSTEM, TOOL]
TAGS = ["[action]", "[search]", "[answer]", "[finish]", "<think>", "</think>", "<tool_call>", "</tool_call>"]

TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|' + message['role'] + '|>' + message['content'] + '<|end|>' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)
# For servers that take replies apart: without it they go by the architecture, and look for another template's marks.
RESPONSE = {
    "defaults": {"role": "assistant"},
    "start_anchor": ASSISTANT,
    "fields": {"content": {"close_pattern": r"<\|end\|>(?:<\|pad\|>)*", "content": "text"}},
}


def train_tokenizer(texts: Iterable[str], *, vocabulary: int) -> Any:
    """A `PreTrainedTokenizerFast` of at most `vocabulary` tokens; the same texts give the same tokenizer.

    Words are split at white space only, so that a frequent word, an option id or a number is one token.
    """
    from tokenizers import AddedToken as Added
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r" ?[^\s]+|\n|\s"), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(TAGS),
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([Added(tag, normalized=False, special=False) for tag in TAGS])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token="<|pad|>", additional_special_tokens=SPECIAL[2:]
    )
    fast.chat_template, fast.response_template = TEMPLATE, RESPONSE
    return fast
