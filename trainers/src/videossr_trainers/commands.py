"""The commands `videossr train`, `videossr demo` and `videossr reverify`."""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videossr import ConfigError, VideossrError
from videossr.cli.options import (
    Allow,
    AsJson,
    Overrides,
    PluginsDir,
    Quiet,
    Root,
    Strict,
    checked_config,
    progress_bar,
)
from videossr.errors import Mistakes
from videossr.wording import counted

if TYPE_CHECKING:
    from videossr_trainers.rollouts.reverify import Tally

_RUN_HELP = "The run's folder, to be made."
_RESUME_HELP = (
    "Go on with the run in the folder, from its newest checkpoint; start it if there is none."
)


def train(
    config: Annotated[str, typer.Argument(help="A preset's name, or a YAML file.")],
    dataset: Annotated[Path, typer.Option(help="A dataset from `videossr build`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help=_RUN_HELP)],
    overrides: Overrides = None,
    resume: Annotated[bool, typer.Option("--resume", help=_RESUME_HELP)] = False,
    root: Root = None,
    plugins_dir: PluginsDir = None,
    allow: Allow = None,
    strict: Strict = False,
    quiet: Quiet = False,
) -> None:
    """Train a model on a dataset by GRPO; on several GPUs by `accelerate launch -m videossr train ...`.

    Ctrl-C and SIGTERM finish the step in hand and save a checkpoint; a second signal stops at once. A run
    that was stopped or killed goes on where it was by the same command and --resume.

    Example: videossr train tiny --dataset dataset -o run grpo.max_steps=20
    """
    from videossr.config.load import read_tree  # noqa: PLC0415 - needs omegaconf
    from videossr.dataset import Dataset  # noqa: PLC0415 - needs pyarrow
    from videossr_trainers.rollouts.trackers import check_trackers, named_trackers  # noqa: PLC0415
    from videossr_trainers.training.occupied import refuse_used  # noqa: PLC0415

    mistakes = Mistakes()
    with mistakes.noted():
        check_trackers(named_trackers(read_tree(config, overrides or ())))
    with mistakes.noted():
        checked = checked_config(
            config, overrides, plugins_dir=plugins_dir, allow=allow, strict=strict
        )
    with mistakes.noted():
        loaded = Dataset.load(dataset, root=root)
        loaded.refuse_moved()
    with mistakes.noted():
        refuse_used(output, resume=resume)
    mistakes.tell()
    from videossr_trainers.console import StageConsole, quiet_libraries  # noqa: PLC0415 - needs torch
    from videossr_trainers.preflight.report import show  # noqa: PLC0415
    from videossr_trainers.processes import is_common, join_processes  # noqa: PLC0415
    from videossr_trainers.training.interrupts import Stopped  # noqa: PLC0415
    from videossr_trainers.training.train import train as run  # noqa: PLC0415

    quiet_libraries()
    speaks = join_processes().is_main_process  # of several processes, one
    try:
        with StageConsole(quiet=quiet or not speaks) as console:
            tell = None if quiet else show
            model = run(checked, loaded, output, console.report, resume=resume, tell=tell)
    except Stopped as stop:
        if speaks:
            typer.echo(f"{stop}; go on with: {_again()}", err=True)
        raise typer.Exit(stop.exit_code) from None
    except VideossrError as error:
        if speaks or not is_common(error):
            raise
        raise typer.Exit(2 if isinstance(error, ConfigError) else 1) from None
    if speaks:
        typer.echo(f"trained model: {model}")


def _again() -> str:
    """The command line that goes on with this run."""
    words = sys.argv[1:] if "--resume" in sys.argv else [*sys.argv[1:], "--resume"]
    if "RANK" in os.environ:  # a launcher's own part of the command line is not known here
        return f"the same launcher, and {shlex.join(['videossr', *words])}"
    return shlex.join(["videossr", *words])


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
    question's video. A demo that was ended early, by Ctrl-C say, is started over by the same command.

    Example: videossr demo
    """
    from videossr_trainers.console import StageConsole, quiet_libraries  # noqa: PLC0415
    from videossr_trainers.demo import run_demo  # noqa: PLC0415 - needs transformers

    quiet_libraries()
    with StageConsole(quiet=quiet) as console:
        report = run_demo(output, quick=quick, seed=seed, console=console)
    typer.echo(f"report: {report.resolve()}")


def reverify(
    rollouts: Annotated[
        Path, typer.Argument(help="A run's folder, its folder of rollouts, or one file of these.")
    ],
    config: Annotated[
        str | None,
        typer.Option(
            help="The run's configuration, if the rollouts no longer lie in the run's folder."
        ),
    ] = None,
    plugins_dir: PluginsDir = None,
    allow: Allow = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Grade the stored completions of a run again, by the plugins that are installed now.

    The run's configuration says with which settings and modifiers. Every completion whose reward is
    another is named, with the plugin's version then and now; the exit code is then 1.

    Example: videossr reverify run
    """
    from videossr.config import load_config  # noqa: PLC0415 - needs pydantic
    from videossr_trainers.rollouts.reverify import Tally, config_of  # noqa: PLC0415 - needs pyarrow
    from videossr_trainers.rollouts.reverify import reverify as graded_again  # noqa: PLC0415
    from videossr_trainers.rollouts.stored import rollout_files  # noqa: PLC0415

    files = rollout_files(rollouts)
    source = config or config_of(rollouts)
    checked = load_config(source, folders=plugins_dir or (), allow=allow or None)
    tally, told = Tally(), []
    with progress_bar("grading", quiet=quiet or as_json) as progress:
        for difference in graded_again(files, checked, tally, progress):
            if as_json:
                told.append(asdict(difference))
            elif not quiet:
                typer.echo(str(difference))
    if as_json:
        versions = {
            plugin: {"stored": sorted(stored), "now": now}
            for plugin, (stored, now) in tally.versions.items()
        }
        facts = {"checked": tally.checked, "files": tally.files, "different": tally.different}
        typer.echo(json.dumps({**facts, "versions": versions, "differences": told}))
    elif not quiet:
        _tell(tally)
    if tally.different:
        raise typer.Exit(1)


def _tell(tally: Tally) -> None:
    for plugin, (stored, now) in tally.versions.items():
        typer.echo(f"plugin {plugin}: version {', '.join(sorted(stored))} stored, {now} now")
    found = f"{tally.different} with another reward" if tally.different else "rewards as stored"
    typer.echo(f"{counted(tally.checked, 'completion')} of {counted(tally.files, 'step')}: {found}")
