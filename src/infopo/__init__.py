"""Train multi-turn language-model agents to find out what they need to know, and then to act."""

from typing import TYPE_CHECKING, Any

from infopo.envs import list_envs, make_env

if TYPE_CHECKING:
    from infopo.gain import information_gain

__version__ = "0.1.0"
__all__ = ["__version__", "information_gain", "list_envs", "make_env"]


def __getattr__(name: str) -> Any:
    # Loaded on first use: it needs torch, which must not be the price of `import infopo`.
    if name == "information_gain":
        from infopo.gain import information_gain

        return information_gain
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
