"""A key-value cache in which token k of an episode lives in column k of the episode's slot.

No holes and no padding columns: a row's mask is simply "columns up to my position". Padding of a ragged batch is
written beyond a row's end, where no query may look before a real token has overwritten it.
"""

from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin


class SlotLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """Keys and values of one layer, `[slots, heads, capacity, head_dim]`; `update` scatters by row and column."""

    is_sliding = False  # windows are in the mask, not in the storage

    def __init__(self, owner: "SlotCache") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.owner = owner

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Allocate storage for every slot, shaped after the first keys and values seen."""
        shape = (self.owner.slots, key_states.shape[1], self.owner.capacity)
        self.keys = key_states.new_zeros((*shape, key_states.shape[-1]))
        self.values = value_states.new_zeros((*shape, value_states.shape[-1]))
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write `[rows, heads, new, dim]` at the owner's rows and columns; return what those rows may look at."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        assert self.keys is not None
        assert self.values is not None
        rows, columns, limit = self.owner.rows, self.owner.columns, self.owner.limit
        index = rows[:, None], slice(None), columns
        # Advanced indices apart put the indexed dimensions first: [rows, new, heads, dim].
        self.keys[index] = key_states.transpose(1, 2)
        self.values[index] = value_states.transpose(1, 2)
        if self.owner.all_rows:
            return self.keys[:, :, :limit], self.values[:, :, :limit]
        return self.keys[rows, :, :limit], self.values[rows, :, :limit]

    def grow(self, capacity: int) -> None:
        """Make room for more columns; what is stored stays."""
        if self.is_initialized:
            assert self.keys is not None
            assert self.values is not None
            extra = capacity - self.keys.shape[2]
            self.keys = torch.nn.functional.pad(self.keys, (0, 0, 0, extra))
            self.values = torch.nn.functional.pad(self.values, (0, 0, 0, extra))

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Columns a query may see, and the offset of the first."""
        return self.owner.limit, 0

    def get_seq_length(self) -> int:
        """Columns in use by the current call."""
        return self.owner.limit

    def get_max_length(self) -> int:
        """No maximum: the cache grows."""
        return -1


class SlotCache(Cache):
    """One slot an episode. Call `aim` before each forward; the forward's masks come from `visible`.

    `slots` episodes; `capacity` columns each, doubled when a forward needs more. `temperature`: that of the policy
    whose keys these are.
    """

    layers: list[Any]  # of SlotLayer; the base class allows kinds that cannot grow

    def __init__(self, layers: int, slots: int, capacity: int = 256, *, temperature: float = 1.0) -> None:
        self.slots = slots
        self.temperature = temperature
        self.capacity = capacity
        self.rows = torch.arange(slots)
        self.columns = torch.zeros(slots, 0, dtype=torch.long)
        self.limit = 0
        self.all_rows = True
        super().__init__(layers=[SlotLayer(self) for _ in range(layers)])

    def aim(self, rows: torch.Tensor, columns: torch.Tensor) -> None:
        """The next forward writes row b's token j to column `columns[b, j]` of slot `rows[b]`. `[B]`, `[B, Q]`."""
        self.limit = int(columns.max()) + 1
        if self.limit > self.capacity:
            self.capacity = max(self.limit, 2 * self.capacity)
            for layer in self.layers:
                layer.grow(self.capacity)
        self.rows, self.columns = rows, columns
        every = torch.arange(self.slots, device=rows.device)
        self.all_rows = rows.numel() == self.slots and bool((rows == every).all())

    def take(self, rows: torch.Tensor, *, columns: int | None = None) -> "SlotCache":
        """A working copy that holds only these slots, in this order: decoding then needs no gather per token.

        Of each it holds the first `columns`, default all; what no mask shows may be written over.
        """
        kept = self.capacity if columns is None else min(columns, self.capacity)
        part = SlotCache(len(self.layers), int(rows.numel()), kept, temperature=self.temperature)
        for mine, theirs in zip(part.layers, self.layers, strict=True):
            if theirs.is_initialized:
                mine.keys, mine.values = theirs.keys[rows, :, :kept], theirs.values[rows, :, :kept]
                mine.is_initialized = True
        return part

    def put(self, part: "SlotCache", rows: torch.Tensor) -> None:
        """Store a working copy back into its slots."""
        if part.capacity > self.capacity:
            self.capacity = part.capacity
            for layer in self.layers:
                layer.grow(self.capacity)
        for mine, theirs in zip(self.layers, part.layers, strict=True):
            if not mine.is_initialized:
                shape = (self.slots, theirs.keys.shape[1], self.capacity)
                mine.keys = theirs.keys.new_zeros((*shape, theirs.keys.shape[-1]))
                mine.values = theirs.values.new_zeros((*shape, theirs.values.shape[-1]))
                mine.is_initialized = True
            mine.keys[rows, :, : part.capacity] = theirs.keys
            mine.values[rows, :, : part.capacity] = theirs.values


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheHandle:
    """What a rollout leaves behind for `infopo.gain`: valid for one policy version and temperature, else refused.

    `slots[(group_id, episode)]` is the episode's slot; `stored[slot]` the ids whose keys and values it holds, which is
    every id of the episode but the tail that no forward has read.
    """

    cache: SlotCache
    version: int
    slots: dict[tuple[str, int], int]
    stored: tuple[tuple[int, ...], ...]
