"""Build the nano policy for one environment: tokenizer, drills, dialogues; cached, and the same for the same seed."""

import contextlib
import dataclasses
import functools
import hashlib
import itertools
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from infopo.core import UserError, derive_random, derive_seed
from infopo.envs import get_spec, members, resolve_options
from infopo.envs.mixtures import folder_name, read_mixture
from infopo.nano.dialogues import DECISIONS, Lesson, known_options, lessons
from infopo.nano.drills import make_drill
from infopo.nano.initial import initial_model
from infopo.nano.tokenizer import SPECIAL, TAGS, train_tokenizer
from infopo.tokens import Renderer
from infopo.tokens.language_model import token_logprobs

Batch = tuple[torch.Tensor, torch.Tensor]  # ids and targets, both [B, L]

NANO_VERSION = 1  # of the folder's format
VOCABULARY = 4096
ABANDONED = 86400  # seconds after which a folder that is being built belongs to no process that lives
# Options that a warm start varies itself, or cannot see.
UNSEEN = (
    *("reveal", "unanswered", "reward", "score", "data", "rows", "judge"),
    *("test_domain", "test_data", "backend", "timeout_seconds", "attempts", "format_penalty"),
)
TEXTS = 640  # dialogues an environment that the tokenizer learns from
LEARNING_RATE = 3e-4  # recommended for training with rewards, written beside the weights


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WarmStart:
    """How much the policy learns before any reward; `steps` for each environment of a mixture."""

    drill_steps: int = 120
    drill_tokens: int = 1500
    steps: int = 500
    batch: int = 16
    learning_rate: float = 3e-3


def nano_folder(
    env_id: str,
    env_options: dict[str, Any],
    *,
    seed: int = 0,
    warm_start: WarmStart | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Path:
    """The folder of the warm-started nano policy for an environment; built on first use, then found again.

    `progress(what, share)` is called while it is built. The cache is `$INFOPO_CACHE`, else `~/.cache/infopo`. An
    interrupted build leaves nothing behind that could be taken for a finished one.
    """
    recipe = warm_start or WarmStart()
    options = _warm_options(env_id, env_options)
    key = derive_seed(_sources(), torch.__version__, env_id, json.dumps([options, dataclasses.asdict(recipe)]), seed)
    folder = cache_folder() / "nano" / f"{folder_name(env_id)}-seed{seed}-{key:016x}"
    if (folder / "infopo.json").is_file():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for left in folder.parent.glob(".building-*"):  # of a process that was killed
            with contextlib.suppress(FileNotFoundError):  # another one clears up, too
                if left.stat().st_mtime < time.time() - ABANDONED:
                    shutil.rmtree(left, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=".building-", dir=folder.parent))
    except OSError as error:
        raise UserError(f"cache folder {folder.parent} is not writable ({error}); set INFOPO_CACHE") from error
    try:
        _build(work, env_id, options, seed, recipe, progress or (lambda what, share: None))
        try:
            os.rename(work, folder)
        except OSError:
            if not (folder / "infopo.json").is_file():  # else another process was quicker: the same content
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


@functools.cache
def _sources() -> str:
    """A digest of the code that decides what is built: a changed text, expert or template builds anew."""
    package = Path(__file__).parent.parent
    files = sorted(path for room in ("nano", "envs", "tokens", "rollout") for path in (package / room).rglob("*.py"))
    digest = hashlib.blake2b(digest_size=16)
    for path in files:
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def cache_folder() -> Path:
    """Where built policies are kept."""
    return Path(os.environ.get("INFOPO_CACHE") or Path.home() / ".cache" / "infopo")


def _warm_options(env_id: str, env_options: dict[str, Any]) -> dict[str, Any]:
    """The options that shape the task; what is revealed or unanswered is varied by the warm start itself.

    Of a mixture: each as `MEMBER.NAME`. Published records have no experts: what leads up to them is learnt on own
    tasks in the same words.
    """
    warm: dict[str, Any] = {}
    for member in members(env_id, "train", **env_options):
        given = {name: value for name, value in member.options.items() if name not in UNSEEN}
        difficulty = "standard" if member.options.get("data") else "nano"
        resolved = resolve_options(member.env_id, given | known_options(member.env_id, {"difficulty": difficulty}))
        defaults = get_spec(member.env_id).options()
        prefix = f"{member.env_id}." if read_mixture(env_id) else ""
        for field in dataclasses.fields(resolved):
            if getattr(resolved, field.name) != getattr(defaults, field.name):
                warm[prefix + field.name] = getattr(resolved, field.name)
    return warm


