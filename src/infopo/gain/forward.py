"""Forwards for scoring: batches bounded in size and sorted by length."""

from collections.abc import Callable, Iterator, Sequence

import torch

BATCH_TOKENS = 8192  # padded tokens of one forward, unless one row alone has more
MASK_LIMIT = 1 << 26  # query-key pairs of a mask of our own: 256 MiB in float32, twice that on the CPU; likewise

States = Iterator[list[tuple[int, torch.Tensor]]]  # (branch, states [n, H] that predict its n scored tokens), by batch


def batched(lengths: Sequence[int], fits: Callable[[int, int], bool]) -> Iterator[list[int]]:
    """Indices in batches, longest first: rows are added while `fits(rows, longest)`; a batch has at least one row.

    >>> list(batched([2, 9, 4, 4], lambda rows, longest: rows * longest <= 9))
    [[1], [2, 3], [0]]
    """
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    while order:
        count = 1
        while count < len(order) and fits(count + 1, lengths[order[0]]):
            count += 1
        yield order[:count]
        order = order[count:]


def padded(rows: Sequence[Sequence[int]], fill: int, device: torch.device) -> torch.Tensor:
    """Rows `[B, W]`, filled up on the right."""
    width = max(map(len, rows))
    return torch.tensor([[*row, *[fill] * (width - len(row))] for row in rows], device=device)
