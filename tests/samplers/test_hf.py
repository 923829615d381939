"""The sampler of this process: what it writes is what a full forward says, and depends on nothing but its request."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
import torch

from infopo.core import Message, derive_random
from infopo.samplers import hf
from infopo.samplers.base import Generated, Request
from infopo.samplers.hf import HFSampler, HFSession
from infopo.testing.tiny import FAMILIES, tiny_model, tiny_tokenizer
from infopo.tokens import Renderer
from infopo.tokens.language_model import LanguageModel

CLOSE = {"atol": 1e-5, "rtol": 0.0}


def make_policy(family: str = "Qwen2", *, temperature: float = 1.0, seed: int = 0) -> LanguageModel:
    tokenizer = tiny_tokenizer(["hello there, which colour ?"])
    return LanguageModel(
        model=tiny_model(tokenizer, family, seed=seed),
        renderer=Renderer(tokenizer, name="tiny"),
        temperature=temperature,
    )


@dataclass(kw_only=True)
class Dialogue:
    """An episode by hand: actions from the sampler, answers of random length and content. Its seed names it."""

    seed: int
    ids: list[int]
    logprobs: dict[int, float] = field(default_factory=dict)
    stops: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.generator = derive_random(self.seed, "sampling")
        self.answers = derive_random(self.seed, "answers")

    def take(self, generated: Generated, policy: LanguageModel) -> None:
        for token, logprob in zip(generated.token_ids, generated.logprobs, strict=True):
            assert logprob is not None
            self.logprobs[len(self.ids)] = logprob
            self.ids.append(token)
        self.stops.append(generated.stop)
        text = "".join(self.answers.choice("abc def") for _ in range(self.answers.randint(1, 40)))
        self.ids += policy.renderer.close_action(generated.token_ids)
        self.ids += policy.renderer.observation([Message(role="user", content=text)]).ids


def dialogue(policy: LanguageModel, seed: int, *, opening: int | None = None) -> Dialogue:
    text = "x" * (derive_random(seed, "opening").randint(1, 60) if opening is None else opening)
    return Dialogue(seed=seed, ids=list(policy.renderer.opening([Message(role="user", content=text)]).ids))


def generate(
    session: HFSession, dialogues: Sequence[Dialogue], slots: Sequence[int], *, most: int = 7
) -> list[Generated]:
    requests = [
        Request(slot=slot, token_ids=one.ids, messages=(), generator=one.generator, max_new_tokens=most)
        for slot, one in zip(slots, dialogues, strict=True)
    ]
    return asyncio.run(session.generate(requests))


def play(
    policy: LanguageModel, seeds: Sequence[int], slots: Sequence[int], *, turns: int = 4, greedy: bool = False
) -> dict[int, Dialogue]:
    """Several turns; from turn to turn another part of the dialogues goes on (a dialogue's own seed decides)."""
    session = HFSampler(policy, greedy=greedy).open(len(seeds))
    dialogues = {seed: dialogue(policy, seed) for seed in seeds}
    for turn in range(turns):
        live = [
            (seed, slot) for seed, slot in zip(seeds, slots, strict=True) if turn == 0 or (seed * 7 + turn) % 3 != 0
        ]
        chosen = [dialogues[seed] for seed, _ in live]
        for one, generated in zip(chosen, generate(session, chosen, [slot for _, slot in live]), strict=True):
            one.take(generated, policy)
    return dialogues


def full_logprobs(policy: LanguageModel, ids: Sequence[int]) -> torch.Tensor:
    """Log-probs `[L, V]` of every next token, from one ordinary forward over everything."""
    with torch.no_grad():
        logits = policy.model(input_ids=torch.tensor([list(ids)])).logits[0]
    return torch.log_softmax(logits.float() / policy.temperature, dim=-1)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_log_probs_are_those_of_one_forward_over_everything(family: str, temperature: float) -> None:
    policy = make_policy(family, temperature=temperature)
    played = play(policy, range(6), range(6))
    assert len({len(one.ids) for one in played.values()}) > 3
    for one in played.values():
        expected = full_logprobs(policy, one.ids)
        for position, logprob in one.logprobs.items():
            torch.testing.assert_close(
                torch.tensor(logprob), expected[position - 1, one.ids[position]], **CLOSE, msg=f"token {position}"
            )


def test_a_history_longer_than_the_first_storage_is_kept_whole() -> None:
    policy = make_policy()
    session = HFSampler(policy).open(2)
    dialogues = [dialogue(policy, 1, opening=180), dialogue(policy, 2, opening=3)]
    before = session.cache.capacity
    for _ in range(4):
        for one, generated in zip(dialogues, generate(session, dialogues, [0, 1], most=40), strict=True):
            one.take(generated, policy)
    assert session.cache.capacity > before
    for one in dialogues:
        expected = full_logprobs(policy, one.ids)
        for position, logprob in one.logprobs.items():
            assert logprob == pytest.approx(float(expected[position - 1, one.ids[position]]), abs=1e-5)


def test_the_same_generators_write_the_same_ids() -> None:
    policy = make_policy()
    one, other = play(policy, range(5), range(5)), play(policy, range(5), range(5))
    assert {seed: (d.ids, d.logprobs) for seed, d in one.items()} == {
        seed: (d.ids, d.logprobs) for seed, d in other.items()
    }
    assert len({tuple(d.ids) for d in one.values()}) == 5


@pytest.mark.parametrize("family", FAMILIES)
def test_slots_order_and_batch_mates_change_no_id(family: str) -> None:
    policy = make_policy(family)
    expected = play(policy, range(8), range(8))
    others = [
        play(policy, [5, 2, 7, 0, 1, 6, 3, 4], [3, 1, 0, 2, 7, 6, 5, 4]),
        play(policy, [3, 11, 5], [2, 0, 1]),
        play(policy, [6], [0]),
    ]
    for found in others:
        for seed in found.keys() & expected.keys():
            assert found[seed].ids == expected[seed].ids
            assert found[seed].stops == expected[seed].stops
            assert list(found[seed].logprobs.values()) == pytest.approx(
                list(expected[seed].logprobs.values()), abs=1e-5
            )


def test_prompts_read_in_pieces_give_the_same_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = make_policy()
    expected = play(policy, range(6), range(6))
    monkeypatch.setattr(hf, "PREFILL_TOKENS", 70)
    found = play(policy, range(6), range(6))
    for seed, one in expected.items():
        assert found[seed].ids == one.ids


def test_greedy_takes_the_most_likely_token_and_draws_nothing() -> None:
    policy = make_policy()
    played = play(policy, range(4), range(4), greedy=True)
    for one in played.values():
        expected = full_logprobs(policy, one.ids)
        assert [one.ids[position] for position in one.logprobs] == [
            int(expected[position - 1].argmax()) for position in one.logprobs
        ]
        assert one.generator.getstate() == derive_random(one.seed, "sampling").getstate()


def test_an_action_ends_at_its_first_stop_token_or_at_the_limit() -> None:
    policy = make_policy()
    stops = policy.renderer.stop_ids
    session = HFSampler(policy).open(64)
    dialogues = [dialogue(policy, seed, opening=2) for seed in range(64)]
    found = generate(session, dialogues, range(64), most=25)
    assert {one.stop for one in found} == {"end", "length"}
    for one in found:
        assert 1 <= len(one.token_ids) <= 25
        assert not stops & set(one.token_ids[:-1])
        assert (one.stop == "end") == (one.token_ids[-1] in stops)
        assert one.stop == "end" or len(one.token_ids) == 25


def test_one_random_number_a_token_even_while_others_go_on() -> None:
    policy = make_policy()
    session = HFSampler(policy).open(16)
    dialogues = [dialogue(policy, seed, opening=2) for seed in range(16)]
    found = generate(session, dialogues, range(16), most=25)
    assert len({len(one.token_ids) for one in found}) > 1
    for seed, (one, generated) in enumerate(zip(dialogues, found, strict=True)):
        fresh = derive_random(seed, "sampling")
        for _ in generated.token_ids:
            fresh.random()
        assert one.generator.getstate() == fresh.getstate()


def test_limits_differ_by_request() -> None:
    policy = make_policy()
    session = HFSampler(policy).open(3)
    dialogues = [dialogue(policy, seed) for seed in range(3)]
    requests = [
        Request(slot=k, token_ids=one.ids, messages=(), generator=one.generator, max_new_tokens=most)
        for k, (one, most) in enumerate(zip(dialogues, [1, 4, 2], strict=True))
    ]
    lengths = [len(one.token_ids) for one in asyncio.run(session.generate(requests))]
    assert all(length <= most for length, most in zip(lengths, [1, 4, 2], strict=True))
    assert lengths[0] == 1


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    policy = make_policy()
    rows = 600
    session = HFSampler(policy).open(rows)
    dialogues = [dialogue(policy, 1) for _ in range(rows)]
    for seed, one in enumerate(dialogues):
        one.generator = derive_random(seed, "draws")
    drawn = [one.token_ids[0] for one in generate(session, dialogues, range(rows), most=1)]
    logprobs = full_logprobs(policy, dialogues[0].ids)[-1].double()
    probabilities = logprobs.exp()
    entropy = float(-(probabilities * logprobs).sum())
    spread = float((probabilities * (logprobs + entropy) ** 2).sum()) ** 0.5
    surprise = -sum(float(logprobs[token]) for token in drawn) / rows
    assert abs(surprise - entropy) < 4 * spread / rows**0.5
    likely = int(probabilities.argmax())
    share = float(probabilities[likely])
    assert abs(drawn.count(likely) / rows - share) < 4 * (share * (1 - share) / rows) ** 0.5


@pytest.mark.parametrize("change", ["other token", "nothing new", "shorter"])
def test_a_history_that_does_not_extend_is_refused_and_harms_nothing(change: str) -> None:
    policy = make_policy()
    expected = play(policy, [1, 2], [0, 1], turns=2)
    session = HFSampler(policy).open(2)
    dialogues = [dialogue(policy, 1), dialogue(policy, 2)]
    for one, generated in zip(dialogues, generate(session, dialogues, [0, 1]), strict=True):
        one.take(generated, policy)
    held = session.stored(0)
    ids = {
        "other token": [dialogues[0].ids[0] + 1, *dialogues[0].ids[1:]],
        "nothing new": list(held),
        "shorter": list(held[:-1]),
    }[change]
    state = dialogues[0].generator.getstate()
    broken = Dialogue(seed=1, ids=ids)
    broken.generator = dialogues[0].generator
    with pytest.raises(ValueError, match="slot 0"):
        generate(session, [broken, dialogues[1]], [0, 1])
    assert session.stored(0) == held
    assert dialogues[0].generator.getstate() == state
    live = [one for one in dialogues if (one.seed * 7 + 1) % 3 != 0]
    for one, generated in zip(live, generate(session, live, [one.seed - 1 for one in live]), strict=True):
        one.take(generated, policy)
    assert [one.ids for one in dialogues] == [expected[1].ids, expected[2].ids]


def test_two_requests_for_one_slot_are_refused() -> None:
    policy = make_policy()
    session = HFSampler(policy).open(2)
    with pytest.raises(ValueError, match="one request a slot"):
        generate(session, [dialogue(policy, 1), dialogue(policy, 2)], [1, 1])


def test_a_slot_holds_everything_but_the_last_token() -> None:
    policy = make_policy()
    session = HFSampler(policy).open(3)
    dialogues = [dialogue(policy, seed) for seed in range(3)]
    found = generate(session, dialogues, [2, 0, 1], most=9)
    for one, generated, slot in zip(dialogues, found, [2, 0, 1], strict=True):
        assert session.stored(slot) == (*one.ids, *generated.token_ids[:-1])


def test_modes_of_every_module_come_back_and_dropout_is_off_inside() -> None:
    policy = make_policy()
    expected = play(policy, [4], [0])[4].logprobs
    policy.model.train()
    policy.model.get_decoder().layers[1].eval()
    modes = [module.training for module in policy.model.modules()]
    assert play(policy, [4], [0])[4].logprobs == expected
    assert [module.training for module in policy.model.modules()] == modes
    session = HFSampler(policy).open(1)
    with pytest.raises(ValueError, match="extend"):
        generate(session, [Dialogue(seed=1, ids=[])], [0])
    assert [module.training for module in policy.model.modules()] == modes


def test_no_global_random_state_is_used() -> None:
    policy = make_policy()
    before, plain = torch.get_rng_state(), random.getstate()
    play(policy, range(3), range(3))
    assert torch.equal(torch.get_rng_state(), before)
    assert random.getstate() == plain


def test_no_request_no_answer() -> None:
    assert generate(HFSampler(make_policy()).open(2), [], []) == []
