"""Attention in float64 inside a float32 model: how a policy is read on the CPU.

A token is sampled as one query beside a few others, and trained as one of hundreds. In float32 its log-probability then
differs by up to some 1e-5, and attention is why: how its sums are split depends on the shape. In float64 they agree
once rounded, so that the first update starts at a ratio of 1 and every gain back-end finds one number. (Products of
fewer than four rows round otherwise too: `samplers.hf.FEWEST_ROWS`.)
Accelerators have kernels for float32 and coarser only: there the ordinary attention stays.
"""

from typing import Any

import torch

CPU_ATTENTION = "sdpa_float64"  # the name under which transformers knows it


def attention_name(device: torch.device, dtype: str) -> str:
    """The attention to load a model with: this one for float32 on the CPU, else `sdpa`."""
    return _registered() if dtype == "float32" and device.type == "cpu" else "sdpa"


def _registered() -> str:
    """The name, made known to transformers with the masks of `sdpa`; registering again changes nothing."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(CPU_ATTENTION, _attention)
    AttentionMaskInterface.register(CPU_ATTENTION, sdpa_mask)
    return CPU_ATTENTION


def _attention(
    module: torch.nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *args: Any, **kwargs: Any
) -> tuple[torch.Tensor, None]:
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    found, nothing = sdpa_attention_forward(module, query.double(), key.double(), value.double(), *args, **kwargs)
    return found.to(query.dtype), nothing
