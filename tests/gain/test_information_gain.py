"""Both back-ends give one gain: that of the definition, computed by hand with the model's own plain forward."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, get_args

import pytest
import torch

import infopo
from infopo.core import InfopoError, Span, Trajectory, UserError
from infopo.gain import Backend, GainSpec, TurnGain, check_backends, information_gain
from infopo.tokens.language_model import LanguageModel

from .conftest import PLACEHOLDER, SCRIPTS, Played, Script, make_renderer, play
from .tiny_models import MODELS

MakePolicy = Callable[..., LanguageModel]
# Which turns of SCRIPTS have a gain: every one but the last of each episode.
SCORED = [[True, True, False], [True, False], [True, True, True, False], [False]]


def by_definition(policy: LanguageModel, trajectory: Trajectory, turn: int) -> float:
    """The mean log-ratio, from the model's own logits on the two whole histories, one at a time."""
    here, after = trajectory.turns[turn], trajectory.turns[turn + 1]
    assert here.observation_block is not None
    answers = trajectory.messages[here.action_message + 1 : here.action_message + 1 + len(here.observation)]
    block = policy.renderer.counterfactual(answers, PLACEHOLDER).ids
    action = list(trajectory.token_ids[after.action.start : after.action.end])
    found = []
    for history in (
        trajectory.token_ids[: after.action.start],
        trajectory.token_ids[: here.observation_block.start] + block,
    ):
        ids = torch.tensor([[*history, *action]])
        with torch.no_grad():
            logits = policy.model(input_ids=ids).logits[0, len(history) - 1 : -1] / policy.temperature
        logprobs = torch.log_softmax(logits.double(), -1)
        found.append(float(logprobs.gather(-1, torch.tensor(action)[:, None]).mean()))
    return found[0] - found[1]


def values(gains: Sequence[Sequence[TurnGain | None]]) -> list[list[float | None]]:
    return [[None if gain is None else gain.value for gain in row] for row in gains]


def assert_close(one: Sequence[Sequence[TurnGain | None]], other: Any, tolerance: float) -> None:
    for left, right in zip(values(one), values(other), strict=True):
        assert left == pytest.approx(right, abs=tolerance)


@pytest.mark.parametrize(("family", "attention"), MODELS)
def test_every_backend_agrees_with_the_definition(make_policy: MakePolicy, family: str, attention: str) -> None:
    played = play(make_policy(family, attention))
    separate = information_gain(played.policy, played.trajectories, backend="separate")
    kv = information_gain(played.policy, played.trajectories, backend="kv", cache=played.handle)
    tree = information_gain(played.policy, played.trajectories, backend="tree")
    assert_close(separate, tree, 1e-5)
    assert [[gain is not None for gain in row] for row in separate] == SCORED
    assert_close(separate, kv, 1e-5)
    sizes = []
    for trajectory, row in zip(played.trajectories, separate, strict=True):
        for turn, gain in enumerate(row):
            if gain is not None:
                assert gain.value == pytest.approx(by_definition(played.policy, trajectory, turn), abs=1e-5)
                sizes.append(abs(gain.value))
    assert sum(sizes) / len(sizes) > 0.01  # large enough for the comparison to mean something


@pytest.mark.parametrize("shape", ["chatml", "headers"])
@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_both_tokenizers_and_one_temperature(make_policy: MakePolicy, shape: str, temperature: float) -> None:
    played = play(make_policy(shape=shape, temperature=temperature))
    kv = information_gain(played.policy, played.trajectories, backend="kv", cache=played.handle)
    assert_close(information_gain(played.policy, played.trajectories, backend="separate"), kv, 1e-5)
    for trajectory, row in zip(played.trajectories, kv, strict=True):
        for turn, gain in enumerate(row):
            if gain is not None:
                assert gain.value == pytest.approx(by_definition(played.policy, trajectory, turn), abs=1e-5)


@pytest.mark.parametrize("backend", ["separate", "tree", "kv"])
def test_what_a_gain_says(make_policy: MakePolicy, backend: Backend) -> None:
    played = play(make_policy())
    mean = information_gain(played.policy, played.trajectories, backend=backend, cache=played.handle)
    spec = GainSpec(reduction="sum")
    total = information_gain(played.policy, played.trajectories, backend=backend, cache=played.handle, spec=spec)
    for script, means, sums in zip(SCRIPTS, mean, total, strict=True):
        for turn, (one, other) in enumerate(zip(means, sums, strict=True)):
            if one is None or other is None:
                assert one is other
                continue
            assert one.tokens == other.tokens == abs(script.actions[turn + 1])
            assert one.partial == other.partial == (script.actions[turn + 1] < 0)
            assert one.value == one.mean == pytest.approx(one.sum / one.tokens)
            assert other.value == other.sum == pytest.approx(one.sum, abs=1e-6)


