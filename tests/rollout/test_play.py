"""Token truth of a rollout: an episode is a concatenation, and its spans say exactly which part is what."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infopo.core import StopReason, Trajectory
from infopo.envs import make_env
from infopo.rollout import TaskSpec
from infopo.samplers.base import Generated, Request, Session
from infopo.samplers.hf import HFSampler
from infopo.samplers.scripted import ScriptedSampler
from infopo.testing.tiny import tiny_folder, tiny_policy
from infopo.tokens import Renderer
from infopo.tokens.language_model import LanguageModel

from .conftest import episodes, play, slot_tasks

PROPERTY = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TRAVEL = {"difficulty": "nano", "max_turns": 4, "unanswered": 0.3}


def travel_tasks(count: int, *, seed: int = 0, **options: Any) -> list[TaskSpec]:
    return [
        TaskSpec(env_id="usergym/travel", task=seed + index, seed=seed, options=TRAVEL | options)
        for index in range(count)
    ]


def check_tokens(one: Trajectory, renderer: Renderer) -> None:
    """Everything that must hold for the ids, masks and spans of any episode that did not fail."""
    ids, messages = one.token_ids, one.messages
    actions = {position for turn in one.turns for position in range(turn.action.start, turn.action.end)}
    assert {position for position, sampled in enumerate(one.sampled) if sampled} == actions
    assert sum(len(turn.action) for turn in one.turns) == len(actions), "actions overlap"
    assert [value is not None for value in one.logprobs] == list(one.sampled)
    first = one.turns[0].action_message if one.turns else len(messages)
    rebuilt = list(renderer.opening(messages[:first]).ids)
    for number, turn in enumerate(one.turns):
        last = number == len(one.turns) - 1
        assert turn.action.start == len(rebuilt)
        assert len(turn.action) >= 1
        action = ids[turn.action.start : turn.action.end]
        assert turn.complete == (action[-1] in renderer.stop_ids)
        assert renderer.action(action) == messages[turn.action_message]
        rebuilt += action
        end = len(messages) if last else one.turns[number + 1].action_message
        answers = messages[turn.action_message + 1 : end]
        if last:
            assert turn.observation_block is None
            assert turn.observation == ()
            continue
        rebuilt += renderer.close_action(action)
        block = renderer.observation(answers)
        assert turn.observation_block is not None
        assert (turn.observation_block.start, len(turn.observation_block)) == (len(rebuilt), len(block.ids))
        rebuilt += block.ids
        for span, message in zip(turn.observation, answers, strict=True):
            assert turn.observation_block.start <= span.start <= span.end <= turn.observation_block.end
            # An unfinished action of this very text has the ids of the content: decoding is the renderer's own.
            assert renderer.action(ids[span.start : span.end]).content == message.content
    assert tuple(rebuilt) == ids


@PROPERTY
@given(seed=st.integers(0, 2000))
def test_slots_episodes_are_concatenations(
    slots_policy: LanguageModel, slots_options: dict[str, Any], seed: int
) -> None:
    options = slots_options | {"slots": 2, "values": 3, "unanswered": 0.3}
    for one in episodes(play(slots_policy, slot_tasks(2, options, seed=seed % 50))):
        check_tokens(one, slots_policy.renderer)


@PROPERTY
@given(seed=st.integers(0, 2000), most=st.integers(1, 20), turns=st.integers(1, 4))
def test_travel_episodes_of_a_babbler_are_concatenations(
    babbler: LanguageModel, seed: int, most: int, turns: int
) -> None:
    batch = play(babbler, travel_tasks(2, seed=seed), group_size=2, max_new_tokens=most, max_turns=turns)
    for one in episodes(batch):
        check_tokens(one, babbler.renderer)
        assert len(one.turns) <= turns
        assert all(len(turn.action) <= most for turn in one.turns)


def test_an_expert_plays_through_the_same_rollout(slots_policy: LanguageModel) -> None:
    from infopo.envs import make_expert

    tasks = travel_tasks(4, max_turns=16, unanswered=0.0)
    experts = [make_expert("usergym/travel", "full", seed=k, **tasks[k].options) for k in range(4)]
    sampler = ScriptedSampler(slots_policy.renderer, lambda slot, messages: experts[slot].act(messages))
    for one in episodes(play(sampler, tasks, group_size=1, max_new_tokens=500)):
        assert one.outcome is not None
        assert one.outcome.success
        assert one.stop_reason == StopReason.DONE
        assert one.hidden
        assert set(one.hidden) == {fact for turn in one.turns if turn.facts for fact in turn.facts.revealed}
        check_tokens(replace(one, logprobs=tuple(0.0 if flag else None for flag in one.sampled)), sampler.renderer)


class Recorder:
    """A sampler that notes what it is asked, and lets another one write."""

    def __init__(self, inner: HFSampler) -> None:
        self.inner = inner
        self.renderer, self.max_length = inner.renderer, inner.max_length
        self.asked: list[list[tuple[int, tuple[int, ...], tuple[str, ...]]]] = []

    def open(self, slots: int) -> Session:
        session, recorder = self.inner.open(slots), self

        class Recording:
            cache = session.cache
            stored = staticmethod(session.stored)

            async def generate(self, requests: Sequence[Request]) -> list[Generated]:
                recorder.asked.append(
                    [(r.slot, tuple(r.token_ids), tuple(m.content for m in r.messages)) for r in requests]
                )
                return await session.generate(requests)

        return Recording()


def test_every_request_extends_the_one_before(babbler: LanguageModel) -> None:
    recorder = Recorder(HFSampler(babbler))
    batch = play(recorder, travel_tasks(3))
    assert len(recorder.asked) == TRAVEL["max_turns"]
    before: dict[int, tuple[tuple[int, ...], tuple[str, ...]]] = {}
    for requests in recorder.asked:
        assert [slot for slot, _, _ in requests] == sorted({slot for slot, _, _ in requests})
        for slot, ids, texts in requests:
            if slot in before:
                old_ids, old_texts = before[slot]
                assert ids[: len(old_ids)] == old_ids
                assert len(ids) > len(old_ids)
                assert texts[: len(old_texts)] == old_texts
            before[slot] = ids, texts
    for slot, one in enumerate(episodes(batch)):
        assert one.token_ids[: len(before[slot][0])] == before[slot][0]


def test_nothing_hidden_is_written_to_the_policy(slots_policy: LanguageModel, slots_options: dict[str, Any]) -> None:
    """Two tasks that differ in their hidden value alone begin with the same ids."""
    starts: dict[str, set[tuple[int, ...]]] = {}
    values: dict[str, set[str | None]] = {}
    for one in episodes(play(slots_policy, slot_tasks(10, slots_options), group_size=1)):
        opening = one.messages[0].content
        starts.setdefault(opening, set()).add(one.token_ids[: one.turns[0].action.start])
        values.setdefault(opening, set()).add(one.reference_answer)
    assert any(len(found) > 1 for found in values.values())
    assert all(len(found) == 1 for found in starts.values())


def test_a_cut_action_is_closed_by_a_token_that_was_not_sampled(babbler: LanguageModel) -> None:
    cut = 0
    for one in episodes(play(babbler, travel_tasks(2), max_new_tokens=2)):
        for turn in one.turns[:-1]:
            if turn.complete:
                continue
            cut += 1
            assert turn.observation_block is not None
            between = range(turn.action.end, turn.observation_block.start)
            assert tuple(one.token_ids[k] for k in between) == babbler.renderer.end_of_turn
            assert not any(one.sampled[k] for k in between)
    assert cut > 5


def test_limits_on_turns(babbler: LanguageModel) -> None:
    ours = episodes(play(babbler, travel_tasks(2), max_turns=2))
    assert {one.stop_reason for one in ours} == {StopReason.TURN_LIMIT}
    assert {len(one.turns) for one in ours} == {2}
    assert all(one.outcome is not None for one in ours)
    theirs = episodes(play(babbler, travel_tasks(2), max_turns=99))
    assert {one.stop_reason for one in theirs} == {StopReason.TRUNCATED}
    assert {len(one.turns) for one in theirs} == {TRAVEL["max_turns"]}


@pytest.mark.parametrize("spare", [1, 3, 30, 70])
def test_the_limit_on_tokens(babbler: LanguageModel, spare: int) -> None:
    opening = len(episodes(play(babbler, travel_tasks(1), group_size=1, max_turns=1))[0].token_ids) - 12
    sampler = HFSampler(babbler)
    sampler.max_length = opening + 12 + spare
    found = episodes(play(sampler, travel_tasks(1, max_turns=16), group_size=6, max_new_tokens=12))
    assert StopReason.TOKEN_LIMIT in {one.stop_reason for one in found}
    for one in found:
        assert len(one.token_ids) <= sampler.max_length
        assert one.outcome is not None
        check_tokens(one, babbler.renderer)


@pytest.mark.parametrize("room", [-5, 0, 1])
def test_an_opening_that_leaves_no_room_is_a_failure_not_a_score(
    slots_policy: LanguageModel, slots_options: dict[str, Any], room: int
) -> None:
    opening = play(slots_policy, slot_tasks(1, slots_options), group_size=1).groups[0].trajectories[0]
    sampler = HFSampler(slots_policy)
    sampler.max_length = opening.turns[0].action.start + room
    for one in episodes(play(sampler, slot_tasks(1, slots_options))):
        assert len(one.token_ids) <= max(sampler.max_length, opening.turns[0].action.start)
        assert len(one.turns) == max(0, room)
        # The policy had no part in it: that is a failure, and no score.
        assert (one.failure is not None) == (room < 1)
        assert (one.outcome is None) == (room < 1)
        check_tokens(one, slots_policy.renderer)


def test_a_model_with_spare_embeddings_may_write_ids_that_mean_nothing(tmp_path: Any) -> None:
    policy = tiny_policy(tiny_folder(tmp_path, env_id="usergym/travel", vocab_size=4096))
    found = episodes(play(policy, travel_tasks(2)))
    words = 420
    assert any(token >= words for one in found for token in one.token_ids)
    for one in found:
        check_tokens(one, policy.renderer)


def test_a_rollout_is_a_function_of_its_seeds(slots_policy: LanguageModel, slots_options: dict[str, Any]) -> None:
    tasks = slot_tasks(2, slots_options)
    one, same = (episodes(play(slots_policy, tasks)) for _ in range(2))
    assert one == same
    other = episodes(play(slots_policy, [replace(task, seed=task.seed + 1) for task in tasks]))
    assert [t.token_ids for t in other] != [t.token_ids for t in one]
    assert len({t.token_ids for t in one[:4]}) > 1, "the episodes of a group are drawn apart"
    assert len({t.seed for t in one}) == len(one)


def test_groups_come_back_in_order(slots_policy: LanguageModel, slots_options: dict[str, Any]) -> None:
    batch = play(slots_policy, slot_tasks(3, slots_options), group_size=2)
    assert [group.group_id for group in batch.groups] == ["g/0", "g/1", "g/2"]
    for index, group in enumerate(batch.groups):
        assert [t.episode for t in group.trajectories] == [0, 1]
        assert {t.group_id for t in group.trajectories} == {group.group_id}
        expected = make_env("toy/slots", task=index, **slots_options).task_id
        assert {t.task_id for t in group.trajectories} == {expected}


def test_the_cache_that_is_handed_on_holds_the_episodes(
    slots_policy: LanguageModel, slots_options: dict[str, Any]
) -> None:
    batch = play(slots_policy, slot_tasks(2, slots_options))
    assert batch.cache is not None
    for one in episodes(batch):
        held = batch.cache.stored[batch.cache.slots[one.group_id, one.episode]]
        assert held == one.token_ids[: len(held)]
        assert len(held) >= one.turns[-1].action.end - 1
