"""Information gain of answers. `GainSpec` and `TurnGain` load no torch; the computation loads it on first use."""

from typing import TYPE_CHECKING, Any

from infopo.gain.spec import Backend, GainSpec, TurnGain

if TYPE_CHECKING:
    from infopo.gain.backends import check_backends, information_gain
    from infopo.gain.belief import answer_belief

__all__ = ["Backend", "GainSpec", "TurnGain", "answer_belief", "check_backends", "information_gain"]


def __getattr__(name: str) -> Any:
    if name in ("check_backends", "information_gain"):
        from infopo.gain import backends

        return getattr(backends, name)
    if name == "answer_belief":
        from infopo.gain.belief import answer_belief

        return answer_belief
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
