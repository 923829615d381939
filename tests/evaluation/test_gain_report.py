"""Gain reports: the statistics against numbers worked out by hand, the report against `information_gain` itself."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infopo.core import (
    Failure,
    Message,
    RecordError,
    RecordWriter,
    StopReason,
    Trajectory,
    UserError,
    read_records,
    trajectory_to_record,
)
from infopo.envs import make_expert
from infopo.evaluation import evaluate_sampler
from infopo.evaluation import gain_report as module
from infopo.evaluation.gain_report import (
    Episode,
    GainReport,
    factual_noise,
    gain_report,
    larger,
    noise_floor,
    read_episodes,
)
from infopo.evaluation.gain_statistics import Columns, Distribution, Highest, Running
from infopo.gain import GainSpec, TurnGain, information_gain
from infopo.rollout import RolloutConfig
from infopo.samplers.load import load_policy
from infopo.samplers.scripted import ScriptedSampler
from infopo.testing.tiny import tiny_folder

NUMBERS = st.floats(-100, 100, allow_nan=False)
TWO = ("No information found.", "I don't know.")


# -- statistics


def test_a_distribution_worked_out_by_hand() -> None:
    running = Running()
    assert running.result() is None
    running.add(2.0)
    assert running.result() == Distribution(n=1, mean=2.0, std=None, negative=0.0, low=2.0, high=2.0)
    for value in (-1.0, 0.0, 3.0):
        running.add(value)
    # mean 1; deviations 1, -2, -1, 2; squares sum to 10
    found = running.result()
    assert found is not None
    assert found.std == pytest.approx(math.sqrt(10 / 3))
    assert (found.n, found.mean, found.negative, found.low, found.high) == (4, 1.0, 0.25, -1.0, 3.0)


def test_columns_worked_out_by_hand() -> None:
    columns = Columns(3)
    columns.add(np.array([[1.0, 2.0, 4.0], [2.0, 4.0, 4.0]]))
    columns.add(np.empty((0, 3)))
    columns.add(np.array([[3.0, 6.0, 4.0]]))
    assert [columns.mean(index) for index in range(3)] == pytest.approx([2.0, 4.0, 4.0])
    assert columns.correlation(0, 1) == pytest.approx(1.0)
    assert columns.correlation(0, 2) is None  # the last column never varies
    assert columns.difference(0, 1) == pytest.approx((1 + 2 + 3) / 3)
    # deviations of (2, 4), (4, 4), (6, 4)
    assert columns.inside() == pytest.approx((math.sqrt(2) + 0 + math.sqrt(2)) / 3)


@settings(max_examples=40)
@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=2, max_size=40), st.integers(1, 7))
def test_columns_do_not_depend_on_how_the_stream_is_cut(rows: list[tuple[float, ...]], size: int) -> None:
    values, columns = np.array(rows), Columns(3)
    for start in range(0, len(rows), size):
        columns.add(values[start : start + size])
    assert columns.mean(1) == pytest.approx(values[:, 1].mean(), abs=1e-9)
    assert columns.std(1) == pytest.approx(values[:, 1].std(ddof=1), abs=1e-6)
    assert columns.difference(0, 2) == pytest.approx(np.abs(values[:, 0] - values[:, 2]).mean(), abs=1e-9)
    if min(values.std(axis=0)) > 1e-3:
        assert columns.correlation(0, 1) == pytest.approx(np.corrcoef(values.T)[0, 1], abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 6))), st.integers(1, 4))
def test_the_highest_of_a_stream_are_those_of_the_whole(stream: list[tuple[int, int]], size: int) -> None:
    highest = Highest[int, int](size)
    best: dict[int, tuple[int, int]] = {}
    for number, (value, key) in enumerate(stream):
        highest.add(value, key, number)
        if key not in best or value > best[key][0]:
            best[key] = (value, number)
    ranked = sorted(best.items(), key=lambda one: (-one[1][0], one[1][1]))[:size]
    assert list(highest.items().items()) == [(key, number) for key, (_, number) in ranked]


def test_shares_by_size_and_the_noise_floor() -> None:
    gains = np.array([-2.0, 1.0, 3.0, 0.0])
    assert (larger(gains, 1.5), larger(gains, None), larger(np.array([]), 1.0)) == (0.5, None, None)
    noise = noise_floor([0.0, 1.0, 2.0], gains, "float32")
    assert noise is not None
    assert (noise.n, noise.mean, noise.largest) == (3, 1.0, 2.0)
    assert noise.floor == pytest.approx(1.9)  # 95 % of the way from the first to the last of three
    assert noise.below == 0.5  # of 1 and 0
    assert noise_floor([], gains, "float32") is None


# -- a real run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def policy(folder: Path) -> Any:
    return load_policy(str(folder))


@pytest.fixture(scope="module")
def stranger(model_folder: Path) -> Any:
    """A policy with another tokenizer."""
    return load_policy(str(model_folder))


def repeats(messages: tuple[Message, ...]) -> str:
    """The expert that asks for everything, but asks its first question twice."""
    act = make_expert("toy/slots", "full").act
    said = [index for index, message in enumerate(messages) if message.role == "assistant"]
    if not said:
        return act(messages)
    return messages[said[0]].content if len(said) == 1 else act(messages)


@pytest.fixture(scope="module")
def played(policy: Any) -> list[Trajectory]:
    """Six episodes of four actions each: two questions, one of them twice, and an answer."""
    sampler = ScriptedSampler(policy.renderer, lambda slot, messages: repeats(messages))
    config = RolloutConfig(max_new_tokens=256)
    return list(evaluate_sampler(sampler, env="toy/slots", episodes=6, config=config).trajectories)


def stream(trajectories: list[Trajectory]) -> Iterator[Episode]:
    return (Episode(line=line, step=0, trajectory=one) for line, one in enumerate(trajectories, start=1))


@pytest.fixture(scope="module")
def gains(policy: Any, played: list[Trajectory]) -> list[list[TurnGain | None]]:
    return information_gain(policy, played)


@pytest.fixture(scope="module")
def report(policy: Any, played: list[Trajectory]) -> GainReport:
    return gain_report(policy, stream(played), placeholders=TWO, clip=0.1)


def test_the_gains_are_those_of_information_gain(
    report: GainReport, played: list[Trajectory], gains: list[list[TurnGain | None]]
) -> None:
    scored = [
        (t.turns[k], k, gain.value) for t, row in zip(played, gains, strict=True) for k, gain in enumerate(row) if gain
    ]
    values = [value for _, _, value in scored]
    assert (report.episodes, report.failed, report.turns, report.partial) == (6, 0, 24, 0)
    assert report.overall is not None
    assert report.overall.n == len(values) == 18
    assert report.overall.mean == pytest.approx(fmean(values), abs=1e-6)
    assert report.overall.std == pytest.approx(stdev(values), abs=1e-6)
    assert report.overall.negative == fmean(value < 0 for value in values)
    assert report.quantiles["50 %"] == pytest.approx(float(np.median(values)), abs=1e-6)
    assert report.beyond_three_sigma == fmean(abs(value) > 3 * stdev(values) for value in values)
    assert report.clipped == fmean(abs(value) > 0.1 for value in values)
    assert list(report.by_turn) == ["1", "2", "3"]
    second = [value for _, k, value in scored if k == 1]
    assert report.by_turn["2"].mean == pytest.approx(fmean(second), abs=1e-6)
    assert {name: part.n for name, part in report.by_feedback.items()} == {"user": 18}
    revealed = [value for turn, _, value in scored if turn.facts and turn.facts.revealed]
    assert {name: part.n for name, part in report.by_facts.items()} == {
        "revealed": 12,
        "not revealed": 6,
        "repeated": 6,
    }
    assert report.by_facts["revealed"].mean == pytest.approx(fmean(revealed), abs=1e-6)


def test_the_top_replies_are_shown_with_what_was_asked_and_done(
    report: GainReport, played: list[Trajectory], gains: list[list[TurnGain | None]]
) -> None:
    value, row, turn = max((g.value, i, k) for i, turns in enumerate(gains) for k, g in enumerate(turns) if g)
    best, trajectory = report.top[0], played[row]
    assert best.gain == pytest.approx(value, abs=1e-6)
    assert (best.task_id, best.turn) == (trajectory.task_id, turn + 1)
    first = trajectory.turns[turn].action_message
    said = [message.content for message in trajectory.messages[first : first + 3]]
    assert [best.action, best.reply, best.next_action] == said
    ordered = [reply.gain for reply in report.top]
    assert ordered == sorted(ordered, reverse=True)
    assert len({(reply.task_id, reply.reply) for reply in report.top}) == len(report.top) == 10
    lowest = [reply.gain for reply in report.bottom]
    assert lowest == sorted(lowest)
    assert len(lowest) == 5
    assert lowest[0] == pytest.approx(report.overall.low if report.overall else None)


def test_the_placeholders_are_compared_with_the_gain_reply_by_reply(
    policy: Any, report: GainReport, played: list[Trajectory], gains: list[list[TurnGain | None]]
) -> None:
    other = information_gain(policy, played, spec=GainSpec(placeholders=(TWO[1],)))
    pairs = [
        (a.value, b.value) for x, y in zip(gains, other, strict=True) for a, b in zip(x, y, strict=True) if a and b
    ]
    assert report.placeholders is not None
    own, second = report.placeholders.placeholders
    assert (own.text, own.correlation, own.mean_abs_difference, own.top_kept) == (TWO[0], pytest.approx(1.0), 0.0, 10)
    assert second.mean == pytest.approx(fmean(b for _, b in pairs), abs=1e-6)
    assert second.mean_abs_difference == pytest.approx(fmean(abs(a - b) for a, b in pairs), abs=1e-6)
    assert second.correlation == pytest.approx(np.corrcoef(np.array(pairs).T)[0, 1], abs=1e-4)
    assert report.placeholders.lowest_correlation == second.correlation
    assert report.placeholders.within_reply_std == pytest.approx(fmean(map(stdev, pairs)), abs=1e-6)
    assert 0 <= second.top_kept <= report.placeholders.top == 10


def test_a_gain_under_several_placeholders_is_not_scored_twice_and_is_the_same(
    policy: Any, played: list[Trajectory]
) -> None:
    spec = GainSpec(placeholders=TWO, reduction="sum")
    expected = [gain.value for row in information_gain(policy, played, spec=spec) for gain in row if gain]
    found = gain_report(policy, stream(played), spec=spec, placeholders=("Okay.",))
    assert found.overall is not None
    assert found.overall.mean == pytest.approx(fmean(expected), abs=1e-5)
    assert found.placeholders is not None
    assert [one.text for one in found.placeholders.placeholders] == ["Okay."]
    assert (found.placeholders.within_reply_std, found.placeholders.lowest_correlation) == (None, None)


def test_episodes_are_held_a_batch_at_a_time_and_the_batch_changes_nothing(
    policy: Any, played: list[Trajectory], report: GainReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 4)
    pulled = 0

    def watched() -> Iterator[Episode]:
        nonlocal pulled
        for episode in stream(played):
            pulled += 1
            yield episode

    seen: list[tuple[int, int, int]] = []
    found = gain_report(
        policy, watched(), placeholders=TWO, on_progress=lambda line, count: seen.append((line, count, pulled))
    )
    assert seen == [(4, 4, 4), (6, 6, 6)]
    assert found.overall is not None
    assert report.overall is not None
    assert found.overall.mean == pytest.approx(report.overall.mean, abs=1e-6)
    assert found.overall.std == pytest.approx(report.overall.std, abs=1e-6)
    assert [reply.reply for reply in found.top] == [reply.reply for reply in report.top]


def test_broken_episodes_are_counted_and_enter_nothing(
    policy: Any, played: list[Trajectory], report: GainReport
) -> None:
    failure = Failure(kind="timeout", where="step", detail="")
    broken = replace(played[0], outcome=None, failure=failure, stop_reason=StopReason.FAILED)
    found = gain_report(policy, stream([broken, *played]), placeholders=TWO, clip=0.1)
    assert (found.episodes, found.failed) == (7, 1)
    assert (found.turns, found.by_turn, found.top) == (report.turns, report.by_turn, report.top)
    nothing = gain_report(policy, stream([broken]))
    assert (nothing.episodes, nothing.failed, nothing.overall, nothing.noise) == (1, 1, None, None)


def test_where_no_reply_can_be_scored_nothing_is_claimed(policy: Any, played: list[Trajectory]) -> None:
    asked_once = [replace(trajectory, turns=trajectory.turns[:1]) for trajectory in played]
    found = gain_report(policy, stream(asked_once), clip=1.0)
    assert (found.episodes, found.turns) == (6, 6)
    nothing = (found.overall, found.beyond_three_sigma, found.clipped, found.placeholders, found.noise)
    assert nothing == (None,) * 5
    assert (found.by_turn, found.by_facts, found.quantiles, found.top, found.bottom) == ({}, {}, {}, (), ())


@pytest.mark.parametrize("counterfactual", ["swap", "drop"])
def test_a_counterfactual_without_placeholder_has_no_spread(
    policy: Any, played: list[Trajectory], counterfactual: Any
) -> None:
    found = gain_report(policy, stream(played), spec=GainSpec(counterfactual=counterfactual))
    assert found.placeholders is None
    assert found.overall is not None
    assert found.overall.n == 18


@pytest.mark.parametrize(
    "spec", [GainSpec(), GainSpec(estimator="exact-kl"), GainSpec(counterfactual="swap", horizon=2)]
)
def test_a_history_against_itself_gains_rounding_alone(policy: Any, played: list[Trajectory], spec: GainSpec) -> None:
    noise = factual_noise(policy, played, spec=spec)
    assert len(noise) == 18
    assert 0 < max(map(abs, noise)) < 1e-5


def test_the_noise_floor_is_that_of_the_dtype(folder: Path, played: list[Trajectory], report: GainReport) -> None:
    coarse = gain_report(load_policy(str(folder), dtype="bfloat16"), stream(played), placeholders=())
    assert coarse.noise is not None
    assert report.noise is not None
    assert (coarse.noise.dtype, coarse.noise.n, report.noise.dtype) == ("bfloat16", 18, "float32")
    assert 1e-4 < coarse.noise.mean < 1e-1
    assert report.noise.largest < 1e-5
    assert coarse.placeholders is None


def test_positions_that_are_not_relative_are_not_moved(folder: Path, played: list[Trajectory]) -> None:
    other = load_policy(str(folder), dtype="bfloat16")
    moved = factual_noise(other, played)
    other.config.rope_parameters = None
    assert max(map(abs, factual_noise(other, played))) < max(map(abs, moved))


def test_another_tokenizer_is_refused_as_information_gain_does(stranger: Any, played: list[Trajectory]) -> None:
    with pytest.raises(UserError, match="score with the tokenizer") as expected:
        information_gain(stranger, played)
    with pytest.raises(UserError) as found:
        gain_report(stranger, stream(played))
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize("counterfactual", ["fill", "drop"])
def test_another_tokenizer_is_noticed_where_nothing_is_rendered(
    stranger: Any, policy: Any, played: list[Trajectory], counterfactual: Any
) -> None:
    spec = GainSpec(counterfactual=counterfactual)
    with pytest.raises(UserError, match="reads the recorded tokens as other text"):
        gain_report(stranger, stream(played), spec=spec)
    beyond = replace(played[0], token_ids=(*played[0].token_ids[:-1], 10**6))
    with pytest.raises(UserError, match="reads the recorded tokens as other text"):
        gain_report(policy, stream([beyond]), spec=spec)


def test_an_episode_longer_than_the_model_is_refused(folder: Path, played: list[Trajectory]) -> None:
    short = load_policy(str(folder))
    short.config.max_position_embeddings = len(played[0].token_ids) - 1
    with pytest.raises(UserError, match=r"episode 0: \d+ tokens, but the model was made for"):
        gain_report(short, stream(played))


# -- records


@pytest.fixture
def records(played: list[Trajectory], tmp_path: Path) -> Path:
    """Three episodes of each of the steps 1 to 4."""
    path = tmp_path / "trajectories.jsonl"
    with RecordWriter(path) as writer:
        for number, trajectory in enumerate([*played, *played]):
            step = 1 + number // 3
            writer.append(trajectory_to_record(trajectory, run="r", step=step, gains=None, advantages=None))
    return path


@pytest.mark.parametrize(
    ("asked", "lines"),
    [
        ({}, range(1, 13)),
        ({"first": 2, "last": 3}, range(4, 10)),
        ({"first": 4}, range(10, 13)),
        ({"last": 1}, range(1, 4)),
        ({"first": 2, "limit": 2}, range(4, 6)),
        ({"limit": 100}, range(1, 13)),
    ],
)
def test_episodes_of_some_steps(records: Path, played: list[Trajectory], asked: Any, lines: range) -> None:
    found = list(read_episodes(records, **asked))
    assert [episode.line for episode in found] == list(lines)
    assert [episode.trajectory for episode in found] == [played[(line - 1) % 6] for line in lines]
    assert [episode.step for episode in found] == [1 + (line - 1) // 3 for line in lines]


def test_steps_that_are_not_there_are_said(records: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no episode of steps 7 to 9; it holds steps 1 to 4"):
        list(read_episodes(records, first=7, last=9))
    with pytest.raises(UserError, match="no episode from step 5 on"):
        list(read_episodes(records, first=5))
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(UserError, match="recorded no episode"):
        list(read_episodes(tmp_path / "empty.jsonl"))


def test_a_torn_last_line_is_left_out_and_damage_elsewhere_is_placed(records: Path) -> None:
    lines = records.read_text().splitlines(keepends=True)
    records.write_text("".join(lines[:5]) + lines[5][:40])
    assert len(list(read_episodes(records))) == 5
    records.write_text("".join([*lines[:2], lines[2].replace("1", "2", 40), *lines[3:]]))
    assert len(list(read_episodes(records, limit=2))) == 2  # what comes later is not read
    readable = read_episodes(records)
    assert len(list(islice(readable, 2))) == 2
    with pytest.raises(RecordError, match=r"trajectories\.jsonl, line 3: "):
        next(readable)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data.pop("turns"), "line 2: not a trajectory record: field 'turns' is missing"),
        (lambda data: data.pop("step"), "line 2: not a trajectory record: field 'step'"),
        (lambda data: data["token_ids"].pop(), "line 2: not a trajectory record: task .* one length"),
    ],
)
def test_a_record_of_something_else_is_placed(records: Path, change: Callable[[Any], None], said: str) -> None:
    rows = list(read_records(records))
    change(rows[1])
    other = records.with_name("other.jsonl")
    with RecordWriter(other) as writer:
        for row in rows:
            writer.append(row)
    with pytest.raises(RecordError, match=rf"other\.jsonl, {said}"):
        list(read_episodes(other))
