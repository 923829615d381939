"""Kind by kind of attention: what the back-ends get right, what would go wrong without a word, and what is refused.

The plain `message` counterfactual of every family is in `test_information_gain.py`.
"""

from collections.abc import Callable, Sequence
from typing import Any, get_args

import pytest
import torch
import transformers

from infopo.core import UserError
from infopo.gain import Backend, GainSpec, TurnGain, information_gain
from infopo.gain.spec import Counterfactual
from infopo.tokens import visibility
from infopo.tokens.language_model import LanguageModel, check_head, decoder_of
from infopo.tokens.visibility import TreeMask, attention_mask, mask_problem

from .conftest import Played, make_renderer, play
from .tiny_models import LAYERS, MODELS, SHAPE, WINDOW, tiny_model

MakePolicy = Callable[..., LanguageModel]
MIXED = {"sliding_window": WINDOW, "layer_types": LAYERS}

# More of the library: experts behind a window, windows in some layers, layers without positions, learned sinks.
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "mixtral-window": ("Mixtral", {"sliding_window": WINDOW, "num_local_experts": 4}),
    "starcoder2-window": ("Starcoder2", {"sliding_window": WINDOW}),
    "ministral": ("Ministral", MIXED),
    "qwen3-window": ("Qwen3", {**MIXED, "use_sliding_window": True}),
    "olmo3": ("Olmo3", MIXED),
    "smollm3": ("SmolLM3", {**MIXED, "use_sliding_window": True, "no_rope_layers": [1, 0, 1]}),
    "exaone4": ("Exaone4", MIXED),
    "glm4": ("Glm4", {}),
    "gpt-neox": ("GPTNeoX", {}),
    "gpt-oss": ("GptOss", {**MIXED, "num_local_experts": 4}),
}
EAGER_ONLY = ("gpt-oss",)

# Attention that is no function of the mask and the positions it is given.
STUBBORN: dict[str, tuple[str, dict[str, Any], str]] = {
    "mpt": ("Mpt", {}, "own making"),  # positions by ALiBi, counted from the left
    "gpt-neo": ("GPTNeo", {"attention_types": [[["global", "local", "global"], 1]], "window_size": 7}, "own making"),
    "rwkv": ("Rwkv", {}, "recurrent"),
}


def library_model(name: str, attention: str = "sdpa", **changes: Any) -> Any:
    """A random model of an architecture that `tiny_models.py` does not have."""
    shape = {key: value for key, value in SHAPE.items() if name != "Mpt" or key != "attention_dropout"}
    config = getattr(transformers, f"{name}Config")(vocab_size=272, **shape | changes)
    config.bos_token_id = config.eos_token_id = config.pad_token_id = 0
    config._attn_implementation = attention
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(0)
        return getattr(transformers, f"{name}ForCausalLM")(config).eval()


def policy_of(model: Any) -> LanguageModel:
    return LanguageModel(model=model, renderer=make_renderer("chatml"), version=3)


def means(gains: Sequence[Sequence[TurnGain | None]]) -> list[float]:
    return [gain.mean for row in gains for gain in row if gain is not None]


def scored(played: Played, backend: Backend, counterfactual: Counterfactual = "message") -> list[float]:
    spec = GainSpec(counterfactual=counterfactual)
    return means(information_gain(played.policy, played.trajectories, spec=spec, backend=backend, cache=played.handle))


def difference(one: Sequence[float], other: Sequence[float]) -> float:
    return max(abs(left - right) for left, right in zip(one, other, strict=True))


@pytest.mark.parametrize("counterfactual", ["fill", "drop"])
@pytest.mark.parametrize(("family", "attention"), MODELS)
def test_length_kept_and_answer_hidden(
    make_policy: MakePolicy, family: str, attention: str, counterfactual: Counterfactual
) -> None:
    played = play(make_policy(family, attention))
    reference = scored(played, "separate", counterfactual)
    assert len(reference) == 6
    assert max(map(abs, reference)) > 0.01
    assert difference(reference, scored(played, "tree", counterfactual)) < 1e-5
    assert difference(reference, scored(played, "kv", counterfactual)) < 1e-5


@pytest.mark.parametrize("family", OTHERS)
def test_other_architectures(family: str) -> None:
    attention = "eager" if family in EAGER_ONLY else "sdpa"
    name, changes = OTHERS[family]
    policy = policy_of(library_model(name, attention, **changes))
    check_head(policy.model)
    played = play(policy)
    for counterfactual in ("message", "drop"):
        reference = scored(played, "separate", counterfactual)
        assert max(map(abs, reference)) > 0.01
        assert difference(reference, scored(played, "tree", counterfactual)) < 1e-5
        assert difference(reference, scored(played, "kv", counterfactual)) < 1e-5


