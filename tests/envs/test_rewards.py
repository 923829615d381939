"""Rewards of shopping, of Sokoban and of short answers: by hand and as properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infopo.envs.grid.rewards import sokoban_reward
from infopo.envs.search.rewards import exact_match, form_reward, normalised_answer, word_set_f1
from infopo.envs.webshop.rewards import matched_attributes, matched_options, purchase_reward, title_score, type_factor

COUNTS = st.integers(0, 5)
WORDS = st.lists(st.sampled_from(["red", "Blue", "the", "city", "x-ray"]), max_size=5).map(" ".join)


@given(wished=COUNTS, options=COUNTS, price=st.booleans(), share=st.floats(0, 1), data=st.data())
def test_a_purchase_is_worth_at_most_one_and_more_of_what_was_wished_is_more(
    wished: int, options: int, price: bool, share: float, data: st.DataObject
) -> None:
    had, chosen = data.draw(st.integers(0, wished)), data.draw(st.integers(0, options))
    given = {"wished_attributes": wished, "wished_options": options, "type_factor": share}
    reward = purchase_reward(attributes=had, options=chosen, price_fits=price, **given)
    assert 0 <= reward <= share + 1e-12  # a product of floats may round upwards
    assert purchase_reward(attributes=wished, options=options, price_fits=True, **given) == pytest.approx(share)
    assert purchase_reward(attributes=had, options=chosen, price_fits=True, **given) >= reward


@pytest.mark.parametrize(
    ("query", "categories", "title", "factor"),
    [
        (False, 0, 0.21, 1.0),
        (False, 0, 0.2, 0.5),
        (True, 0, 0.15, 1.0),
        (False, 2, 0.15, 1.0),
        (False, 1, 0.15, 0.5),
        (True, 5, 0.09, 0.1),
        (True, 5, 0.0, 0.0),
    ],
)
def test_the_kind_of_product(query: bool, categories: int, title: float, factor: float) -> None:
    assert type_factor(same_query=query, shared_categories=categories, title_score=title) == factor


def test_titles_are_compared_by_their_nouns() -> None:
    assert title_score(["shoe", "lace", "box"], ["lace", "sock"]) == pytest.approx(1 / 3)
    assert title_score([], []) == 0.2


def test_attributes_and_options_are_matched_as_wished() -> None:
    assert matched_attributes(["machine wash", "cotton"], ["Wash Machine"], "pure COTTON shirt") == 2
    assert matched_attributes(["machine wash"], ["hand wash"], "shirt") == 0
    assert matched_options({"size": "Large", "color": "navy blue"}, {"size": "large", "color": "blue navy"}) == 2
    assert matched_options({"size": "large", "color": "red"}, {"size": "x-large", "color": "green"}) == 0
    assert matched_options({"size": "large"}, {}) == 0


def test_a_push_back_takes_what_a_push_gave() -> None:
    on, off = (sokoban_reward(boxes_on=a, boxes_off=b, solved=False) for a, b in ((1, 0), (0, 1)))
    idle = sokoban_reward(boxes_on=0, boxes_off=0, solved=False)
    assert on + off == pytest.approx(2 * idle)
    assert sokoban_reward(boxes_on=1, boxes_off=0, solved=True) == pytest.approx(10.9)


@given(text=WORDS)
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert normalised_answer(normalised_answer(text)) == normalised_answer(text)
    assert exact_match(text, [f"  The {text.upper()}! "]) == 1.0


@given(one=WORDS, other=WORDS)
def test_words_in_common(one: str, other: str) -> None:
    assert 0 <= word_set_f1(one, other) <= 1
    assert word_set_f1(one, other) == pytest.approx(word_set_f1(other, one))
    assert word_set_f1(one, f"{other}<|answer_split|>{one}") == (1.0 if one.split() else 0.0)


def test_form_is_worth_less_than_being_right() -> None:
    def worth(correct: bool, valid: bool, answered: bool = True, retrieved: bool = False) -> float:
        return form_reward(correct=correct, valid_form=valid, answered=answered, retrieved=retrieved)

    assert [worth(True, True), worth(True, False)] == [1.0, 0.8]
    assert [worth(False, True), worth(False, True, retrieved=True)] == [0.2, 0.3]
    assert [worth(False, False), worth(False, False, answered=False)] == [0.1, 0.0]
