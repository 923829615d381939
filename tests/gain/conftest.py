"""Two tokenizers, and episodes played by hand on a real cache: ragged in openings, actions, answers and turns."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from infopo.core import FeedbackKind, Message, Outcome, Span, StopReason, Trajectory, Turn
from infopo.tokens import Renderer
from infopo.tokens.language_model import LanguageModel
from infopo.tokens.slot_cache import CacheHandle, SlotCache

from .tiny_models import tiny_model

CHATML = """
{%- for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""

# Contents trimmed, tool answers as JSON, and a turn end that is not the end of the text.
HEADERS = """
{{- bos_token }}
{%- for message in messages %}
  {{- '<|start|>' + message.role + '<|end|>\n\n' }}
  {{- (message.content | tojson) if message.role == 'tool' else (message.content | trim) }}{{ '<|eot|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|start|>assistant<|end|>\n\n' }}{% endif %}"""

TEMPLATES: dict[str, tuple[str, list[str]]] = {
    "chatml": (CHATML, ["<s>", "<|im_end|>", "<|im_start|>"]),
    "headers": (HEADERS, ["<s>", "<|end_of_text|>", "<|start|>", "<|end|>", "<|eot|>"]),
}

PLACEHOLDER = "No information found."
Answers = tuple[str, ...]  # contents of the messages of one answer


@cache
def make_renderer(shape: str) -> Renderer:
    """A renderer on bytes, without merges."""
    template, special = TEMPLATES[shape]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: index for index, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in special])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=special[0], eos_token=special[1])
    wrapped.chat_template = template
    return Renderer(wrapped, name=shape)


@pytest.fixture(scope="session")
def make_policy() -> Callable[..., LanguageModel]:
    """`make_policy("qwen3", "eager", shape="headers", temperature=0.7)`."""

    def make(family: str = "qwen3", attention: str = "sdpa", **options: Any) -> LanguageModel:
        renderer = make_renderer(options.pop("shape", "chatml"))
        model = tiny_model(family, attention, vocabulary=272)
        return LanguageModel(model=model, renderer=renderer, version=3, **options)

    return make


@dataclass(frozen=True, kw_only=True)
class Script:
    """What happens in one episode: the opening, tokens of each action (negative: cut, no turn end), the answers.

    An empty answer: the turn is not answered, and the next action follows at once. `thoughts[t]` is written before
    the random tokens of action t.
    """

    opening: str
    actions: Sequence[int]
    answers: Sequence[Answers]
    role: Any = "user"
    kinds: Sequence[FeedbackKind] = ()
    thoughts: Sequence[str] = ()


# Openings, actions and answers of different lengths; two messages in one answer; an action cut at its limit.
SCRIPTS = [
    Script(opening="Hi.", actions=[4, 2, 7], answers=[("Rome, in May.",), ("About 90 euros a night.",)]),
    Script(opening="I want a hotel.", actions=[1, 6], answers=[("Yes", "and a pool, please, if there is one")]),
    Script(
        opening="Book it, quickly!",
        actions=[3, -5, 2, -4],
        answers=[("No.",), ("It leaves at noon",), ("x",)],
        role="tool",
        kinds=["tool", "tool", "tool"],
    ),
    Script(opening="Bye", actions=[5], answers=[]),
]


@dataclass(kw_only=True)
class Played:
    """Episodes and the cache behind them."""

    policy: LanguageModel
    trajectories: list[Trajectory]
    handle: CacheHandle


@dataclass(kw_only=True)
class _Episode:
    script: Script
    ids: list[int]
    messages: list[Message]
    logprobs: list[float | None]
    stored: int = 0
    turns: list[Turn] = field(default_factory=list)