@pytest.mark.parametrize("family", ["qwen2-window", "mistral-window", "gemma3", "phi3-window"])
def test_a_plain_mask_on_a_window_is_silently_wrong(
    make_policy: MakePolicy, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why windows are put into the mask: the mask replaces the model's own in all layers."""
    played = play(make_policy(family))
    reference = scored(played, "separate")

    def plain(model: Any, visible: torch.Tensor | TreeMask, *positions: torch.Tensor) -> Any:
        seen = visible.dense() if isinstance(visible, TreeMask) else visible
        mask = seen[:, None]
        both = isinstance(attention_mask(model, visible, *positions), dict)
        return {"full_attention": mask, "sliding_attention": mask} if both else mask

    assert difference(reference, scored(played, "tree")) < 1e-5
    monkeypatch.setattr("infopo.tokens.language_model.attention_mask", plain)
    assert difference(reference, scored(played, "tree")) > 1e-2
    assert difference(reference, scored(played, "kv")) > 1e-2


@pytest.mark.parametrize("family", ["qwen2", "qwen3", "qwen3-moe", "llama", "olmo2"])
def test_a_mask_of_booleans_on_eager_is_silently_wrong(make_policy: MakePolicy, family: str) -> None:
    """Why `eager` gets additive floats: it adds booleans to the scores, and says nothing."""
    policy = make_policy(family, "eager")
    ids = torch.tensor([[5, 6, 7, 8, 9, 10]])
    positions = torch.arange(6)[None]
    visible = torch.ones(1, 6, 6, dtype=torch.bool).tril()
    decoder = decoder_of(policy.model)
    with torch.no_grad():
        expected = decoder(input_ids=ids).last_hidden_state
        wrong = decoder(input_ids=ids, position_ids=positions, attention_mask=visible[:, None]).last_hidden_state
        found = policy.hidden(ids, positions, visible)
    assert float((wrong - expected).abs().max()) > 0.1
    assert float((found - expected).abs().max()) < 1e-5
    assert attention_mask(policy.model, visible, positions, positions).dtype == torch.float32


def test_the_shape_of_a_mask_follows_the_layers(make_policy: MakePolicy) -> None:
    positions = torch.arange(WINDOW + 3)[None]
    visible = torch.ones(1, WINDOW + 3, WINDOW + 3, dtype=torch.bool).tril()

    def mask(family: str) -> Any:
        return attention_mask(make_policy(family).model, visible, positions, positions)

    everything = mask("llama")
    assert torch.equal(everything == 0, visible[:, None])
    one_window = mask("mistral-window")  # one tensor: a dict raises there
    assert (one_window[0, 0] == 0).sum(-1).max() == WINDOW
    for family in ("gemma3", "qwen2-window"):
        both = mask(family)
        assert torch.equal(both["full_attention"], everything)
        assert torch.equal(both["sliding_attention"], one_window)


@pytest.mark.parametrize("backend", ["kv", "tree"])
def test_linear_attention_is_refused_by_name(make_policy: MakePolicy, backend: Backend) -> None:
    played = play(make_policy())  # only its episodes are used
    model = tiny_model("linear", vocabulary=272)
    policy = LanguageModel(model=model, renderer=played.policy.renderer, version=3)
    with pytest.raises(UserError, match=f"'{backend}'.*linear_attention"):
        information_gain(policy, played.trajectories, backend=backend, cache=played.handle)


def test_linear_attention_is_scored_by_rereading(make_policy: MakePolicy) -> None:
    played = play(make_policy())
    policy = policy_of(tiny_model("linear", vocabulary=272))
    found = information_gain(policy, played.trajectories, cache=played.handle)
    trajectory, gain = played.trajectories[0], found[0][0]
    assert gain is not None
    here, after = trajectory.turns[0], trajectory.turns[1]
    assert here.observation_block is not None
    ids = trajectory.token_ids
    other = policy.renderer.counterfactual(trajectory.messages[2:3], "No information found.").ids
    action = list(ids[after.action.start : after.action.end])
    logprobs = []
    for history in (ids[: after.action.start], ids[: here.observation_block.start] + other):
        with torch.no_grad():
            logits = policy.model(input_ids=torch.tensor([[*history, *action]])).logits[0, len(history) - 1 : -1]
        logprobs.append(float(logits.log_softmax(-1).gather(-1, torch.tensor(action)[:, None]).mean()))
    assert gain.mean == pytest.approx(logprobs[0] - logprobs[1], abs=1e-5)
    assert abs(gain.mean) > 1e-3
    assert found == information_gain(policy, played.trajectories, backend="separate")


def test_hiding_an_answer_from_linear_attention_is_refused(make_policy: MakePolicy) -> None:
    """`drop` needs a mask even when re-reading: tokens are missing, positions stay."""
    played = play(make_policy())
    policy = policy_of(tiny_model("linear", vocabulary=272))
    for backend in get_args(Backend)[:2]:
        with pytest.raises(UserError, match="linear_attention"):
            information_gain(policy, played.trajectories, spec=GainSpec(counterfactual="drop"), backend=backend)


LONG = {"rope_type": "longrope", "rope_theta": 1e4, "short_factor": [1.0] * 4, "long_factor": [4.0] * 4}
CHANGING = {
    "phi3-long": ("Phi3", {"rope_parameters": LONG | {"original_max_position_embeddings": 40}}),
    "llama-dynamic": (
        "Llama",
        {"max_position_embeddings": 40, "rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}},
    ),
}


@pytest.mark.parametrize("family", CHANGING)
def test_positions_that_change_with_the_length_are_read_one_history_at_a_time(
    make_policy: MakePolicy, family: str
) -> None:
    """The rollout stored keys while the history was short; a long neighbour in a batch would turn them as well."""
    played = play(make_policy())
    assert max(len(one.token_ids) for one in played.trajectories) > 40
    name, changes = CHANGING[family]
    policy = policy_of(library_model(name, **changes))
    for backend in ("kv", "tree"):
        with pytest.raises(UserError, match=f"'{backend}'.*change with the length"):
            information_gain(policy, played.trajectories, backend=backend, cache=played.handle)
    together = information_gain(policy, played.trajectories, cache=played.handle)
    alone = [information_gain(policy, [one])[0] for one in played.trajectories]
    assert together == alone
    assert max(map(abs, means(together))) > 0.01


@pytest.mark.parametrize("family", STUBBORN)
def test_what_follows_no_mask_is_refused_by_name_and_read_again(make_policy: MakePolicy, family: str) -> None:
    played = play(make_policy())
    name, changes, says = STUBBORN[family]
    policy = policy_of(library_model(name, "eager", **changes))
    for backend in ("kv", "tree"):
        with pytest.raises(UserError, match=f"'{backend}'.*{says}"):
            information_gain(policy, played.trajectories, backend=backend, cache=played.handle)
    found = information_gain(policy, played.trajectories, cache=played.handle)
    assert found == information_gain(policy, played.trajectories, backend="separate")
    assert max(map(abs, means(found))) > 0.01


@pytest.mark.parametrize("family", ["mpt", "gpt-neo"])
def test_a_stubborn_model_would_have_been_silently_wrong(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, changes, _ = STUBBORN[family]
    monkeypatch.setattr(visibility, "mask_problem", lambda model: None)
    monkeypatch.setattr("infopo.gain.read.branching_problem", lambda model: None)
    played = play(policy_of(library_model(name, "eager", **changes)))
    assert difference(scored(played, "separate"), scored(played, "tree")) > 1e-2


@pytest.mark.parametrize("attention", ["flash_attention_2", "flash_attention_3", "kernels-community/flash-attn"])
def test_attention_without_an_explicit_mask_is_refused_by_name(make_policy: MakePolicy, attention: str) -> None:
    played = play(make_policy())
    trajectories, handle = played.trajectories, played.handle
    played.policy.model.config._attn_implementation = attention
    problem = mask_problem(played.policy.model)
    assert problem is not None
    assert attention in problem
    for backend in ("kv", "tree"):
        with pytest.raises(UserError, match=f"'{backend}'.*{attention}.*explicit mask"):
            information_gain(played.policy, trajectories, backend=backend, cache=handle)


@pytest.mark.parametrize("family", ["qwen3", "gemma3"])
def test_tree_positions_without_a_mask_are_no_way_out(make_policy: MakePolicy, family: str) -> None:
    """Left to itself the model takes a step back in the positions for a new text, and hides the trunk from a branch."""
    policy = make_policy(family)
    ids = torch.tensor([[5, 6, 7, 8, 9, 10, 11]])
    positions = torch.tensor([[0, 1, 2, 3, 4, 3, 4]])  # a branch that leaves behind the third token
    before, own = torch.tensor([[5, 5, 5, 5, 5, 3, 3]]), torch.tensor([[0, 0, 0, 0, 0, 5, 5]])
    with torch.no_grad():
        decoder = decoder_of(policy.model)
        expected = decoder(input_ids=torch.tensor([[5, 6, 7, 10, 11]])).last_hidden_state[0, -1]
        found = policy.hidden(ids, positions, TreeMask(before=before, own=own), key_positions=positions)[0, -1]
        alone = decoder(input_ids=ids, position_ids=positions, use_cache=False).last_hidden_state[0, -1]
    assert float((found - expected).abs().max()) < 1e-5
    assert float((alone - expected).abs().max()) > 1e-2
