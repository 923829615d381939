"""What stands in an answer's place, what is scored behind it, and what is refused: by equalities between specs."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from infopo.core import InfopoError, Message, Span, Trajectory, TurnFacts, UserError
from infopo.gain import Backend, GainSpec, TurnGain, check_backends, information_gain
from infopo.gain.arithmetic import turn_gain
from infopo.tokens.language_model import LanguageModel

from .conftest import SCRIPTS, Played, Script, play

MakePolicy = Callable[..., LanguageModel]
BACKENDS: tuple[Backend, ...] = ("separate", "tree", "kv")


def ask(*answers: str, opening: str = "Hi.", **options: Any) -> Script:
    """One question after the other, and a last action."""
    return Script(opening=opening, actions=[2] * len(answers) + [3], answers=[(text,) for text in answers], **options)


def of_tasks(played: Played, tasks: Sequence[str], kinds: Sequence[tuple[str, ...]] | None = None) -> list[Trajectory]:
    """The episodes under other task ids, all turns asking for the given facts."""
    found = []
    for row, (trajectory, task) in enumerate(zip(played.trajectories, tasks, strict=True)):
        revealed = () if kinds is None else kinds[row]
        facts = TurnFacts(kind="ask", revealed=revealed)
        turns = tuple(replace(turn, facts=facts) for turn in trajectory.turns)
        found.append(replace(trajectory, task_id=task, turns=turns))
    return found


def gains_of(
    played: Played, trajectories: Sequence[Trajectory] | None = None, *, backend: Backend = "tree", **spec: Any
) -> list[list[TurnGain | None]]:
    episodes = played.trajectories if trajectories is None else trajectories
    return information_gain(played.policy, episodes, spec=GainSpec(**spec), backend=backend, cache=played.handle)


def against(played: Played, row: int, turn: int, text: str, **spec: Any) -> float:
    """The summed gain if the answer had been this one text."""
    gain = gains_of(played, placeholders=(text,), **spec)[row][turn]
    assert gain is not None
    return gain.sum


def mixture(sums: Sequence[float], weights: Sequence[float]) -> float:
    return -math.log(math.fsum(weight * math.exp(-one) for one, weight in zip(sums, weights, strict=True)))


def with_alternatives(trajectory: Trajectory, turn: int, *texts: str) -> Trajectory:
    others = tuple((Message(role="user", content=text),) for text in texts)
    turns = list(trajectory.turns)
    turns[turn] = replace(turns[turn], alternatives=others)
    return replace(trajectory, turns=tuple(turns))


# --- swap


def test_swap_takes_the_reply_of_another_task(make_policy: MakePolicy) -> None:
    played = play(make_policy(), [ask("red"), ask("blue"), ask("a large one")])
    episodes = of_tasks(played, ["one", "one", "two"])  # blue is of the same task, whatever group it is in
    episodes[1] = replace(episodes[1], group_id="another")
    for backend in ("tree", "separate"):
        found = gains_of(played, episodes, counterfactual="swap", draws=8, backend=backend)
        for row in (0, 1):
            assert found[row][0] is not None
            assert found[row][0].sum == pytest.approx(against(played, row, 0, "a large one"), abs=1e-5)
        foreign = [against(played, 2, 0, "red"), against(played, 2, 0, "blue")]
        assert found[2][0] is not None
        assert found[2][0].sum == pytest.approx(mixture(foreign, [0.5, 0.5]), abs=1e-5)


def test_swap_has_nothing_to_say_of_a_task_alone(make_policy: MakePolicy) -> None:
    """The replies of the own task erase just what is sought: rather no gain than such a one."""
    played = play(make_policy(), [ask("red", "small"), ask("red", "large"), ask("blue", "small")])
    assert gains_of(played, of_tasks(played, ["one"] * 3), counterfactual="swap") == [[None, None, None]] * 3


@pytest.mark.parametrize("seed", range(4))
def test_swap_prefers_the_same_kind_of_question(make_policy: MakePolicy, seed: int) -> None:
    played = play(make_policy(), [ask("red"), ask("large"), ask("blue"), ask("tiny")])
    kinds = [("color",), ("size",), ("color",), ("size",)]
    episodes = [
        replace(one, seed=seed + one.episode) for one in of_tasks(played, ["one", "two", "three", "four"], kinds)
    ]
    found = gains_of(played, episodes, counterfactual="swap", draws=1)
    for row, text in enumerate(["blue", "tiny", "red", "large"]):
        assert found[row][0] is not None
        assert found[row][0].sum == pytest.approx(against(played, row, 0, text), abs=1e-5)
    episodes[2] = replace(episodes[2], task_id="one")  # now nobody else was asked for a colour: any question will do
    other = gains_of(played, episodes, counterfactual="swap", draws=8)[0][0]
    assert other is not None
    sums = [against(played, 0, 0, text) for text in ("large", "tiny")]
    assert other.sum == pytest.approx(mixture(sums, [0.5, 0.5]), abs=1e-5)


def test_swap_keeps_to_the_environment_and_to_the_kind_of_answer(make_policy: MakePolicy) -> None:
    played = play(make_policy(), [ask("red"), ask("blue"), ask("large", kinds=["tool"])])
    first, second, third = of_tasks(played, ["one", "two", "three"])
    found = gains_of(played, [first, replace(second, env="another"), third], counterfactual="swap")
    assert found == [[None, None]] * 3


def test_swap_is_a_function_of_the_seed(make_policy: MakePolicy) -> None:
    played = play(make_policy(), [ask(text) for text in ("red", "blue", "gray", "green", "black", "white")])
    episodes = of_tasks(played, [str(row) for row in range(6)])
    first = gains_of(played, episodes, counterfactual="swap", draws=2)
    assert first == gains_of(played, episodes, counterfactual="swap", draws=2)
    drawn = {
        gains_of(played, [replace(episodes[0], seed=seed), *episodes[1:]], counterfactual="swap", draws=2)[0][0]
        for seed in range(8)
    }
    assert len(drawn) > 1


# --- resample


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("estimator", ["sampled", "exact-kl"])
def test_resample_holds_the_answer_against_what_could_have_been_said(
    make_policy: MakePolicy, backend: Backend, estimator: str
) -> None:
    played = play(make_policy(), [ask("red", "small")])
    episode = with_alternatives(played.trajectories[0], 0, "blue", "red", "blue")
    first, second, last = gains_of(
        played, [episode], counterfactual="resample", backend=backend, estimator=estimator, draws=1
    )[0]
    assert first is not None
    assert second is None  # nobody was asked for this one
    assert last is None
    if estimator == "sampled":
        assert first.sum == pytest.approx(mixture([against(played, 0, 0, "blue"), 0.0], [2 / 3, 1 / 3]), abs=1e-5)
    else:
        assert 0 < first.sum < against(played, 0, 0, "blue", estimator=estimator)


def test_a_reply_that_could_not_have_been_another_gains_exactly_nothing(make_policy: MakePolicy) -> None:
    played = play(make_policy(), [ask("red", "small")])
    episode = with_alternatives(played.trajectories[0], 0, "red", "red")
    for estimator in ("sampled", "exact-kl"):
        for backend in BACKENDS:
            spec = {"counterfactual": "resample", "estimator": estimator, "backend": backend}
            gain = gains_of(played, [episode], **spec)[0][0]
            assert gain is not None
            assert gain.sum == gain.value == 0.0


def test_resample_without_alternatives_says_what_to_do(make_policy: MakePolicy) -> None:
    played = play(make_policy())
    with pytest.raises(UserError, match=r"'resample'.*rollout\.alternatives.*'message'"):
        gains_of(played, counterfactual="resample")


def test_resample_asks_for_nothing_where_nothing_is_scored(make_policy: MakePolicy) -> None:
    """A policy that stopped asking must not stop a run."""
    script = Script(opening="Hi.", actions=[3], answers=[])
    played = play(make_policy(), [script, script])
    assert gains_of(played, counterfactual="resample") == [[None], [None]]


def test_a_check_of_episodes_without_alternatives_beside_others_finds_nothing_to_check(make_policy: MakePolicy) -> None:
    played = play(make_policy(), [ask("red"), ask("blue")])
    episodes = [with_alternatives(played.trajectories[0], 0, "gray"), played.trajectories[1]]
    spec = GainSpec(counterfactual="resample")
    assert check_backends(played.policy, episodes, spec=spec, cache=played.handle, rows={1}) is None
    assert check_backends(played.policy, episodes, spec=spec, cache=played.handle) is not None


def test_alternatives_of_another_shape_are_none(make_policy: MakePolicy) -> None:
    played = play(make_policy(), [ask("red", "small")])
    episode = with_alternatives(played.trajectories[0], 1, "large")
    both = (Message(role="user", content="red"), Message(role="user", content="small"))
    turns = (replace(episode.turns[0], alternatives=(both,)), *episode.turns[1:])
    found = gains_of(played, [replace(episode, turns=turns)], counterfactual="resample")[0]
    assert [gain is not None for gain in found] == [False, True, False]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("counterfactual", ["swap", "resample"])
def test_episodes_that_are_not_scored_still_lend_their_replies(
    make_policy: MakePolicy, backend: Backend, counterfactual: Any
) -> None:
    played = play(make_policy(), [ask("red"), ask("blue")])
    first, second = of_tasks(played, ["one", "two"])
    episodes = [with_alternatives(first, 0, "gray"), second]  # of another environment: nobody was asked for the second

    def scored(rows: set[int] | None) -> list[list[float | None]]:
        spec = GainSpec(counterfactual=counterfactual)
        gains = information_gain(played.policy, episodes, spec=spec, backend=backend, cache=played.handle, rows=rows)
        return [[None if gain is None else gain.sum for gain in turns] for turns in gains]

    whole = scored(None)
    for row in (0, 1):
        found = scored({row})
        assert found[row] == pytest.approx(whole[row], abs=1e-5)
        assert not any(found[1 - row])
    assert not any(value for turns in scored(set()) for value in turns)
    assert [any(value is not None for value in turns) for turns in whole] == [True, counterfactual == "swap"]


# --- placeholders


@pytest.mark.parametrize("counterfactual", ["message", "fill"])
@pytest.mark.parametrize("estimator", ["sampled", "exact-kl"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_gains_against_several_placeholders_are_averaged(
    make_policy: MakePolicy, backend: Backend, estimator: str, counterfactual: str
) -> None:
    played = play(make_policy())
    spec = {"counterfactual": counterfactual, "estimator": estimator, "backend": backend}
    texts = ("No information found.", "I do not know", "?")
    each = [gains_of(played, placeholders=(text,), **spec) for text in texts]
    together = gains_of(played, placeholders=texts, **spec)
    for row, gains in enumerate(together):
        for turn, gain in enumerate(gains):
            parts = [one[row][turn] for one in each]
            if gain is None:
                assert parts == [None] * 3
            else:
                assert gain.value == pytest.approx(sum(part.value for part in parts if part) / 3, abs=1e-5)
    twice = gains_of(played, placeholders=(texts[0], texts[0]), **spec)
    assert [[gain and gain.value for gain in row] for row in twice] == [
        [gain and pytest.approx(gain.value, abs=1e-5) for gain in row] for row in each[0]
    ]


# --- what is scored: after the thought, and up to the horizon


@pytest.mark.parametrize("backend", BACKENDS)
def test_after_the_thought(make_policy: MakePolicy, backend: Backend) -> None:
    thoughts = ["", "<think>red</think>", "", "<think>it never"]
    played = play(make_policy(), [ask("red", "small", "cheap", thoughts=thoughts), ask("blue")])
    whole = gains_of(played, backend=backend)
    part = gains_of(played, backend=backend, score_part="after-thought")
    first, second, third, _ = part[0]
    assert first is not None
    assert whole[0][0] is not None
    assert first.tokens == 2  # what is left of the next action behind its thought
    assert whole[0][0].tokens == 2 + len(thoughts[1])
    assert first.sum != pytest.approx(whole[0][0].sum, abs=1e-3)
    assert third is None  # nothing but a thought that was never closed
    assert whole[0][2] is not None
    for found, expected in ((second, whole[0][1]), (part[1][0], whole[1][0])):  # no thought: the same gain
        assert found is not None
        assert expected is not None
        assert found.tokens == expected.tokens
        assert found.sum == pytest.approx(expected.sum, abs=1e-5)


def test_after_the_thought_is_the_rest_of_the_whole(make_policy: MakePolicy) -> None:
    """Token by token: the summed gain of the action is that of its thought and of what follows."""
    played = play(make_policy(), [ask("red", thoughts=["", "<think>red</think>"])])
    episode = played.trajectories[0]
    after = episode.turns[1]
    closed = after.action.start + len("<think>red</think>")
    thought = replace(after, action=Span(start=after.action.start, end=closed))
    alone = gains_of(played, [replace(episode, turns=(episode.turns[0], thought))])[0][0]
    whole, rest = gains_of(played)[0][0], gains_of(played, score_part="after-thought")[0][0]
    assert alone is not None
    assert whole is not None
    assert rest is not None
    assert whole.sum == pytest.approx(alone.sum + rest.sum, abs=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_horizon_is_clipped_at_the_last_action(make_policy: MakePolicy, backend: Backend) -> None:
    played = play(make_policy())
    by_horizon: dict[Any, list[list[TurnGain | None]]] = {
        horizon: gains_of(played, backend=backend, horizon=horizon) for horizon in (1, 2, 3, 9, "all")
    }
    for row, script in enumerate(SCRIPTS):
        for turn in range(len(script.actions)):
            for horizon, found in by_horizon.items():
                gain = found[row][turn]
                later = script.actions[turn + 1 :][: None if horizon == "all" else horizon]
                if not later:
                    assert gain is None
                    continue
                assert gain is not None
                assert gain.tokens == sum(map(abs, later))
                assert gain.partial == (later[-1] < 0)
    assert by_horizon[3] == by_horizon[9] == by_horizon["all"]
    assert by_horizon[1] != by_horizon[2] != by_horizon[3]


def test_a_longer_horizon_adds_what_the_later_actions_owe_to_the_answer(make_policy: MakePolicy) -> None:
    played = play(make_policy(), [ask("red", "small")])
    episode = played.trajectories[0]
    one, both = gains_of(played)[0][0], gains_of(played, horizon="all")[0][0]
    ids, first, last = episode.token_ids, episode.turns[0], episode.turns[2]
    assert first.observation_block is not None
    other = played.policy.renderer.counterfactual(episode.messages[2:3], "No information found.").ids
    told = []
    for block in (ids[first.observation_block.start : first.observation_block.end], other):
        history = [*ids[: first.observation_block.start], *block, *ids[first.observation_block.end : last.action.end]]
        with torch.no_grad():
            logprobs = played.policy.model(input_ids=torch.tensor([history])).logits[0].double().log_softmax(-1)
        start = len(history) - len(last.action)
        told.append(sum(float(logprobs[at - 1, history[at]]) for at in range(start, len(history))))
    assert one is not None
    assert both is not None
    assert both.sum == pytest.approx(one.sum + told[0] - told[1], abs=1e-5)


def test_partial_speaks_of_the_last_action_that_is_scored(make_policy: MakePolicy) -> None:
    """An action of no tokens, as a full context leaves it, is not scored and makes nothing partial."""
    played = play(make_policy(), [ask("red", "small")])
    episode = played.trajectories[0]
    end = episode.turns[2].action.start
    nothing = replace(episode.turns[2], action=Span(start=end, end=end), complete=False)
    first, second, third = gains_of(played, [replace(episode, turns=(*episode.turns[:2], nothing))], horizon="all")[0]
    assert first is not None
    assert first.tokens == 2
    assert not first.partial
    assert second is None
    assert third is None


# --- failures are errors


def spoilt(policy: LanguageModel, value: float) -> None:
    """One token of the opening of task-2 alone is read as this."""
    only = policy.renderer.text("q")
    with torch.no_grad():
        policy.model.get_input_embeddings().weight[list(only)] = value


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("estimator", ["sampled", "exact-kl"])
@pytest.mark.parametrize("counterfactual", ["message", "fill", "drop", "swap", "resample"])
@pytest.mark.parametrize("backend", ["separate", "tree"])
def test_a_gain_that_is_no_number_names_its_task(
    make_policy: MakePolicy, backend: Backend, counterfactual: str, estimator: str, value: float
) -> None:
    policy = make_policy("llama")
    played = play(policy, [*SCRIPTS, replace(SCRIPTS[2], opening="Book it.")])
    episodes = [with_alternatives(one, 0, "a", "b") if len(one.turns) > 1 else one for one in played.trajectories]
    assert gains_of(played, episodes, counterfactual=counterfactual, estimator=estimator, backend=backend)[2][0]
    spoilt(policy, value)
    with pytest.raises(InfopoError, match=r"task task-2, episode 2, turn 1: the information gain is (nan|-?inf)"):
        gains_of(played, episodes, counterfactual=counterfactual, estimator=estimator, backend=backend)


@pytest.mark.parametrize("estimator", ["sampled", "exact-kl"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_keys_that_are_no_numbers_are_no_zero_either(make_policy: MakePolicy, estimator: str, value: float) -> None:
    played = play(make_policy())
    with torch.no_grad():
        played.handle.cache.layers[1].values[1] = value
    with pytest.raises(InfopoError, match=r"task task-1, episode 1, turn 1: the information gain is (nan|-?inf)"):
        gains_of(played, backend="kv", estimator=estimator)


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_a_recorded_log_probability_that_is_no_number(make_policy: MakePolicy, value: float) -> None:
    played = play(make_policy())
    episode = played.trajectories[0]
    logprobs = list(episode.logprobs)
    logprobs[episode.turns[2].action.start] = value
    with pytest.raises(InfopoError, match=r"task task-0, episode 0, turn 2: the information gain is"):
        gains_of(played, [replace(episode, logprobs=tuple(logprobs))], backend="kv")


@pytest.mark.parametrize("counterfactual", ["message", "swap"])
def test_infinities_of_both_signs_are_not_a_number(counterfactual: Any) -> None:
    """Not a bare error either: the caller adds which task it was."""
    spec = GainSpec(counterfactual=counterfactual)
    impossible = -math.inf
    assert math.isnan(turn_gain([impossible, -1.0], [[-1.0, impossible]], spec=spec).value)
    assert not math.isfinite(turn_gain([impossible, -1.0], [[-1.0, impossible], [-1.0, -1.0]], spec=spec).value)
    assert not math.isfinite(turn_gain([impossible], [[-1.0], [-2.0]], spec=spec).value)
    assert not math.isfinite(turn_gain([-1.0], [[impossible]], spec=spec).value)


def test_one_impossible_reply_of_a_mixture_is_no_failure() -> None:
    """It weighs nothing; against a placeholder it is one."""
    told, edited = [-1.0], [[-math.inf], [-1.0]]
    assert turn_gain(told, edited, spec=GainSpec(counterfactual="resample")).value == pytest.approx(math.log(2))
    assert turn_gain(told, edited, spec=GainSpec()).value == math.inf
