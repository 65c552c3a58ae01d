"""From a run to its page: what the template shows, and the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videossr.intervals import TOO_FEW
from videossr_trainers.pages import signed, write_page
from videossr_trainers.report import plots
from videossr_trainers.report.findings import findings, headline, overall
from videossr_trainers.report.player import player_of

if TYPE_CHECKING:
    from pathlib import Path

    from videossr.intervals import Interval
    from videossr_trainers.report.data import Run, ShownSample
    from videossr_trainers.report.player import Player


def write_report(run: Run, path: Path) -> Path:
    """Write a run's report as one HTML file that refers to nothing outside of itself.

    Texts of the run, such as completions and names, are shown and never interpreted. The same run
    gives the same bytes on the same builds of matplotlib and the video encoder. The file appears
    whole or not at all.

    Args:
        run: what to report.
        path: where to; missing folders are made, an older file is replaced.

    Returns:
        The path.
    """
    of_tasks = findings(run)
    colours = {task: plots.colour_of(index) for index, task in enumerate(run.tasks)}
    return write_page(
        path,
        "videossr_trainers.report",
        "report.html.jinja",
        styles=[("videossr_trainers.report", "report.css")],
        filters={"interval": _interval},
        run=run,
        headline=headline(of_tasks),
        rows=[*of_tasks, *([overall(run, of_tasks)] if len(of_tasks) > 1 else [])],
        paired=[task for task in run.tasks if task in run.gains],
        colours=colours,
        reward_curves=[
            (task, plots.reward_curve(run, index)) for index, task in enumerate(run.tasks)
        ],
        normalised_curves=plots.normalised_curves(run),
        zero_variance_curves=plots.zero_variance_curves(run),
        warm_start_curve=plots.warm_start_curve(run),
        inner_curves=[
            ("Loss", plots.loss_curve(run)),
            ("Tokens per completion", plots.length_curve(run)),
            ("KL from the reference model", plots.kl_curve(run)),
        ],
        samples=[(sample, _players(sample)) for sample in run.samples],
        marked=any(sample.marks for sample in run.samples),
        sample_tasks=list(dict.fromkeys(sample.task for sample in run.samples)),
    )


def _interval(interval: Interval, *, sign: bool = False) -> str:
    """The ends of an interval in brackets, or why there is none."""
    if interval.ends is None:
        return TOO_FEW
    low, high = (
        signed(end) if sign else f"{end:.3f}".replace("-", "\N{MINUS SIGN}")
        for end in interval.ends
    )
    return f"[{low}, {high}]"


def _players(sample: ShownSample) -> list[Player]:
    several = len(sample.clips) > 1
    return [
        player_of(
            clip,
            [mark for mark in sample.marks if mark.clip == number],
            f"Clip {number + 1}" if several else "",
        )
        for number, clip in enumerate(sample.clips)
    ]
