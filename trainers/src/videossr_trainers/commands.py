"""The commands `videossr train` and `videossr demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from videossr.cli.options import (
    Allow,
    Overrides,
    PluginsDir,
    Quiet,
    Root,
    Strict,
    checked_config,
)

_RUN_HELP = "The run's folder, to be made."


def train(
    config: Annotated[str, typer.Argument(help="A preset's name, or a YAML file.")],
    dataset: Annotated[Path, typer.Option(help="A dataset from `videossr build`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help=_RUN_HELP)],
    overrides: Overrides = None,
    root: Root = None,
    plugins_dir: PluginsDir = None,
    allow: Allow = None,
    strict: Strict = False,
    quiet: Quiet = False,
) -> None:
    """Train a model on a dataset by GRPO; several processes by `torchrun -m videossr train ...`.

    Example: videossr train tiny --dataset dataset -o run grpo.max_steps=20
    """
    from videossr.dataset import Dataset  # noqa: PLC0415 - needs pyarrow

    checked = checked_config(config, overrides, plugins_dir=plugins_dir, allow=allow, strict=strict)
    loaded = Dataset.load(dataset, root=root)
    loaded.refuse_moved()
    from accelerate import PartialState  # noqa: PLC0415 - needs torch

    from videossr_trainers.console import StageConsole, quiet_libraries  # noqa: PLC0415
    from videossr_trainers.selection import chosen_recipes  # noqa: PLC0415
    from videossr_trainers.train import train as run  # noqa: PLC0415

    quiet_libraries()
    chosen_recipes(checked, loaded)  # mistakes before the run's folder is made
    speaks = PartialState().is_main_process  # of several processes, one
    with StageConsole(quiet=quiet or not speaks) as console:
        model = run(checked, loaded, output, console.report)
    if speaks:
        typer.echo(f"trained model: {model}")


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The demo's folder, to be made.")
    ] = Path("videossr-demo"),
    quick: Annotated[
        bool,
        typer.Option(help="A few steps of everything, to see that it runs; nothing is learnt."),
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Another seed, other videos and questions.")
    ] = 0,
    quiet: Quiet = False,
) -> None:
    """Run the whole loop on videos drawn by code, on any machine, and write a report to look at.

    Draws videos, scans them, builds questions, warms up a tiny Qwen3-VL made on the spot, trains it by
    GRPO, and scores videos it has not seen: before and after, sighted, blind and with another
    question's video.

    Example: videossr demo
    """
    from videossr_trainers.console import StageConsole, quiet_libraries  # noqa: PLC0415
    from videossr_trainers.demo import run_demo  # noqa: PLC0415 - needs transformers

    quiet_libraries()
    with StageConsole(quiet=quiet) as console:
        report = run_demo(output, quick=quick, seed=seed, console=console)
    typer.echo(f"report: {report.resolve()}")
