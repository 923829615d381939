"""Yes/no questions about facets: what is understood, what the answers settle, and a user who is consistent."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infopo.envs.usergym.facet_user import FacetUser
from infopo.envs.usergym.facets import Asked, Facets, Possible, facet, holds
from infopo.envs.usergym.guessing import Ruling

COLOR = facet("color", "red|scarlet", "blue", "green")
KIND = facet("kind", "boat|sailing ship", "owl", "car")
FACETS = Facets((COLOR, KIND), [("fly", "kind", ("owl",)), ("wheel", "kind", ("car",)), ("water", "kind", ("boat",))])
POSSIBLE = {"color": COLOR.names, "kind": KIND.names}


def asked(**values: str) -> Asked:
    return tuple((name, frozenset(value.split())) for name, value in sorted(values.items()))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Is it red?", asked(color="red")),
        ("Is it SCARLET?", asked(color="red")),
        ("Is it red or blue?", asked(color="red blue")),
        ("red, green or blue ?", asked(color="red blue green")),
        ("Is it a red boat?", asked(color="red", kind="boat")),
        ("Is it a sailing ship?", asked(kind="boat")),
        ("Can it fly?", asked(kind="owl")),
        ("Does it fly or have wheels?", asked(kind="owl car")),
        ("Is it a boat, on the water?", asked(kind="boat")),
        ("Is it red and blue?", None),
        ("Is it red, blue?", None),
        ("Is it a red boat or an owl?", None),
        ("Is it not red?", None),
        ("Isn't it red?", None),
        ("Is it expensive?", None),
        ("", None),
    ],
)
def test_questions(text: str, wanted: Asked | None) -> None:
    assert FACETS.question(text) == wanted


def test_who_names_several_values_has_named_none() -> None:
    assert FACETS.named("a red boat") == {"color": "red", "kind": "boat"}
    assert FACETS.named("a red or blue boat that can fly") == {"kind": "boat"}
    assert FACETS.named("a red, scarlet thing") == {"color": "red"}


QUESTIONS = st.builds(
    lambda colors, kinds: asked(
        **({"color": " ".join(colors)} if colors else {}), **({"kind": " ".join(kinds)} if kinds else {})
    ),
    st.sets(st.sampled_from(COLOR.names), max_size=2),
    st.sets(st.sampled_from(KIND.names), max_size=2),
).filter(bool)


@given(st.sampled_from(COLOR.names), st.sampled_from(KIND.names), st.lists(QUESTIONS))
def test_what_is_learnt_is_true_and_news_come_once(color: str, kind: str, questions: list[Asked]) -> None:
    target = {"color": color, "kind": kind}
    possible = Possible(POSSIBLE)
    for question in questions:
        possible.learn(question, holds(question, target))
        assert all(target[name] in values for name, values in possible.values.items())
        assert not possible.learn(question, holds(question, target))


def test_a_no_to_two_facets_counts_once_one_of_them_is_settled() -> None:
    possible = Possible(POSSIBLE)
    assert not possible.learn(asked(color="red", kind="boat"), False)
    possible.state("color", "red")
    assert possible.learn(asked(color="red", kind="boat"), False)
    assert possible.values["kind"] == ["owl", "car"]


def user(unanswered: float = 0.0, seed: int = 0) -> FacetUser:
    return FacetUser(
        FACETS,
        {"color": "red", "kind": "owl"},
        possible=Possible(POSSIBLE),
        texts={"yes": ("Yes.", "Yes, so it is."), "no": ("No.", "No, not so."), "unclear": ("What?",)},
        rate=lambda right: Ruling(score=sum(value is not None for value in right.values()) / 2, text="noted"),
        unanswered=unanswered,
        seed_parts=(seed, "test"),
    )


def test_the_user_is_consistent_varies_its_words_and_says_what_is_new() -> None:
    one = user()

    async def ask(text: str) -> tuple[str, tuple[str, ...], bool, bool]:
        reply = await one.reply((), text)
        return reply.text, reply.revealed, reply.repeated, reply.useful

    def run(text: str) -> tuple[str, tuple[str, ...], bool, bool]:
        return asyncio.run(ask(text))

    assert run("is it blue?")[1:] == ((), False, True)
    assert run("is it blue?")[1:] == ((), True, False)
    assert run("is it green?")[1:] == (("color",), False, True)
    assert run("is it shiny?") == ("What?", (), False, False)
    replies = {run("can it fly?")[0] for _ in range(30)}
    assert replies == {"Yes.", "Yes, so it is."}
    assert {run("has it wheels?")[0] for _ in range(30)} == {"No.", "No, not so."}


def test_a_share_of_questions_gets_no_answer_and_counts_for_nothing() -> None:
    one = user(unanswered=0.3)
    replies = [asyncio.run(one.reply((), "is it red?")) for _ in range(300)]
    silent = [reply for reply in replies if reply.text == "No information found."]
    assert 60 < len(silent) < 120
    assert not any(reply.revealed or reply.repeated or reply.useful for reply in silent)
    assert sum(reply.useful for reply in replies) == 1


@pytest.mark.parametrize(
    ("answer", "score"), [("red owl", 1.0), ("a blue owl", 0.5), ("red, or blue owl", 0.5), ("", 0)]
)
def test_ruling(answer: str, score: float) -> None:
    assert asyncio.run(user().rule(answer)).score == score