@pytest.mark.parametrize("backend", ["separate", "tree", "kv"])
def test_an_answer_that_is_the_placeholder_gains_exactly_nothing(make_policy: MakePolicy, backend: Backend) -> None:
    scripts = [
        Script(opening="Hi.", actions=[3, 4, 2], answers=[(PLACEHOLDER,), ("Rome.",)]),
        Script(opening="Hello.", actions=[2, -4], answers=[(PLACEHOLDER, PLACEHOLDER)]),
        Script(opening="Hey.", actions=[2, 4], answers=[(PLACEHOLDER, "Rome.")]),
    ]
    played = play(make_policy(), scripts)
    gains = information_gain(played.policy, played.trajectories, backend=backend, cache=played.handle)
    assert gains[0][0] == TurnGain(value=0.0, mean=0.0, sum=0.0, tokens=4, partial=False)
    assert gains[1][0] == TurnGain(value=0.0, mean=0.0, sum=0.0, tokens=4, partial=True)
    assert gains[0][1] is not None
    assert gains[0][1].value != 0
    assert gains[2][0] is not None
    assert gains[2][0].value != 0


@pytest.mark.parametrize("backend", ["separate", "tree", "kv"])
def test_another_placeholder_is_another_counterfactual(make_policy: MakePolicy, backend: Backend) -> None:
    played = play(make_policy())
    spec = GainSpec(placeholders=("Rome, in May.",))
    gains = information_gain(played.policy, played.trajectories, backend=backend, cache=played.handle, spec=spec)
    plain = information_gain(played.policy, played.trajectories, backend=backend, cache=played.handle)
    assert gains[0][0] is not None
    assert gains[0][0].value == 0.0
    assert gains[0][1] != plain[0][1]


