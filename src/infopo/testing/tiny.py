"""Random models of some ten thousand parameters, as ordinary transformers folders: for tests, without a download."""

import asyncio
import functools
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

from infopo.core import Message, Trajectory, derive_random, derive_seed
from infopo.envs import Expert, make_expert, num_tasks
from infopo.rollout import RolloutConfig, TaskSpec, play_groups
from infopo.samplers.load import load_policy
from infopo.samplers.scripted import ScriptedSampler
from infopo.tokens import Renderer
from infopo.tokens.guard import own_random_state
from infopo.tokens.language_model import LanguageModel, token_logprobs

CHATML = (
    "{%- for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{% endfor %}{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
FAMILIES = ("Qwen2", "Llama", "Qwen3")
BATCH = 64


def tiny_tokenizer(texts: Iterable[str] = (), *, vocabulary: int = 420) -> Any:
    """A byte-level BPE tokenizer with a ChatML template, trained on `texts`; the same texts give the same one."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    words = pre_tokenizers.Split(Regex(r" ?[^\s]+|\s"), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    fast.chat_template = CHATML
    return fast


def tiny_model(tokenizer: Any, family: str = "Qwen2", *, seed: int = 0, **changes: Any) -> Any:
    """A random float32 causal language model of one of `FAMILIES`: two layers, width 32; `changes` to its config."""
    import transformers

    config = getattr(transformers, f"{family}Config")(
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        **{
            "vocab_size": len(tokenizer),
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "max_position_embeddings": 1024,
            "initializer_range": 0.2,  # wide, so that a token of the history matters
            "tie_word_embeddings": False,
            "attention_dropout": 0.1,  # so that a forward outside evaluation mode is noticed
        }
        | changes,
    )
    with own_random_state(seed):
        return getattr(transformers, f"{family}ForCausalLM")(config).eval()


def tiny_folder(
    path: Path,
    family: str = "Qwen2",
    *,
    env_id: str | None = None,
    env_options: dict[str, Any] | None = None,
    lessons: int = 0,
    seed: int = 0,
    **changes: Any,
) -> Path:
    """A folder with a tiny model and a tokenizer of its own.

    With `env_id` the tokenizer knows the words of its expert dialogues (difficulty nano), and `lessons` steps of
    imitation make the policy write well-formed actions, good and bad ones.
    """
    if env_id is None:
        tokenizer = tiny_tokenizer(["hello there", "no information found"])
        tiny_model(tokenizer, family, seed=seed, **changes).save_pretrained(path)
        tokenizer.save_pretrained(path)
        return path
    options = {"difficulty": "nano"} | (env_options or {})
    plain = Renderer(tiny_tokenizer(), name="bytes")
    spoken = itertools.islice(_dialogues(plain, env_id, options, seed), 2 * BATCH)
    tokenizer = tiny_tokenizer([message.content for dialogue in spoken for message in dialogue.messages])
    model = tiny_model(tokenizer, family, seed=seed, **changes)
    dialogues = _dialogues(Renderer(tokenizer, name="tiny"), env_id, options, seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(lessons):
        _imitate(model, optimizer, list(itertools.islice(dialogues, 16)))
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def tiny_policy(path: Path, **options: Any) -> LanguageModel:
    """The policy of such a folder; `options` as in `load_policy`."""
    return load_policy(str(path), **options)


def _dialogues(renderer: Renderer, env_id: str, options: dict[str, Any], seed: int) -> Iterator[Trajectory]:
    """Dialogues of the weak expert on training tasks, without end."""
    count = num_tasks(env_id, "train", **options)
    for batch in itertools.count():
        seeds = [derive_seed(seed, "tiny", batch, index) for index in range(BATCH)]
        tasks = [
            TaskSpec(env_id=env_id, task=derive_random(one, "task").randrange(count), seed=one, options=options)
            for one in seeds
        ]
        experts = [make_expert(env_id, "weak", seed=one, **options) for one in seeds]
        sampler = ScriptedSampler(renderer, functools.partial(_act, experts))
        config = RolloutConfig(max_new_tokens=512)
        for group in asyncio.run(play_groups(sampler, tasks, group_size=1, config=config)).groups:
            yield from group.trajectories


def _act(experts: list[Expert], slot: int, messages: tuple[Message, ...]) -> str:
    return experts[slot].act(messages)


def _imitate(model: Any, optimizer: Any, rows: list[Trajectory]) -> None:
    length = max(len(row.token_ids) for row in rows)
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    target = torch.zeros(len(rows), length, dtype=torch.bool)
    for index, row in enumerate(rows):
        ids[index, : len(row.token_ids)] = torch.tensor(row.token_ids)
        target[index, : len(row.token_ids)] = torch.tensor(row.sampled)
    hidden = model.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
    chosen = target[:, 1:]
    loss = -token_logprobs(model, hidden[chosen], ids[:, 1:][chosen], 1.0).mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
