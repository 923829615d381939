"""What the information gain costs: one command, Markdown tables, every ratio measured within the run.

python -m benchmarks.gain [--quick]                                       two cores and no accelerator: some minutes
python -m benchmarks.gain --device cuda --shapes 0.5B,1.5B,7B --dtype bfloat16

From the root of a checkout. Tables: `turns` the back-ends and the scheme of the released code on the same episodes;
`growth` one episode, longer and longer; `rounding` how far schemes that agree do not; `step` an InfoPO step over a GRPO
step, by the trainer, in the default configuration of `infopo train`; `memory` the peak of a pass at a large vocabulary.
The last two are of the CPU and the built-in policy (built on first use, in a minute or two). All weights but theirs are
random. OMP_NUM_THREADS is what the environment says.
"""

import argparse
import os
import sys

import torch

from infopo.core import UserError

from . import memory, scoring, steps
from .episodes import CHAT, SHAPES, Shape, random_policy, shape_named

SCORING = ("turns", "growth", "rounding")
TABLES = (*SCORING, "step", "memory")


def main(arguments: list[str]) -> None:
    """Print the tables that were asked for."""
    flags = _flags(arguments)
    if flags.device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: this machine has no CUDA device that torch can see; leave --device out")
    tables = _listed(flags.tables) or (TABLES if flags.device == "cpu" else SCORING)
    if unknown := set(tables) - set(TABLES):
        raise UserError(f"no table is called {sorted(unknown)[0]!r}; there are {', '.join(TABLES)}")
    chosen = {name: shape_named(name) for name in _listed(flags.shapes) or ("tiny" if flags.quick else "nano",)}
    where = torch.cuda.get_device_name() if flags.device == "cuda" else f"CPU, {torch.get_num_threads()} thread(s)"
    print(f"torch {torch.__version__}, {where}, load {os.getloadavg()[0]:.1f}, {flags.dtype}")
    for name, shape in chosen.items():
        if set(tables) & set(SCORING):
            _score(name, shape, tables, flags)
    if "step" in tables:
        steps.step_ratio(steps=2 if flags.quick else flags.steps, quick=flags.quick)
    if "memory" in tables:
        if flags.quick:
            memory.peaks(tokens=512, vocabulary=20_000, schemes=("kv", "naive"))
        else:
            memory.peaks(tokens=8192, vocabulary=150_000)


def _score(name: str, shape: Shape, tables: tuple[str, ...], flags: argparse.Namespace) -> None:
    policy = random_policy(shape, device=flags.device, dtype=flags.dtype)
    episodes = flags.episodes or shape.episodes
    turns = [3, 6] if flags.quick else [int(count) for count in _listed(flags.turns)]
    repeats = 1 if flags.quick else flags.repeats
    title = f"{name}, {flags.dtype}, {flags.device}"
    if "turns" in tables:
        size = {"episodes": episodes, "turns": turns, "repeats": repeats}
        scoring.by_turns(policy, shape.mix, name=title, **size, schemes=_schemes(flags.schemes))
    if "growth" in tables:
        tokens = [512, 1024] if flags.quick else [1024, 2048, 4096, 8192]
        scoring.by_length(policy, CHAT, name=title, tokens=tokens)
    if "rounding" in tables:
        scoring.agreement(policy, shape.mix, name=title, episodes=min(episodes, 16), turns=max(turns))


def _schemes(text: str) -> tuple[str, ...]:
    schemes = _listed(text) or scoring.SCHEMES
    if unknown := set(schemes) - set(scoring.SCHEMES):
        raise UserError(f"no scheme is called {sorted(unknown)[0]!r}; there are {', '.join(scoring.SCHEMES)}")
    if "kv" not in schemes:
        raise UserError("--schemes: kv must be among them, all others are held against it")
    return schemes


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _flags(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gain", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--shapes", default="", help=f"of {', '.join(SHAPES)}; default nano")
    parser.add_argument("--tables", default="", help=f"of {', '.join(TABLES)}; default all, on cuda the first three")
    parser.add_argument("--turns", default="4,10,20", help="of the episodes of `turns`")
    parser.add_argument("--schemes", default="", help=f"of {', '.join(scoring.SCHEMES)}, in `turns`; default all")
    parser.add_argument("--episodes", type=int, default=0, help="a pass; default: by shape")
    parser.add_argument("--repeats", type=int, default=3, help="of each timing")
    parser.add_argument("--steps", type=int, default=6, help="of each method in `step`")
    parser.add_argument("--quick", action="store_true", help="all tables, tiny, in seconds: a smoke run")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(f"error: {error}")
