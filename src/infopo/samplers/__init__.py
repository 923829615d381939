"""Samplers: who writes the policy's tokens. Import the one you need; `hf` and `load` import torch."""
