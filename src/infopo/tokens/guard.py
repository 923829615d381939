"""The one guard around libraries that draw from torch's global random state."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def own_random_state(seed: int) -> Iterator[None]:
    """Inside, the global generator is seeded; afterwards the caller's state is back, as if nothing had been drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