@pytest.mark.parametrize("family", ["qwen3", "mistral-window", "gemma3"])
@pytest.mark.parametrize("backend", ["separate", "tree", "kv"])
def test_an_episode_is_scored_the_same_in_any_company(
    make_policy: MakePolicy, family: str, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = play(make_policy(family))
    together = information_gain(played.policy, played.trajectories, backend=backend, cache=played.handle)
    for index, trajectory in enumerate(played.trajectories):
        alone = information_gain(played.policy, [trajectory], backend=backend, cache=played.handle)
        assert_close(alone, [together[index]], 1e-5)
    backwards = information_gain(played.policy, played.trajectories[::-1], backend=backend, cache=played.handle)
    assert_close(backwards[::-1], together, 1e-5)
    monkeypatch.setattr("infopo.gain.separate.BATCH_TOKENS", 150)
    monkeypatch.setattr("infopo.gain.tree.BATCH_TOKENS", 150)
    monkeypatch.setattr("infopo.gain.kv.BATCH_COLUMNS", 1)
    small = information_gain(played.policy, played.trajectories, backend=backend, cache=played.handle)
    assert_close(small, together, 1e-5)
    monkeypatch.setattr("infopo.gain.kv.ROW_TOKENS", 1)  # every branch in a row of its own
    assert_close(
        information_gain(played.policy, played.trajectories, backend=backend, cache=played.handle), together, 1e-5
    )


def test_the_cache_can_be_used_again(make_policy: MakePolicy) -> None:
    played = play(make_policy())
    before = [layer.keys.clone() for layer in played.handle.cache.layers]
    first = information_gain(played.policy, played.trajectories, backend="kv", cache=played.handle)
    for layer, keys in zip(played.handle.cache.layers, before, strict=True):
        assert torch.equal(layer.keys, keys)
    assert information_gain(played.policy, played.trajectories, backend="kv", cache=played.handle) == first


def forwards(policy: LanguageModel, run: Callable[[], Any]) -> int:
    """Tokens that the decoder reads while `run` runs."""
    seen = []
    handle = policy.model.get_decoder().register_forward_pre_hook(
        lambda module, args, options: seen.append(options["input_ids"].numel()), with_kwargs=True
    )
    run()
    handle.remove()
    return sum(seen)


def test_auto_takes_the_cache_where_it_is_good(make_policy: MakePolicy) -> None:
    played = play(make_policy())
    policy, trajectories, handle = played.policy, played.trajectories, played.handle
    cheap = forwards(policy, lambda: information_gain(policy, trajectories, backend="kv", cache=handle))
    full = forwards(policy, lambda: information_gain(policy, trajectories, backend="separate"))
    assert cheap < full / 2
    assert forwards(policy, lambda: information_gain(policy, trajectories, cache=handle)) == cheap
    tree = forwards(policy, lambda: information_gain(policy, trajectories, backend="tree"))
    assert cheap < tree < full
    assert forwards(policy, lambda: information_gain(policy, trajectories)) == tree
    stale = replace(handle, version=policy.version - 1)
    assert forwards(policy, lambda: information_gain(policy, trajectories, cache=stale)) == tree


def without_logprobs(played: Played) -> Any:
    first = played.trajectories[0]
    return [replace(first, logprobs=(None,) * len(first.token_ids))], played.handle


def of_other_episodes(played: Played) -> Any:
    return played.trajectories, replace(played.handle, slots={("g", 0): 2, ("g", 1): 1, ("g", 2): 0})


def cut_short(played: Played) -> Any:
    turn = played.trajectories[0].turns[1]
    assert turn.observation_block is not None
    stored = (played.handle.stored[0][: turn.observation_block.start - 1], *played.handle.stored[1:])
    return played.trajectories, replace(played.handle, stored=stored)


REFUSED: dict[str, tuple[Callable[[Played], Any], str]] = {
    "no cache": (lambda played: (played.trajectories, None), "no cache"),
    "stale cache": (lambda played: (played.trajectories, replace(played.handle, version=2)), "version 2.* version 3"),
    "stale episode": (
        lambda played: ([replace(t, policy_version=1) for t in played.trajectories], played.handle),
        "task-0.* version 1",
    ),
    "unknown episode": (lambda played: (played.trajectories, replace(played.handle, slots={})), "task-0.*not in"),
    "other episodes": (of_other_episodes, "task-0.*does not hold"),
    "cut short": (cut_short, "task-0.*does not hold .* turn 2"),
    "no log-probs": (without_logprobs, "task-0.*turn 2 has no log-prob"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_cache_that_does_not_fit_is_refused_and_auto_does_without(make_policy: MakePolicy, case: str) -> None:
    change, says = REFUSED[case]
    played = play(make_policy())
    trajectories, handle = change(played)
    with pytest.raises(UserError, match=says):
        information_gain(played.policy, trajectories, backend="kv", cache=handle)
    expected = information_gain(played.policy, trajectories, backend="tree")
    assert information_gain(played.policy, trajectories, cache=handle) == expected


def test_a_model_that_moved_on_refuses_its_old_cache(make_policy: MakePolicy) -> None:
    played = play(make_policy())
    played.policy.version += 1
    with pytest.raises(UserError, match=r"version 3.* version 4"):
        information_gain(played.policy, played.trajectories, backend="kv", cache=played.handle)


@pytest.mark.parametrize("backend", ["separate", "tree", "kv"])
def test_turns_without_a_gain(make_policy: MakePolicy, backend: Backend) -> None:
    answers = [("Rome.",), ("  \n",), ("", "May.")]
    scripts = [
        Script(opening="Hi.", actions=[2, 3, 2, 4], answers=answers, kinds=["user", "user", "user"]),
        Script(opening="Hi.", actions=[2, 3, 2, 4], answers=answers, kinds=["none", "tool", "env"]),
    ]
    played = play(make_policy(), scripts)
    gains = information_gain(played.policy, played.trajectories, backend=backend, cache=played.handle)
    scored = [[gain is not None for gain in row] for row in gains]
    assert scored == [[True, False, True, False], [False, False, True, False]]
    empty = played.trajectories[0]
    cut = replace(empty.turns[1], action=Span(start=empty.turns[1].action.start, end=empty.turns[1].action.start))
    unwritten = replace(empty, turns=(empty.turns[0], cut))
    assert information_gain(played.policy, [unwritten], backend="separate") == [[None, None]]
    unanswered = replace(empty, turns=tuple(replace(turn, observation_block=None) for turn in empty.turns))
    assert information_gain(played.policy, [unanswered], backend="separate") == [[None] * 4]
    assert information_gain(played.policy, [], backend=backend, cache=played.handle) == []


def test_the_mode_of_every_module_is_given_back(make_policy: MakePolicy) -> None:
    played = play(make_policy())
    expected = information_gain(played.policy, played.trajectories, backend="separate")
    model = played.policy.model.train()
    frozen = model.get_decoder().layers[1].eval()
    assert information_gain(played.policy, played.trajectories, backend="separate") == expected  # no dropout
    assert model.training
    assert model.get_decoder().layers[0].self_attn.training
    assert not frozen.training
    assert not frozen.self_attn.training
    assert torch.is_grad_enabled()
    assert all(weight.grad is None for weight in model.parameters())


@pytest.mark.parametrize("backend", ["separate", "tree", "kv"])
def test_a_gain_that_is_not_finite_names_task_and_turn(make_policy: MakePolicy, backend: Backend) -> None:
    played = play(make_policy())
    with torch.no_grad():
        played.policy.model.get_output_embeddings().weight[7] = float("nan")
    with pytest.raises(InfopoError, match=r"task-0, episode 0, turn 1.*nan"):
        information_gain(played.policy, played.trajectories, backend=backend, cache=played.handle)


def test_another_renderer_than_the_one_that_played_is_refused(make_policy: MakePolicy) -> None:
    played = play(make_policy())
    played.policy.renderer = make_renderer("headers")
    with pytest.raises(UserError, match=r"task-0, episode 0, turn 1.*'headers'"):
        information_gain(played.policy, played.trajectories)


def test_a_broken_record_is_refused(make_policy: MakePolicy) -> None:
    played = play(make_policy())
    first, second, third = played.trajectories[0].turns
    late = replace(second, action=Span(start=second.action.start + 1, end=second.action.end))
    broken = replace(played.trajectories[0], turns=(first, late, third))
    with pytest.raises(InfopoError, match=r"task-0.*turn 1.*does not follow"):
        information_gain(played.policy, [broken])


@pytest.mark.parametrize("family", ["qwen3", "gemma3"])
def test_the_check_measures_the_difference(make_policy: MakePolicy, family: str) -> None:
    played = play(make_policy(family))
    difference = check_backends(played.policy, played.trajectories, cache=played.handle)
    assert 0 <= difference < 1e-5
    assert 0 <= check_backends(played.policy, played.trajectories, cache=None) < 1e-5


def test_a_check_in_which_nothing_is_scored_says_so(make_policy: MakePolicy) -> None:
    """Replies of other tasks, and only one task: no turn has a counterfactual, so nothing was compared."""
    played = play(
        make_policy(), [Script(opening="Hi.", actions=[3, 4], answers=[(color,)]) for color in ("red", "blue")]
    )
    spec = GainSpec(counterfactual="swap")
    assert check_backends(played.policy, played.trajectories[:1], spec=spec, cache=played.handle) is None
    difference = check_backends(played.policy, played.trajectories, spec=spec, cache=played.handle)
    assert difference is not None
    assert difference < 1e-5


@pytest.mark.parametrize("backend", ["kv", "tree"])
def test_the_check_compares_the_backend_that_was_chosen(make_policy: MakePolicy, backend: Backend) -> None:
    played = play(make_policy())
    with torch.no_grad():
        played.handle.cache.layers[1].values.mul_(1.1)

    def check() -> Any:
        return check_backends(played.policy, played.trajectories, backend=backend, cache=played.handle)

    if backend == "tree":  # which does not look at the cache
        assert check() < 1e-5
    else:
        with pytest.raises(InfopoError, match="separate"):
            check()


def test_a_cache_of_another_temperature_is_refused(make_policy: MakePolicy) -> None:
    """What was sampled at another temperature is not what this model thinks of its actions."""
    played = play(make_policy(temperature=0.7))
    gains = information_gain(played.policy, played.trajectories, backend="kv", cache=played.handle)
    assert any(gain is not None for row in gains for gain in row)
    played.policy.temperature = 1.0
    with pytest.raises(UserError, match=r"temperature 0\.7.*1\.0"):
        information_gain(played.policy, played.trajectories, backend="kv", cache=played.handle)
    found = information_gain(played.policy, played.trajectories, cache=played.handle)
    reference = information_gain(played.policy, played.trajectories, backend="separate")
    for row, expected in zip(found, reference, strict=True):
        assert [None if gain is None else pytest.approx(gain.value, abs=1e-5) for gain in expected] == [
            None if gain is None else gain.value for gain in row
        ]


def test_the_check_finds_a_cache_that_lies(make_policy: MakePolicy) -> None:
    played = play(make_policy())
    with torch.no_grad():
        played.handle.cache.layers[1].values.mul_(1.1)
    with pytest.raises(InfopoError, match=r"task-0, turn 1.*separate"):
        check_backends(played.policy, played.trajectories, cache=played.handle)
    played.policy.model.bfloat16()
    for layer in played.handle.cache.layers:
        layer.keys, layer.values = layer.keys.bfloat16(), layer.values.bfloat16()
    assert check_backends(played.policy, played.trajectories, cache=played.handle) > 1e-4  # reported, not judged


def test_backends_are_named(make_policy: MakePolicy) -> None:
    backend: Any = "forest"
    with pytest.raises(UserError, match="forest"):
        information_gain(make_policy(), [], backend=backend)
    assert set(get_args(Backend)) == {"auto", "separate", "tree", "kv"}


def test_the_root_package_offers_it() -> None:
    assert infopo.information_gain is information_gain
    with pytest.raises(AttributeError, match="informative_gain"):
        infopo.informative_gain  # noqa: B018
