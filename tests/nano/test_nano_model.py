"""Drills ask only what their first listing answers; the initial model looks where the answer stands."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from infopo.nano.drills import MOST_KEYS, MOST_ROWS, REPEATS, Drill, make_drill
from infopo.nano.initial import initial_model

WORDS = (100, 900)
SEPARATOR = 7


def drill(rows: int, keys: int, seed: int = 0, tokens: int = 400) -> Drill:
    generator = torch.Generator().manual_seed(seed)
    return make_drill(generator, words=WORDS, separator=SEPARATOR, rows=rows, keys=keys, tokens=tokens)


def listing(ids: list[int], rows: int, keys: int) -> dict[tuple[int, ...], int]:
    """Key words to id, as the first listing says; the keys tell its rows apart."""
    width = keys + 2
    found = {tuple(ids[k * width + 1 : (k + 1) * width - 1]): ids[(k + 1) * width - 1] for k in range(rows)}
    assert len(found) == rows
    return found


SHAPES = st.tuples(st.integers(1, MOST_ROWS), st.integers(1, MOST_KEYS)).filter(lambda s: s[0] >= min(2, s[1]))


@given(shape=SHAPES, seed=st.integers(0, 10**6))
def test_every_target_is_an_id_that_the_first_listing_gives_for_these_words(shape: tuple[int, int], seed: int) -> None:
    rows, keys = shape
    one, width = drill(rows, keys, seed), keys + 2
    assert one.input_ids.shape == one.target.shape
    assert one.input_ids.shape[1] == (1 + REPEATS) * rows * width
    for ids, target in zip(one.input_ids.tolist(), one.target.tolist(), strict=True):
        known = listing(ids, rows, keys)
        asked = [k for k, flag in enumerate(target) if flag]
        assert len(asked) == REPEATS * rows
        assert min(asked) >= rows * width, "nothing is asked before it was said"
        for k in asked:
            assert ids[k - keys - 1] == SEPARATOR
            assert ids[k] == known[tuple(ids[k - keys : k])]
        for repeat in range(REPEATS):
            part = asked[repeat * rows : (repeat + 1) * rows]
            assert sorted(ids[k] for k in part) == sorted(known.values()), "every row, once a repeat"
        words = [token for token in ids if token != SEPARATOR]
        assert all(WORDS[0] <= token < WORDS[1] for token in words)
        assert len(set(known.values())) == rows
        assert not set(known.values()) & {word for key in known for word in key}, "an id is never a key"


@pytest.mark.parametrize("keys", [2, 3])
def test_with_several_keys_no_single_word_is_enough(keys: int) -> None:
    """In most drills some word stands in several rows."""
    rows = MOST_ROWS
    shared = 0
    one = drill(rows, keys, tokens=4000)
    for ids in one.input_ids.tolist():
        known = listing(ids, rows, keys)
        shared += all(len({key[place] for key in known}) < rows for place in range(keys))
    assert shared == len(one.input_ids)


def test_drills_are_a_function_of_their_generator_and_shuffle_the_repeats() -> None:
    one, same, other = drill(5, 1, seed=1), drill(5, 1, seed=1), drill(5, 1, seed=2)
    assert torch.equal(one.input_ids, same.input_ids)
    assert not torch.equal(one.input_ids, other.input_ids)
    first, second, third = one.input_ids.chunk(3, dim=1)
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)


def test_the_initial_model_is_a_function_of_its_arguments_and_draws_from_no_global_generator() -> None:
    before = torch.get_rng_state()
    one, same, other = (initial_model(400, pad=0, end=1, seed=seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["model.embed_tokens.weight"], other["model.embed_tokens.weight"])
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(12345)
        shifted = initial_model(400, pad=0, end=1, seed=3).state_dict()
    assert all(torch.equal(one[name], shifted[name]) for name in one)


def test_its_size_is_that_of_a_small_model() -> None:
    model = initial_model(4096, pad=0, end=1, seed=0)
    assert 1_000_000 <= sum(weight.numel() for weight in model.parameters()) <= 3_000_000
    assert type(model).__name__ == "Qwen3ForCausalLM"


@pytest.mark.parametrize(("rows", "keys"), [(3, 1), (6, 1), (4, 2), (6, 3)])
def test_the_first_layers_look_where_the_answer_stands(rows: int, keys: int) -> None:
    model = initial_model(1000, pad=0, end=1, seed=0)
    model.set_attn_implementation("eager")
    one, width = drill(rows, keys), keys + 2
    with torch.no_grad():
        back, match, _ = model(input_ids=one.input_ids, output_attentions=True).attentions
    looked = torch.zeros(4)
    found = torch.zeros(4)
    asked = one.target.nonzero().tolist()
    for row, position in asked:
        ids, query = one.input_ids[row].tolist(), position - 1
        key = ids[position - keys : position]
        source = next(k for k in range(width - 1, rows * width, width) if ids[k - keys : k] == key)
        for head in range(4):
            looked[head] += back[row, head, query, query - head]
            found[head] += match[row, head, query, source]
    assert all(looked[head] / len(asked) > 0.6 for head in (1, 2, 3)), "heads 1 to 3 look 1 to 3 tokens back"
    uniform = 1 / (1.5 * rows * width)  # of a look at any token said so far, on average
    assert float(found.max()) / len(asked) > 4 * uniform
