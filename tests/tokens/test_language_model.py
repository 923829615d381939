"""The slot cache and the explicit masks: whatever is read in pieces equals one plain forward of the whole."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
import torch
import transformers

from infopo.core import UserError
from infopo.tokens import Renderer
from infopo.tokens.language_model import LanguageModel, check_head, decoder_of, token_logprobs
from infopo.tokens.slot_cache import SlotCache
from infopo.tokens.visibility import attention_mask

from ..gain.tiny_models import MODELS, SHAPE, tiny_model

VOCABULARY = 64
# What each of four episodes reads in each round: ragged, some rows absent, rows longer than any window.
ROUNDS: list[dict[int, int]] = [{0: 5, 1: 13, 2: 9, 3: 1}, {0: 1, 2: 1, 3: 1}, {1: 4, 3: 11}, {3: 2, 0: 12, 1: 1, 2: 3}]


def language_model(model: Any, temperature: float = 1.0) -> LanguageModel:
    return LanguageModel(
        model=model, renderer=cast(Renderer, None), temperature=temperature
    )  # nothing is rendered here


def draw_rows(seed: int = 1) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    lengths = [sum(part.get(row, 0) for part in ROUNDS) for row in range(4)]
    return [torch.randint(1, VOCABULARY, (length,), generator=generator).tolist() for length in lengths]


def read(
    model: LanguageModel, cache: SlotCache, slots: Sequence[int], fresh: Sequence[list[int]], held: list[int]
) -> Any:
    """One ragged forward behind what the slots hold; hidden states of the real tokens, row by row."""
    width = max(map(len, fresh))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in fresh])
    columns = torch.tensor([held[slot] for slot in slots])[:, None] + torch.arange(width)
    cache.aim(torch.tensor(slots), columns)
    visible = torch.arange(cache.limit)[None, None] <= columns[:, :, None]
    hidden = model.hidden(ids, columns, visible, cache=cache)
    for slot, row in zip(slots, fresh, strict=True):
        held[slot] += len(row)
    return [hidden[index, : len(row)] for index, row in enumerate(fresh)]


def read_in_rounds(model: LanguageModel, cache: SlotCache, rows: list[list[int]]) -> list[torch.Tensor]:
    """Everything, round by round; hidden states `[L, H]` of each row."""
    held, parts = [0] * len(rows), [[] for _ in rows]
    for part in ROUNDS:
        slots = list(part)
        fresh = [rows[slot][held[slot] : held[slot] + part[slot]] for slot in slots]
        for slot, hidden in zip(slots, read(model, cache, slots, fresh, held), strict=True):
            parts[slot].append(hidden)
    return [torch.cat(part) for part in parts]


@pytest.mark.parametrize(("family", "attention"), MODELS)
@torch.no_grad()
def test_ragged_reading_in_pieces_equals_one_plain_forward(family: str, attention: str) -> None:
    model = tiny_model(family, attention, vocabulary=VOCABULARY)
    rows = draw_rows()
    cache = language_model(model).new_cache(len(rows))
    cache.capacity = 4  # smaller than any row, so that it grows on the way
    found = read_in_rounds(language_model(model), cache, rows)
    for row, hidden in zip(rows, found, strict=True):
        expected = decoder_of(model)(input_ids=torch.tensor([row])).last_hidden_state[0]  # the model's own masks
        torch.testing.assert_close(hidden, expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_window_shorter_than_the_history_matters() -> None:
    """Without this the test above could not tell a window from none."""
    windowed = tiny_model("mistral-window", vocabulary=VOCABULARY)
    row = torch.tensor([draw_rows()[1]])
    narrow = decoder_of(windowed)(input_ids=row).last_hidden_state
    windowed.config.sliding_window = None
    assert not torch.allclose(narrow, decoder_of(windowed)(input_ids=row).last_hidden_state, atol=1e-2)


@pytest.mark.parametrize("family", ["qwen3", "mistral-window"])
@torch.no_grad()
def test_a_working_copy_leaves_the_cache_as_it_was_until_it_is_put_back(family: str) -> None:
    model = language_model(tiny_model(family, vocabulary=VOCABULARY))
    rows = draw_rows()
    cache = model.new_cache(len(rows))
    read_in_rounds(model, cache, rows)
    before = [(layer.keys.clone(), layer.values.clone()) for layer in cache.layers]
    chosen = torch.tensor([3, 1])
    part = cache.take(chosen)
    held = [len(rows[3]), len(rows[1])]
    more = [[5, 6, 7], [8, 9]]
    found = read(model, part, [0, 1], more, held)
    for layer, (keys, values) in zip(cache.layers, before, strict=True):
        assert torch.equal(layer.keys, keys)
        assert torch.equal(layer.values, values)
    cache.put(part, chosen)
    held = [len(rows[0]), len(rows[1]) + 2, len(rows[2]), len(rows[3]) + 3]
    after = read(model, cache, [1, 3, 0], [[1], [2], [3]], held)
    for hidden, row in (
        (found[0], rows[3] + more[0]),
        (found[1], rows[1] + more[1]),
        (after[0], [*rows[1], *more[1], 1]),
        (after[1], [*rows[3], *more[0], 2]),
        (after[2], [*rows[0], 3]),
    ):
        expected = decoder_of(model.model)(input_ids=torch.tensor([row])).last_hidden_state[0]
        torch.testing.assert_close(hidden, expected[-len(hidden) :], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_larger_working_copy_makes_the_cache_grow() -> None:
    model = language_model(tiny_model("llama", vocabulary=VOCABULARY))
    cache = SlotCache(SHAPE["num_hidden_layers"], 2, capacity=2)
    part = cache.take(torch.tensor([1]))
    read(model, part, [0], [[1, 2, 3, 4, 5]], [0])
    cache.put(part, torch.tensor([1]))
    assert cache.capacity == part.capacity >= 5
    found = read(model, cache, [1], [[6]], [0, 5])[0]
    expected = decoder_of(model.model)(input_ids=torch.tensor([[1, 2, 3, 4, 5, 6]])).last_hidden_state[0, -1:]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("family", "temperature"), [("qwen3", 1.0), ("gemma3", 0.6), ("gemma2-capped", 0.6)])
@torch.no_grad()
def test_logprobs_are_those_of_the_models_own_logits(family: str, temperature: float, monkeypatch: Any) -> None:
    monkeypatch.setattr("infopo.tokens.language_model.HEAD_CHUNK", 5)
    model = tiny_model(family, "eager", vocabulary=VOCABULARY)
    check_head(model)
    row = torch.tensor([draw_rows()[1]])
    hidden = decoder_of(model)(input_ids=row).last_hidden_state[0, :-1]
    expected = torch.log_softmax(model(input_ids=row).logits[0, :-1] / temperature, -1)
    found = language_model(model, temperature).logprobs(hidden, row[0, 1:])
    torch.testing.assert_close(found, expected.gather(-1, row[0, 1:, None])[:, 0], atol=1e-5, rtol=1e-5)


def test_no_targets_give_no_logprobs() -> None:
    model = tiny_model("qwen3", vocabulary=VOCABULARY)
    found = token_logprobs(model, torch.zeros(0, SHAPE["hidden_size"]), torch.zeros(0, dtype=torch.long), 1.0)
    assert found.shape == (0,)
    assert found.dtype == torch.float32


def test_a_head_that_scales_its_logits_is_refused_by_name() -> None:
    config = transformers.CohereConfig(vocab_size=VOCABULARY, **SHAPE)
    config.logit_scale = 0.5
    with pytest.raises(UserError, match="CohereForCausalLM"):
        check_head(transformers.CohereForCausalLM(config).eval())


def test_linear_attention_is_refused_by_name() -> None:
    config = transformers.Qwen3NextConfig(
        vocab_size=VOCABULARY,
        **SHAPE,
        layer_types=["linear_attention", "full_attention", "full_attention"],
        linear_num_key_heads=2,
        linear_num_value_heads=2,
        linear_key_head_dim=8,
        linear_value_head_dim=8,
        num_experts=2,
        num_experts_per_tok=1,
        moe_intermediate_size=8,
        shared_expert_intermediate_size=8,
    )
    config._attn_implementation = "sdpa"
    model = language_model(transformers.Qwen3NextForCausalLM(config).eval())
    ids = torch.arange(1, 5)[None]
    with pytest.raises(UserError, match="linear_attention"):
        model.hidden(ids, torch.arange(4)[None], torch.ones(1, 4, 4, dtype=torch.bool).tril())


def test_attention_without_explicit_masks_is_refused_by_name() -> None:
    model = tiny_model("qwen3", vocabulary=VOCABULARY)
    model.config._attn_implementation = "flash_attention_2"
    positions = torch.arange(4)[None]
    with pytest.raises(UserError, match="flash_attention_2"):
        attention_mask(model, torch.ones(1, 4, 4, dtype=torch.bool), positions, positions)


def test_what_a_policy_is() -> None:
    model = language_model(tiny_model("gemma3", vocabulary=VOCABULARY))
    assert model.device == torch.device("cpu")
    assert model.max_length == SHAPE["max_position_embeddings"]
    assert len(model.new_cache(2).layers) == SHAPE["num_hidden_layers"]
