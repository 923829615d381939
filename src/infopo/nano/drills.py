"""Look-up drills: rows of random words, each ending in an id; the rows again in another order; recall the ids.

A few seconds of these before the dialogues teach the one skill that everything else stands on, and teach it for every
word of the vocabulary, not for those of one environment.
"""

from dataclasses import dataclass

import torch

MOST_ROWS = 6
MOST_KEYS = 3
REPEATS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """Ids `[B, L]`, and which positions `[B, L]` are recalled ids."""

    input_ids: torch.Tensor
    target: torch.Tensor


def make_drill(
    generator: torch.Generator, *, words: tuple[int, int], separator: int, rows: int, keys: int, tokens: int
) -> Drill:
    """About `tokens` tokens of drills with `rows` rows of `keys` words each, drawn from ids in [words[0], words[1]).

    With several keys a row is told apart only by all of them together: each column has few values.
    """
    width = keys + 2
    batch = max(8, tokens // ((1 + REPEATS) * rows * width))
    low, high = words
    columns = 2 if rows <= 4 else 3
    everything = []
    for _ in range(batch):
        pool = low + torch.randperm(high - low, generator=generator)
        ids, rest = pool[:rows, None], pool[rows:]
        if keys == 1:
            said = rest[:rows, None]
        else:
            grid = torch.cartesian_prod(*(rest[k * columns : (k + 1) * columns] for k in range(keys)))
            said = grid[torch.randperm(len(grid), generator=generator)[:rows]]
        block = torch.cat([torch.full((rows, 1), separator), said, ids], dim=1)
        orders = [torch.arange(rows)] + [torch.randperm(rows, generator=generator) for _ in range(REPEATS)]
        everything.append(torch.cat([block[order].flatten() for order in orders]))
    input_ids = torch.stack(everything)
    target = torch.zeros_like(input_ids, dtype=torch.bool)
    target[:, rows * width + width - 1 :: width] = True
    return Drill(input_ids=input_ids, target=target)
