"""The command `videossr eval report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from videossr.cli.options import Quiet


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN RUN...",
            help="Folders made by `videossr eval`, or by `videossr diagnose`; the first is compared with.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The HTML file; JSON and CSV of the same name go beside it."
        ),
    ],
    quiet: Quiet = False,
) -> None:
    """Compare runs on the same questions, such as before and after training, question by question.

    Differences are those of the questions that both answered, with intervals resampled by video. Runs
    on other questions, or graded in another way, are refused. A single run has its report in its folder.

    Example: videossr eval report before after -o both.html
    """
    from videossr_trainers.comparison.differences import compare  # noqa: PLC0415 - heavy
    from videossr_trainers.comparison.page import (  # noqa: PLC0415
        summary_of,
        write_comparisons,
    )
    from videossr_trainers.comparison.runs import read_runs  # noqa: PLC0415

    first, *others = read_runs(runs)
    compared = [compare(first, other) for other in others]
    written = write_comparisons(compared, output)
    if not quiet:
        for line in summary_of(compared):
            typer.echo(line)
        typer.echo(f"report: {', '.join(map(str, written))}")