def _build(
    folder: Path,
    env_id: str,
    options: dict[str, Any],
    seed: int,
    recipe: WarmStart,
    progress: Callable[[str, float], None],
) -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()  # of saving a file of four megabytes
    progress("tokenizer", 0.0)
    tokenizer = train_tokenizer(_corpus(env_id, options), vocabulary=VOCABULARY)
    renderer = Renderer(tokenizer, name="nano")
    model = initial_model(VOCABULARY, pad=tokenizer.pad_token_id, end=tokenizer.eos_token_id, seed=seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.0)
    _drill(model, optimizer, tokenizer, seed, recipe, progress)
    _imitate(model, optimizer, tokenizer, renderer, env_id, options, seed, recipe, progress)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    note = {"nano": NANO_VERSION, "env": env_id, "options": options, "seed": seed, "learning_rate": LEARNING_RATE}
    (folder / "infopo.json").write_text(json.dumps(note, indent=2) + "\n")


def _corpus(env_id: str, options: dict[str, Any]) -> Iterator[str]:
    """Texts of the environment, or of all members. A tokenizer of its own: a new environment changes no policy but its
    own."""
    plain = Renderer(train_tokenizer(["a"], vocabulary=300), name="bytes")
    for lesson in itertools.islice(lessons(plain, env_id, options, seed=0), TEXTS * _size(env_id)):
        yield from (message.content for message in lesson.trajectory.messages)


def _size(env_id: str) -> int:
    return len(read_mixture(env_id) or [env_id])


def _drill(
    model: Any, optimizer: Any, tokenizer: Any, seed: int, recipe: WarmStart, progress: Callable[[str, float], None]
) -> None:
    rng = derive_random(seed, "drills")
    generator = torch.Generator().manual_seed(derive_seed(seed, "drills"))
    words = (len(SPECIAL) + 256, len(tokenizer) - len(TAGS))
    separator = tokenizer.encode("\n", add_special_tokens=False)[0]
    for step in range(recipe.drill_steps):
        most_rows = 2 + min(4, int(8 * step / recipe.drill_steps))
        keys = 1 if step < recipe.drill_steps / 4 else rng.choice((1, 2, 3))
        rows = max(min(2, keys), rng.randint(1, most_rows))
        drill = make_drill(
            generator, words=words, separator=separator, rows=rows, keys=keys, tokens=recipe.drill_tokens
        )
        _learn(model, optimizer, [(drill.input_ids, drill.target)], recipe.learning_rate * min(1.0, (step + 1) / 20))
        progress("drills", (step + 1) / recipe.drill_steps)


def _imitate(
    model: Any,
    optimizer: Any,
    tokenizer: Any,
    renderer: Renderer,
    env_id: str,
    options: dict[str, Any],
    seed: int,
    recipe: WarmStart,
    progress: Callable[[str, float], None],
) -> None:
    decisions = frozenset(tokenizer.encode(text, add_special_tokens=False)[0] for text in DECISIONS)
    stream = lessons(renderer, env_id, options, seed=derive_seed(seed, "imitate"), decisions=decisions)
    steps = recipe.steps * _size(env_id)
    for step in range(steps):
        rows = sorted(itertools.islice(stream, recipe.batch), key=lambda row: len(row.target))
        # Two halves of one step, short rows and long rows: less padding. Never a step of short rows alone: those are
        # the dialogues that ask nothing, and a step of them teaches silence.
        halves = [_padded(half) for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]) if half]
        left = (steps - step) / steps
        _learn(model, optimizer, halves, recipe.learning_rate * min(1.0, (step + 1) / 20, max(0.02, 2 * left)))
        progress("dialogues", (step + 1) / steps)


def _padded(rows: list[Lesson]) -> Batch:
    length = max(len(row.target) for row in rows)
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    target = torch.zeros(len(rows), length, dtype=torch.bool)
    for index, row in enumerate(rows):
        ids[index, : len(row.target)] = torch.tensor(row.trajectory.token_ids)
        target[index, : len(row.target)] = torch.tensor(row.target)
    return ids, target


def _learn(model: Any, optimizer: Any, parts: list[Batch], learning_rate: float) -> None:
    """One step of next-token prediction on the target tokens. Padding is on the right, so causality hides it."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    targets = max(1, sum(int(target.sum()) for _, target in parts))
    for ids, target in parts:
        hidden = model.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
        chosen = target[:, 1:]
        loss = -token_logprobs(model, hidden[chosen], ids[:, 1:][chosen], 1.0).sum() / targets
        loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
