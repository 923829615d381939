"""Policies of a shape with random weights, and episodes of any length that they really play: the cache is a rollout's.

Only lengths are made up. Tokens are sampled by the model, one at a time, and replies are read as in any rollout.
"""

import asyncio
import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from infopo.core import Message, Outcome, Trajectory, UserError, derive_random
from infopo.envs.base import Opening, Step
from infopo.gain import GainSpec
from infopo.nano.build import VOCABULARY
from infopo.nano.initial import initial_model
from infopo.nano.tokenizer import train_tokenizer
from infopo.rollout import RolloutConfig, TaskSpec, play_groups
from infopo.samplers.base import Generated, Request
from infopo.samplers.hf import HFSampler, HFSession
from infopo.tokens import Renderer
from infopo.tokens.cpu_attention import attention_name
from infopo.tokens.guard import own_random_state
from infopo.tokens.language_model import LanguageModel
from infopo.tokens.slot_cache import CacheHandle

LONGEST = 1 << 15  # positions, so that no episode here is cut
SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprst" for vowel in "aeiou"]
WORDS = [first + second for first, second in itertools.product(SYLLABLES[:20], SYLLABLES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Tokens of an opening, and what the tokens of an action and of a reply are drawn from, template left out."""

    opening: int
    actions: tuple[int, ...]
    replies: tuple[int, ...]

    def turns(self, tokens: int) -> int:
        """About how many turns make an episode of this many tokens."""
        per_turn = sum(self.actions) / len(self.actions) + sum(self.replies) / len(self.replies) + 4
        return max(2, round((tokens - self.opening) / per_turn))


# Deciles of 64 episodes of the nano policy on usergym/travel, default options: 352 actions, as measured.
TRAVEL = Mix(opening=12, actions=(5, 5, 5, 5, 5, 9, 10, 10, 12, 14), replies=(2, 2, 3, 3, 4, 35, 35, 35, 35, 35))
# What a chat with an instruction-tuned model looks like: stated, not measured.
CHAT = Mix(opening=300, actions=(20, 30, 40, 50, 60), replies=(20, 40, 80, 160))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes of a model, and the episodes that it is measured on. `sizes` None: the built-in nano policy."""

    mix: Mix
    episodes: int
    sizes: dict[str, int] | None = None


def _qwen(
    hidden: int, inner: int, layers: int, heads: int, key_heads: int, vocabulary: int, tied: bool
) -> dict[str, Any]:
    return {
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": key_heads,
        "vocab_size": vocabulary,
        "tie_word_embeddings": tied,
    }


SHAPES = {
    "nano": Shape(mix=TRAVEL, episodes=16),
    "tiny": Shape(mix=TRAVEL, episodes=4, sizes=_qwen(32, 48, 2, 4, 2, 2048, True)),
    # Qwen2.5-0.5B at half its width and a quarter of its depth: what a CPU can still be asked to do.
    "small": Shape(mix=CHAT, episodes=2, sizes=_qwen(448, 2432, 6, 7, 1, 32768, True)),
    # Qwen2.5, as published.
    "0.5B": Shape(mix=CHAT, episodes=16, sizes=_qwen(896, 4864, 24, 14, 2, 151936, True)),
    "1.5B": Shape(mix=CHAT, episodes=16, sizes=_qwen(1536, 8960, 28, 12, 2, 151936, True)),
    "7B": Shape(mix=CHAT, episodes=16, sizes=_qwen(3584, 18944, 28, 28, 4, 152064, False)),
}


def shape_named(name: str) -> Shape:
    """A shape of `SHAPES`; `UserError` for any other."""
    if name not in SHAPES:
        raise UserError(f"no shape is called {name!r}; there are {', '.join(SHAPES)}")
    return SHAPES[name]


def random_policy(shape: Shape, *, device: str, dtype: str, seed: int = 0) -> LanguageModel:
    """A policy of this shape with random weights.

    Weights are drawn so wide that logits vary by about one nat: a token of the history matters.
    """
    tokenizer = word_tokenizer()
    if shape.sizes is None:
        model = initial_model(VOCABULARY, pad=tokenizer.pad_token_id, end=tokenizer.eos_token_id, seed=seed)
        model.config.max_position_embeddings = LONGEST
        model = model.to(device=device, dtype=getattr(torch, dtype))
    else:
        model = qwen_model(shape.sizes, tokenizer, device=device, dtype=dtype, seed=seed)
    model.set_attn_implementation(attention_name(torch.device(device), dtype))  # as a loaded policy has it
    return LanguageModel(model=model.eval(), renderer=Renderer(tokenizer, name="words"))


def qwen_model(sizes: dict[str, int], tokenizer: Any, *, device: str, dtype: str, seed: int) -> Any:
    """A `Qwen2ForCausalLM` of these sizes, made where it will work."""
    from transformers import AutoModelForCausalLM, Qwen2Config

    config = Qwen2Config(
        max_position_embeddings=LONGEST,
        initializer_range=sizes["hidden_size"] ** -0.5,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        **sizes,
    )
    with own_random_state(seed), torch.device(device):
        return AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype), attn_implementation="sdpa")


