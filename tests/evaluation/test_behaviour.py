"""Behaviour against episodes worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infopo.core import TurnFacts
from infopo.evaluation import behaviour
from infopo.evaluation.behaviour import TurnGains, clarify_then_act, premature

from .worked import episode

ASK = TurnFacts(kind="ask", revealed=("a",), useful=True)
AGAIN = TurnFacts(kind="ask", repeated=True)
NOTHING = TurnFacts(kind="ask")
SEARCH, ACT, FINISH, INVALID = (TurnFacts(kind=kind) for kind in ("search", "act", "finish", "invalid"))


def test_the_example_of_the_page() -> None:
    found = behaviour([episode(ASK, AGAIN, ACT, NOTHING, FINISH, hidden=("a", "b", "c"), width=3)])
    assert (found.episodes, found.questions, found.questions_per_hidden) == (1, 3.0, 1.0)
    assert (found.repeated_share, found.useless_share) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert (found.premature_rate, found.last_question_turn) == (1.0, 4.0)
    assert found.clarify_then_act == pytest.approx(5 / 6)
    assert found.talk_to_act == pytest.approx(3 / 2)
    assert (found.invalid_share, found.tokens_per_turn, found.gain_by_turn) == (0.0, 3.0, None)


def test_sums_over_episodes_and_who_takes_part() -> None:
    episodes = [
        episode(ASK, FINISH, hidden=("a",)),  # asks for all, then commits itself
        episode(FINISH, hidden=("a", "b")),  # never asks
        episode(ASK, AGAIN, hidden=("a",)),  # never commits itself
        episode(NOTHING, SEARCH, INVALID),  # hides nothing
        episode(ASK, ASK, success=None, hidden=("a",)),  # broke
        episode(None, None),  # nothing is known of its actions
    ]
    found = behaviour(episodes)
    assert found.episodes == 5
    assert found.questions == 4 / 4
    assert found.questions_per_hidden == 3 / 4
    assert (found.repeated_share, found.useless_share) == (1 / 4, 1 / 4)
    assert found.premature_rate == 1 / 2  # of the two that commit themselves and hide something
    assert found.last_question_turn == (1 + 2 + 1) / 3
    assert found.clarify_then_act == 1.0
    assert found.talk_to_act == 4 / 3
    assert found.invalid_share == 1 / 8


def test_what_was_not_measured_is_none() -> None:
    for episodes in ([], [episode(None, None, width=0)], [episode(ASK, success=None)]):
        found = behaviour(episodes)
        assert (found.questions, found.questions_per_hidden, found.repeated_share, found.useless_share) == (None,) * 4
        assert (found.premature_rate, found.last_question_turn, found.clarify_then_act) == (None,) * 3
        assert (found.talk_to_act, found.invalid_share, found.tokens_per_turn, found.gain_by_turn) == (None,) * 4
    silent = behaviour([episode(FINISH)])
    assert (silent.questions, silent.talk_to_act) == (0.0, 0.0)  # measured zeros
    assert (silent.questions_per_hidden, silent.repeated_share, silent.last_question_turn) == (None,) * 3


def test_a_search_is_an_action_but_no_commitment() -> None:
    assert premature(episode(SEARCH, ASK, FINISH, hidden=("a",))) is False
    assert clarify_then_act(episode(SEARCH, ASK, FINISH)) == 0.5
    assert premature(episode(SEARCH, hidden=("a",))) is None


@given(st.lists(st.sampled_from([ASK, AGAIN, NOTHING, SEARCH, ACT, FINISH, INVALID]), max_size=8))
def test_the_index_of_a_reversed_episode_is_the_complement(facts: list[TurnFacts]) -> None:
    forth, back = clarify_then_act(episode(*facts)), clarify_then_act(episode(*reversed(facts)))
    assert (forth is None) == (back is None)
    if forth is not None and back is not None:
        assert 0 <= forth <= 1
        assert forth + back == pytest.approx(1)
    questions = behaviour([episode(*facts)]) if facts else None
    if questions is not None and questions.repeated_share is not None and questions.useless_share is not None:
        assert 0 <= questions.repeated_share + questions.useless_share <= 1


def test_gain_by_turn_averages_what_was_measured() -> None:
    episodes = [episode(ASK, FINISH), episode(ASK, ASK, FINISH), episode(ASK, success=None)]
    found = behaviour(episodes, gains=[[1.0, None], [2.0, 0.0, None], [50.0]])
    assert found.gain_by_turn == (TurnGains(turn=1, n=2, mean=1.5), TurnGains(turn=2, n=1, mean=0.0))
    with pytest.raises(ValueError, match="every turn"):
        behaviour(episodes, gains=[[1.0], [2.0, 0.0, None], [1.0]])


def test_the_bytes_of_a_hosted_model_are_no_tokens() -> None:
    assert behaviour([episode(FINISH, hosted=True, width=40)]).tokens_per_turn is None
    assert behaviour([episode(FINISH, hosted=True, width=40), episode(FINISH, width=3)]).tokens_per_turn == 3.0
