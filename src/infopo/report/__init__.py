"""Reports: plots, dialogues and tables of run folders. Reads files only; never imports torch."""

from infopo.report.dialogue import clean_text, render_dialogue
from infopo.report.page import write_report
from infopo.report.plots import draw_run
from infopo.report.run import Run, read_run
from infopo.report.summary import comparison_table, format_rate

__all__ = [
    "Run",
    "clean_text",
    "comparison_table",
    "draw_run",
    "format_rate",
    "read_run",
    "render_dialogue",
    "write_report",
]
