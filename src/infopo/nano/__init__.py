"""The built-in policy: small enough to learn on a laptop, an ordinary transformers folder to everything else."""

from infopo.nano.build import WarmStart, cache_folder, nano_folder

__all__ = ["WarmStart", "cache_folder", "nano_folder"]
