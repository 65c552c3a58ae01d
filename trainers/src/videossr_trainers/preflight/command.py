"""The command `videossr preflight`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videossr.cli.options import (
    Allow,
    AsJson,
    Overrides,
    PluginsDir,
    Quiet,
    Root,
    Strict,
    checked_config,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videossr.config import RunConfig
    from videossr.dataset import Dataset
    from videossr.finding import Finding


def preflight(
    config: Annotated[str, typer.Argument(help="A preset's name, or a YAML file.")],
    dataset: Annotated[Path, typer.Option(help="A dataset from `videossr build`.")],
    overrides: Overrides = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Where the run's folder is going to be: its disk must have room."
        ),
    ] = Path("run"),
    root: Root = None,
    plugins_dir: PluginsDir = None,
    allow: Allow = None,
    strict: Strict = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Check a training before it starts, and train nothing; `videossr train` makes the same checks.

    Do the pictures reach the loss, are the times right, does it all fit, is there something to learn?
    A minute at most. Exits with 2 if anything is at fault. Nothing is written.

    Example: videossr preflight tiny --dataset dataset
    """
    from videossr.dataset import Dataset  # noqa: PLC0415 - needs pyarrow

    off = [*(overrides or ()), "warm_start.steps=0", "grpo.report_to=[]"]
    checked = checked_config(config, overrides, plugins_dir=plugins_dir, allow=allow, strict=strict)
    cold = checked_config(config, off, plugins_dir=plugins_dir, allow=allow, strict=strict)
    loaded = Dataset.load(dataset, root=root)
    loaded.refuse_moved()
    from videossr.cli.findings import as_json as plain  # noqa: PLC0415 - needs rich
    from videossr_trainers.console import quiet_libraries  # noqa: PLC0415 - needs torch
    from videossr_trainers.preflight.report import show  # noqa: PLC0415
    from videossr_trainers.processes import join_processes  # noqa: PLC0415
    from videossr_trainers.sections import WarmStartSection  # noqa: PLC0415

    quiet_libraries()
    state = join_processes()
    findings = _findings(cold, loaded, output, warm_steps=checked.section(WarmStartSection).steps)
    if state.is_main_process:
        if as_json:
            typer.echo(json.dumps(plain(findings), indent=2))
        elif not quiet:
            show(findings)
    if any(finding.state == "fault" for finding in findings):
        raise typer.Exit(2)


def _findings(
    config: RunConfig, dataset: Dataset, output: Path, *, warm_steps: int
) -> Sequence[Finding]:
    """Go the way of a training up to its first step, in a folder that is thrown away."""
    from accelerate import PartialState  # noqa: PLC0415 - needs torch

    from videossr import ConfigError  # noqa: PLC0415 - after videossr itself
    from videossr.render import Renderer  # noqa: PLC0415
    from videossr_trainers.preflight.course import Done, Preflight  # noqa: PLC0415
    from videossr_trainers.processes import on_main  # noqa: PLC0415
    from videossr_trainers.questions.selection import chosen_recipes  # noqa: PLC0415
    from videossr_trainers.sections import GrpoSection  # noqa: PLC0415
    from videossr_trainers.training.arguments import (  # noqa: PLC0415
        check_batches,
        leave_cores_to_loaders,
    )
    from videossr_trainers.training.train import make_trainer, start_model  # noqa: PLC0415

    def silent(*_: object) -> None:
        """No step is made that could be reported."""

    recipes = chosen_recipes(config, dataset)
    check_batches(config.section(GrpoSection), len(recipes))
    leave_cores_to_loaders(config.section(GrpoSection))
    renderer = Renderer.for_dataset(dataset, run=config)
    check = Preflight(config, dataset, output, ends=True)
    check.subject.warm_steps = warm_steps
    check.subject.warms_up = warm_steps > 0
    with tempfile.TemporaryDirectory() as own:
        run = Path(on_main(lambda: own))  # the main process's, for all of them
        try:
            started = start_model(config, dataset, recipes, renderer, run, silent, check=check)
            trainer = make_trainer(config, dataset, recipes, renderer, started, run, silent)
            check.watch(trainer)
            trainer.train()
        except Done:
            pass
        except ConfigError:
            if not check.findings:  # another mistake than those that the checks find
                raise
        PartialState().wait_for_everyone()
    return check.findings