@functools.cache
def word_tokenizer() -> Any:
    """The nano tokenizer on made-up words and the placeholder, a token a word; the model may have more ids than it."""
    return train_tokenizer([" ".join(["", *WORDS, *WORDS]), *GainSpec().placeholders], vocabulary=VOCABULARY)


def play(
    policy: LanguageModel, mix: Mix, *, episodes: int, turns: int, seed: int = 0
) -> tuple[list[Trajectory], CacheHandle]:
    """Episodes of exactly `turns` turns, and the cache that the rollout left."""
    batch = asyncio.run(
        play_groups(
            _Sampler(policy, mix),
            [TaskSpec(env_id=_Talk.env_id, task=index, seed=seed + index) for index in range(episodes)],
            group_size=1,
            config=RolloutConfig(max_new_tokens=max(mix.actions)),
            policy_version=policy.version,
            make=lambda task, index: _Talk(mix, turns, task),
        )
    )
    assert batch.cache is not None, "this sampler keeps a cache"
    return [trajectory for group in batch.groups for trajectory in group.survivors], batch.cache


class _Talk:
    """A user who never tires: random words, as many as the mix says."""

    env_id = "benchmark/talk"

    def __init__(self, mix: Mix, turns: int, task: TaskSpec) -> None:
        self.mix = mix
        self.max_turns = turns
        self.task_id = f"talk-{task.task}"
        self._random = derive_random(task.seed, "talk")

    async def start(self) -> Opening:
        return Opening(messages=(self._say(self.mix.opening),))

    async def step(self, action: Message) -> Step:
        return Step(messages=(self._say(self._random.choice(self.mix.replies)),), feedback_kind="user")

    async def outcome(self) -> Outcome:
        return Outcome(score=0.0, success=False)

    async def close(self) -> None:
        pass

    def reference_answer(self) -> str | None:
        return None

    def state_key(self) -> str | None:
        return None

    def _say(self, words: int) -> Message:
        return Message(role="user", content=" ".join(self._random.choices(WORDS, k=words)))


class _Sampler:
    """Samples as ever, but an action is as long as the mix says: random weights seldom end a turn."""

    def __init__(self, policy: LanguageModel, mix: Mix) -> None:
        self.inner = HFSampler(policy)
        self.renderer = self.inner.renderer
        self.max_length = self.inner.max_length
        self.mix = mix

    def open(self, slots: int) -> "_Session":
        return _Session(self.inner.open(slots), self.mix)


class _Session:
    def __init__(self, inner: HFSession, mix: Mix) -> None:
        self.inner = inner
        self.mix = mix
        self.stored = inner.stored

    @property
    def cache(self) -> Any:
        return self.inner.cache

    async def generate(self, requests: Sequence[Request]) -> list[Generated]:
        return await self.inner.generate(
            [replace(one, max_new_tokens=one.generator.choice(self.mix.actions)) for one in requests]
        )
