"""From a run to its page: what the template shows, and the file."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from videossr.intervals import FEWEST_VIDEOS
from videossr_trainers.pages import ends, write_page
from videossr_trainers.report import plots
from videossr_trainers.report.findings import findings, headline, overall
from videossr_trainers.report.player import players_of

if TYPE_CHECKING:
    from pathlib import Path

    from videossr_trainers.report.data import Run


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
        filters={"interval": partial(ends, times=1, digits=3)},
        run=run,
        headline=headline(of_tasks),
        fewest=FEWEST_VIDEOS,
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
        samples=[(sample, players_of(sample.clips, sample.marks)) for sample in run.samples],
        marked=any(sample.marks for sample in run.samples),
        sample_tasks=list(dict.fromkeys(sample.task for sample in run.samples)),
    )
