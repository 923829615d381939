"""The summary of a scored file as tables. Texts of strangers are cleaned here."""

from collections.abc import Mapping, Sequence
from typing import Any

from infopo.cli.gain_tables import MISSING, Section, print_sections, shortened

SHOWN = 10  # questions of each kind


def show(summary: Mapping[str, Any]) -> None:
    """Print what `ScoreTally.summary` and the command say."""
    print_sections(sections(summary))


def sections(summary: Mapping[str, Any]) -> list[Section]:
    """What is shown, in order."""
    found = [_scored(summary)]
    if not summary["scored"]:
        return found
    found.append(_gains(summary))
    redundant = sorted((one for one in summary["questions"] if one["redundant"]), key=lambda one: -one["redundant"])
    found.append(
        Section(
            title="Redundant questions",
            notes=[
                f"{summary['redundant']} of {summary['scored']} scored replies: asked before, told"
                f" something then, and a gain of at most {summary['settings']['redundant_gain']:g} now"
            ],
            columns=("times", "of", "mean gain", "question"),
            rows=[_question(one, one["redundant"]) for one in redundant[:SHOWN]],
            texts=("question",),
        )
    )
    ranked = summary["questions"]
    for title, part in (
        ("Questions that gained most", ranked[:SHOWN]),
        ("Questions that gained least", ranked[::-1][:SHOWN]),
    ):
        columns, rows = ("asked", "mean gain", "question"), [_question(one) for one in part]
        found.append(Section(title=title, columns=columns, rows=rows, texts=("question",)))
    found.append(_replies("Replies that gained most", summary["top"]))
    found.append(_replies("Replies that gained least", summary["bottom"]))
    return found


def _scored(summary: Mapping[str, Any]) -> Section:
    notes = [
        f"{summary['dialogues']} dialogues, {summary['replies']} replies, {summary['scored']} of them scored",
        "a reply is not scored where nothing was done after it, or where the dialogue was cut",
        summary["note"],
    ]
    if summary["cut"]:
        notes.append(
            f"{summary['cut']} dialogues were cut: longer than {summary['settings']['max_tokens']} tokens, or than the"
            " model takes"
        )
    if summary["broken"]:
        notes.append(f"{summary['broken']} lines could not be scored; the first ones:")
        notes += [shortened(why) for why in summary["first_broken"]]
    return Section(title="What was scored", notes=notes)


def _gains(summary: Mapping[str, Any]) -> Section:
    rows = [
        [name, str(part["n"]), f"{part['mean']:+.3f}", MISSING if part["std"] is None else f"{part['std']:.3f}"]
        for name, part in [("all", summary["gain"]), *summary["by_kind"].items()]
    ]
    quantiles = ", ".join(f"{name}: {value:+.2f}" for name, value in summary["gain_quantiles"].items())
    return Section(
        title="Gain of a reply, in nats",
        notes=[f"quantiles {quantiles}"],
        columns=("from", "replies", "mean", "std"),
        rows=rows,
        texts=("from",),
    )


def _question(one: Mapping[str, Any], *first: int) -> list[str]:
    return [*map(str, first), str(one["asked"]), f"{one['mean_gain']:+.3f}", shortened(one["question"])]


def _replies(title: str, replies: Sequence[Mapping[str, Any]]) -> Section:
    rows = [
        [f"{one['gain']:+.3f}", str(one["line"]), str(one["turn"]), shortened(one["question"]), shortened(one["reply"])]
        for one in replies
    ]
    columns = ("gain", "line", "turn", "question", "reply")
    return Section(title=title, columns=columns, rows=rows, texts=("question", "reply"))
