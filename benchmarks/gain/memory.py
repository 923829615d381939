"""Peak memory of one pass over a long episode and a large vocabulary, each scheme in a process of its own.

python -m benchmarks.gain.memory SCHEME TOKENS VOCABULARY prints the bytes above those of the loaded model.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from infopo.gain import information_gain

from .episodes import Mix, Shape, play, random_policy
from .measure import MIB, peak_memory, print_table
from .released import released_gain

ROOT = Path(__file__).parents[2]
SCHEMES = ("kv", "tree", "separate", "naive")
LIMIT = 12 << 30  # bytes that the naive pass may take
TURNS = 16
OPENING, ACTION = 128, 32


def peaks(*, tokens: int, vocabulary: int, schemes: Sequence[str] = SCHEMES) -> None:
    """The naive pass beside the back-ends, on one episode."""
    copy = 4 * tokens * vocabulary  # float32
    refused = None
    if 2 * copy > min(LIMIT, _available()):
        refused = f"not run: two copies of {copy / MIB:.0f} MiB are more than this machine has free, or than is allowed"
    found = {scheme: _child(scheme, tokens, vocabulary) for scheme in schemes if scheme != "naive" or refused is None}
    rows = []
    for scheme in schemes:
        if scheme not in found:
            rows.append([scheme, refused or "", "-"])
        else:
            share = f"1/{found['naive'] / found[scheme]:.1f}" if "naive" in found else "-"
            rows.append([scheme, f"{found[scheme] / MIB:.0f}", share])
    print_table(
        f"Peak memory of a pass: {tokens} tokens, vocabulary {vocabulary}",
        ["scheme", "peak MiB above the loaded model", "of naive"],
        rows,
        f"One episode of {TURNS} turns, two layers of width 64, float32, each scheme in a fresh process; ours score"
        f" every turn. `naive` is the released scheme made small: one row instead of four, and the last turn alone (its"
        f" two forwards, one after the other): logits and log-softmax of one forward are {copy / MIB:.0f} MiB each.",
    )


def _available() -> int:
    """Bytes that this machine has free; without a way to tell: enough."""
    table = Path("/proc/meminfo")
    if not table.is_file():
        return LIMIT
    lines = dict(line.split(":") for line in table.read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024


def _child(scheme: str, tokens: int, vocabulary: int) -> int:
    command = [sys.executable, "-m", "benchmarks.gain.memory", scheme, str(tokens), str(vocabulary)]
    result = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return int(result.stdout.split()[-1])


def _measured(scheme: str, tokens: int, vocabulary: int) -> int:
    """Bytes at the peak of rollout and pass, above those of the loaded model."""
    reply = max(1, round((tokens - OPENING) / TURNS) - ACTION - 4)
    mix = Mix(opening=OPENING, actions=(ACTION,), replies=(reply,))
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
    sizes |= {"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": vocabulary, "tie_word_embeddings": True}
    policy = random_policy(Shape(mix=mix, episodes=1, sizes=sizes), device="cpu", dtype="float32")
    with peak_memory(policy.device) as peak:
        played, cache = play(policy, mix, episodes=1, turns=TURNS)
        if scheme == "naive":
            released_gain(policy, played, rows=1, last=True)
        else:
            information_gain(policy, played, backend=scheme, cache=cache)  # type: ignore[arg-type]
    if peak[0] is None:
        sys.exit("the peak of memory is read from /proc, which this system does not have: Linux only")
    return peak[0]


if __name__ == "__main__":
    print(_measured(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
