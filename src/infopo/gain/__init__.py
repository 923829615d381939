"""Information gain of answers. `GainSpec` and `TurnGain` load no torch; the computation loads it on first use."""

from typing import TYPE_CHECKING, Any

from infopo.gain.spec import Backend, GainSpec, TurnGain

if TYPE_CHECKING:
    from infopo.gain.backends import check_backends, information_gain

__all__ = ["Backend", "GainSpec", "TurnGain", "check_backends", "information_gain"]


def __getattr__(name: str) -> Any:
    if name in ("check_backends", "information_gain"):
        from infopo.gain import backends

        return getattr(backends, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
