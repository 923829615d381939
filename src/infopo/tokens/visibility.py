"""Which keys a query may look at, and the mask that a model's attention wants for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from infopo.core import UserError
from infopo.tokens.cpu_attention import CPU_ATTENTION

FOLLOWS_A_MASK = {"full_attention", "sliding_attention"}
CHANGING = {"dynamic", "longrope"}  # rotations that are others once a forward holds a position far enough out


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeMask:
    """Histories that share a trunk, side by side in one row: query q sees keys before `before[q]`, and those from
    `own[q]` up to itself. Shapes `[B, L]`. Two numbers a token: FlexAttention never builds the `[L, L]` mask.

    Worked example: a trunk of three, then a branch of two that leaves it behind its second token::

        before 3 3 3 2 2
        own    0 0 0 3 3
    """

    before: torch.Tensor
    own: torch.Tensor

    def dense(self) -> torch.Tensor:
        """Booleans `[B, L, L]`. The diagonal is open everywhere, so that padding stays finite."""
        place = torch.arange(self.before.shape[1], device=self.before.device)
        query, key = place[None, :, None], place[None, None, :]
        shared = (key < self.before[:, :, None]) | (key >= self.own[:, :, None])
        return (shared & (key <= query)) | (key == query)


def mask_problem(model: Any) -> str | None:
    """Why this model's layers cannot be shown a mask of our own, or None where they can."""
    config = model.config.get_text_config()
    types = set(getattr(config, "layer_types", None) or ["full_attention"])
    if not types <= FOLLOWS_A_MASK:
        return f"layers of type {', '.join(sorted(types - FOLLOWS_A_MASK))} do not follow an attention mask"
    if model._is_stateful:  # some of these name no layer types: RWKV
        return "a recurrent state does not follow an attention mask"
    if not model._supports_attention_backend:  # MPT counts positions by itself, GPT-Neo adds windows of its own
        return "attention of the model's own making may read positions and masks in its own way"
    if config._attn_implementation not in ("sdpa", CPU_ATTENTION, "eager", "flex_attention"):
        return (
            f"attention {config._attn_implementation!r} takes no explicit mask; load the model with"
            " attn_implementation='sdpa'"
        )
    return None


def position_problem(model: Any) -> str | None:
    """Why what a token reads depends on how far the longest history of its forward reaches, or None where it does not.

    Then keys that were stored before are others than those of a longer history, and rows of a batch change each other.
    """
    parameters = getattr(model.config.get_text_config(), "rope_parameters", None) or {}
    layers = [parameters, *(part for part in parameters.values() if isinstance(part, dict))]  # some: one a layer type
    kinds = sorted({str(part["rope_type"]) for part in layers if part.get("rope_type") in CHANGING})
    return f"positions of type {', '.join(kinds)} change with the length of what is read" if kinds else None


def branching_problem(model: Any) -> str | None:
    """Why histories cannot be read as branches of one another, or None where they can."""
    return mask_problem(model) or position_problem(model)


def attention_mask(
    model: Any, visible: torch.Tensor | TreeMask, query_positions: torch.Tensor, key_positions: torch.Tensor
) -> Any:
    """The mask that this model's attention wants for `visible` (`[B, Q, K]`, or a tree).

    Windowed layers also hide keys further back than the window; `sdpa` and `eager` take additive floats (`eager` would
    silently misread booleans, `sdpa` would turn them into floats again in every layer), FlexAttention takes blocks.
    Anything else is refused by name.
    """
    problem = mask_problem(model)
    if problem is not None:
        raise UserError(f"{type(model).__name__}: {problem}")
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    windowed = window is not None and getattr(config, "use_sliding_window", True)
    shape: Callable[[int | None], Any]
    if config._attn_implementation == "flex_attention":
        if not isinstance(visible, TreeMask):
            raise UserError("FlexAttention takes a tree mask only; load the model with attn_implementation='sdpa'")
        shape = _blocks(visible, query_positions)
    else:
        seen = visible.dense() if isinstance(visible, TreeMask) else visible
        shape = _dense(model, seen, query_positions, key_positions)
    if not windowed:
        return shape(None)
    if getattr(config, "layer_types", None) is None:
        return shape(window)  # one window for all layers
    return {"full_attention": shape(None), "sliding_attention": shape(window)}


def _dense(
    model: Any, visible: torch.Tensor, query_positions: torch.Tensor, key_positions: torch.Tensor
) -> Callable[[int | None], torch.Tensor]:
    exact = model.config.get_text_config()._attn_implementation == CPU_ATTENTION
    dtype = torch.float64 if exact else next(model.parameters()).dtype  # that of the queries

    def shape(window: int | None) -> torch.Tensor:
        mask = visible
        if window is not None:
            mask = mask & (query_positions[:, :, None] - key_positions[:, None, :] < window)
        open_everywhere = torch.zeros(mask.shape, dtype=dtype, device=mask.device)
        return open_everywhere.masked_fill(~mask, torch.finfo(dtype).min)[:, None]

    return shape


def _blocks(tree: TreeMask, positions: torch.Tensor) -> Callable[[int | None], Any]:
    from torch.nn.attention.flex_attention import create_block_mask

    rows, length = tree.before.shape

    def shape(window: int | None) -> Any:
        def visible(row: Any, head: Any, query: Any, key: Any) -> Any:
            seen = ((key < tree.before[row, query]) | (key >= tree.own[row, query])) & (key <= query)
            if window is not None:
                seen = seen & (positions[row, query] - positions[row, key] < window)
            return seen | (query == key)

        return create_block_mask(visible, rows, None, length, length, device=str(tree.before.device))

    return shape
