"""The untrained nano model: a Qwen3 architecture whose first two layers start out able to look things up.

From purely random weights a model of this size needs millions of tokens before it can find "the row that says the same
as I just said, and what came after it". So the first layers start with the two halves of that skill (an induction
circuit) written into their attention weights, plus noise; the warm start takes it from there:

* layer 0, heads 1 to 3: look 1, 2 and 3 tokens back (by rotary phase alone) and copy what is there into a slot.
* layer 1: match "this token and those before it" against "those before that token", and copy the token found.

Residual stream of 128 = content [0, 32) | one back [32, 64) | two back [64, 96) | three back [96, 128).
"""

from typing import Any

import torch

from infopo.tokens.guard import own_random_state

WIDTH, HEAD, HEADS, LAYERS = 128, 32, 4, 3
CONSTANT = 31  # a content dimension with one value for all tokens: what positional heads read
THETA = 10000.0
FAST = 6  # rotary frequencies quick enough to tell neighbours apart; the slower ones carry content
NOISE = 0.02
SHARPNESS = 2.0  # of the query and key norms in the first two layers
COPY = 0.3  # strength of the copies
EMBEDDING = 0.2


def initial_model(vocabulary: int, *, pad: int, end: int, seed: int) -> Any:
    """A `Qwen3ForCausalLM` of about one million parameters, a pure function of its arguments."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        head_dim=HEAD,
        max_position_embeddings=2048,
        rope_parameters={"rope_type": "default", "rope_theta": THETA},
        tie_word_embeddings=True,
        pad_token_id=pad,
        eos_token_id=end,
        bos_token_id=None,
    )
    with own_random_state(seed):  # transformers draws weights, all replaced below
        model: Any = Qwen3ForCausalLM(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 2:
                weight.copy_(torch.randn(weight.shape, generator=generator) * NOISE)
            elif "q_norm" in name or "k_norm" in name:
                weight.fill_(SHARPNESS if name.startswith(("model.layers.0.", "model.layers.1.")) else 1.0)
        embedding = model.get_input_embeddings().weight
        embedding[:, :CONSTANT] = torch.randn((vocabulary, CONSTANT), generator=generator) * EMBEDDING
        embedding[:, CONSTANT] = EMBEDDING
        _write_look_back(model.model.layers[0].self_attn)
        _write_match(model.model.layers[1].self_attn, generator)
    return model


def _slot(offset: int) -> slice:
    """Where the token `offset` places back is kept."""
    return slice(offset * HEAD, (offset + 1) * HEAD)


def _write_look_back(attention: Any) -> None:
    """Head h looks h tokens back: its key is its query turned by h rotary steps, so they agree at that distance."""
    half = HEAD // 2
    angle = THETA ** (-torch.arange(half) * 2.0 / HEAD)
    query = torch.zeros(HEAD)
    query[:FAST] = 1.0
    identity = torch.eye(HEAD)
    for head in (1, 2, 3):
        rows = slice(head * HEAD, (head + 1) * HEAD)
        cos, sin = torch.cos(angle * head), torch.sin(angle * head)
        key = torch.cat([query[:half] * cos - query[half:] * sin, query[half:] * cos + query[:half] * sin])
        attention.q_proj.weight[rows, CONSTANT] += query
        attention.k_proj.weight[rows, CONSTANT] += key
        attention.v_proj.weight[rows, _slot(0)] += identity
        attention.o_proj.weight[_slot(head), rows] += COPY * identity


def _write_match(attention: Any, generator: torch.Generator) -> None:
    """Queries read the last tokens including this one, keys the tokens before: equal runs attract each other."""
    slow = [*range(FAST, HEAD // 2), *range(HEAD // 2 + FAST, HEAD)]
    basis, _ = torch.linalg.qr(torch.randn((CONSTANT, len(slow)), generator=generator))
    content = torch.zeros(HEAD, HEAD)
    content[slow, :CONSTANT] = 1.4 * basis.T
    identity = torch.eye(HEAD)
    identity[CONSTANT, CONSTANT] = 0.0
    runs = {0: ((0,), (1,)), 1: ((0, 1, 2), (1, 2, 3)), 2: ((0, 1), (1, 2)), 3: ((0, 1, 2), (1, 2, 3))}
    for head, (said, before) in runs.items():
        rows = slice(head * HEAD, (head + 1) * HEAD)
        for offset in said:
            attention.q_proj.weight[rows, _slot(offset)] += content
        for offset in before:
            attention.k_proj.weight[rows, _slot(offset)] += content
        attention.v_proj.weight[rows, _slot(0)] += identity
        attention.o_proj.weight[_slot(0), rows] += COPY * identity
