"""Forwards for scoring: no gradients, evaluation mode, batches bounded in size and sorted by length."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch

from infopo.core import Span
from infopo.tokens.language_model import LanguageModel

BATCH_TOKENS = 8192  # padded tokens of one forward, unless one row alone has more


@contextmanager
def scoring(model: LanguageModel) -> Iterator[None]:
    """No gradients and evaluation mode inside; afterwards every module is in the mode it was in."""
    modes: list[tuple[Any, bool]] = [(module, module.training) for module in model.model.modules()]
    model.model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


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


def score(
    model: LanguageModel, sequences: Sequence[Sequence[int]], spans: Sequence[Sequence[Span]]
) -> list[list[list[float]]]:
    """Log-probs of the tokens in `spans[i][j]` of `sequences[i]`, each sequence read from its start on its own."""
    found: list[list[list[float]]] = [[] for _ in sequences]
    for batch in batched([len(ids) for ids in sequences], lambda rows, longest: rows * longest <= BATCH_TOKENS):
        ids = padded([sequences[index] for index in batch], 0, model.device)
        positions = torch.arange(ids.shape[1], device=model.device)
        # Padding stands at the end, where no real token looks.
        visible = (positions[None, :] <= positions[:, None]).expand(len(batch), -1, -1)
        hidden = model.hidden(ids, positions.expand(len(batch), -1), visible)
        wanted = [(row, span) for row, index in enumerate(batch) for span in spans[index]]
        values = picked_logprobs(
            model,
            [hidden[row, span.start - 1 : span.end - 1] for row, span in wanted],
            [ids[row, span.start : span.end] for row, span in wanted],
        )
        for (row, _), value in zip(wanted, values, strict=True):
            found[batch[row]].append(value)
    return found


def picked_logprobs(
    model: LanguageModel, hidden: Sequence[torch.Tensor], targets: Sequence[torch.Tensor]
) -> list[list[float]]:
    """Log-probs of `targets[i]` `[n_i]` after hidden states `[n_i, H]`; the head runs on nothing else."""
    if not hidden:
        return []
    flat: list[float] = model.logprobs(torch.cat(list(hidden)), torch.cat(list(targets))).tolist()
    ends = [0]
    for chosen in targets:
        ends.append(ends[-1] + chosen.numel())
    return [flat[start:end] for start, end in pairwise(ends)]