class _Table:
    """Forwards of some episodes at a time, ragged, on one cache; and nothing is read twice."""

    def __init__(self, policy: LanguageModel, episodes: list[_Episode]) -> None:
        self.policy = policy
        self.episodes = episodes
        self.cache: SlotCache = policy.new_cache(len(episodes))
        self.cache.capacity = 16

    def read(self, rows: list[int]) -> list[torch.Tensor]:
        """Read what is new in these episodes, but the last id of each; hidden states `[n, H]` after what was read."""
        fresh = [self.episodes[row].ids[self.episodes[row].stored : -1] for row in rows]
        width = max(map(len, fresh))
        ids = torch.tensor([part + [0] * (width - len(part)) for part in fresh])
        columns = torch.tensor([[self.episodes[row].stored] for row in rows]) + torch.arange(width)
        self.cache.aim(torch.tensor(rows), columns)
        visible = torch.arange(self.cache.limit) <= columns[:, :, None]
        hidden = self.policy.hidden(ids, columns, visible, cache=self.cache)
        for row in rows:
            self.episodes[row].stored = len(self.episodes[row].ids) - 1
        return [hidden[index, : len(part)] for index, part in enumerate(fresh)]

    def act(self, turn: int, generator: random.Random) -> None:
        """Every episode with an action in this turn writes it. What it writes is drawn, and read in one forward."""
        wanted = {row: e.script.actions[turn] for row, e in enumerate(self.episodes) if turn < len(e.script.actions)}
        starts = {row: len(self.episodes[row].ids) for row in wanted}
        thoughts = {row: self.policy.renderer.text("".join(self.thought(row, turn))) for row in wanted}
        sizes = {row: len(thoughts[row]) + abs(size) for row, size in wanted.items()}
        for row, size in sizes.items():
            tokens = [*thoughts[row], *(generator.randrange(256) for _ in range(abs(wanted[row])))]
            if wanted[row] > 0:
                tokens[size - 1] = self.policy.renderer.end_of_turn[0]
            self.episodes[row].ids += tokens
        for row, hidden in zip(wanted, self.read(list(wanted)), strict=True):
            episode, size = self.episodes[row], wanted[row]
            span = Span(start=starts[row], end=len(episode.ids))
            told = self.policy.logprobs(hidden[-len(span) :], torch.tensor(episode.ids[span.start :]))
            episode.logprobs += told.tolist()
            episode.turns.append(Turn(action=span, action_message=len(episode.messages), complete=size > 0))
            episode.messages.append(self.policy.renderer.action(episode.ids[span.start : span.end]))

    def thought(self, row: int, turn: int) -> Sequence[str]:
        """What is written first, if anything."""
        return self.episodes[row].script.thoughts[turn : turn + 1]

    def answer(self, turn: int) -> None:
        """Every episode with an answer to this turn takes it over."""
        for episode in self.episodes:
            if turn >= len(episode.script.answers) or not episode.script.answers[turn]:
                continue
            script, last = episode.script, episode.turns[-1]
            messages = [Message(role=script.role, content=content) for content in script.answers[turn]]
            episode.messages += messages
            episode.ids += self.policy.renderer.close_action(episode.ids[last.action.start :])
            start = len(episode.ids)
            block = self.policy.renderer.observation(messages)
            episode.ids += block.ids
            episode.logprobs += [None] * (len(episode.ids) - len(episode.logprobs))
            episode.turns[-1] = Turn(
                action=last.action,
                observation=tuple(Span(start=start + span.start, end=start + span.end) for span in block.content),
                observation_block=Span(start=start, end=len(episode.ids)),
                action_message=last.action_message,
                feedback_kind=script.kinds[turn] if script.kinds else "user",
                complete=last.complete,
            )


@torch.no_grad()
def play(policy: LanguageModel, scripts: Sequence[Script] = SCRIPTS, seed: int = 0) -> Played:
    """Play the scripts with random action tokens; log-probs and cache come from real forwards, turn by turn."""
    episodes = []
    for script in scripts:
        opening = [Message(role="user", content=script.opening)]
        ids = list(policy.renderer.opening(opening).ids)
        episodes.append(_Episode(script=script, ids=ids, messages=opening, logprobs=[None] * len(ids)))
    table, generator = _Table(policy, episodes), random.Random(seed)
    for turn in range(max(len(script.actions) for script in scripts)):
        table.act(turn, generator)
        table.answer(turn)
    trajectories = [_trajectory(policy, index, episode) for index, episode in enumerate(episodes)]
    handle = CacheHandle(
        cache=table.cache,
        version=policy.version,
        slots={("g", index): index for index in range(len(episodes))},
        stored=tuple(tuple(episode.ids[: episode.stored]) for episode in episodes),
    )
    return Played(policy=policy, trajectories=trajectories, handle=handle)


def _trajectory(policy: LanguageModel, index: int, episode: _Episode) -> Trajectory:
    return Trajectory(
        env="by-hand",
        task_id=f"task-{index}",
        group_id="g",
        episode=index,
        seed=index,
        policy_version=policy.version,
        messages=tuple(episode.messages),
        token_ids=tuple(episode.ids),
        sampled=tuple(value is not None for value in episode.logprobs),
        logprobs=tuple(episode.logprobs),
        turns=tuple(episode.turns),
        outcome=Outcome(score=0.0, success=False),
        stop_reason=StopReason.DONE,
    )
