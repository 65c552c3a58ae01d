"""The commands below `videossr ablate`."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from videossr.cli.options import Allow, AsJson, PluginsDir, Quiet
from videossr.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from videossr_trainers.ablations.presets import Ablation

_RUNS = Path("ablation_runs")

#: Seconds in which signals count as one.
_ONE_SIGNAL_S: Final = 2.0


class RunByDefault(TyperGroup):
    """`ablate NAME ...` is `ablate run NAME ...`, and `ablate` is `ablate list`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's, or typer's copy of it
        """As ever, of words that name the command."""
        if not args:
            args = ["list"]
        elif args[0] not in self.commands and args[0] != "--help":
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=RunByDefault,
    help="Train with one thing changed, for several seeds, and see what that does.",
    rich_markup_mode=None,
)

Folder = Annotated[
    list[Path] | None,
    typer.Option(
        "--folder",
        help="A folder of ablations of your own, each a YAML file of its name; by default "
        "`ablations`, if it is there. May be repeated.",
    ),
]
Scale = Annotated[
    str, typer.Option(help="What the ablations are laid over: a preset's name, or a YAML file.")
]


@app.command()
def run(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME... [KEY=VALUE]...",
            help="Ablations, as `ablate list` names them; then settings laid over all of them.",
        ),
    ],
    videos: Annotated[
        Path | None,
        typer.Option(
            envvar="VIDEOSSR_ABLATION_VIDEOS",
            show_envvar=True,
            help="A table from `videossr scan`, or a folder; by default some are drawn by code.",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder of all runs, of all scales.")
    ] = _RUNS,
    scale: Scale = "tiny",
    seeds: Annotated[str, typer.Option(help="Seeds, separated by commas.")] = "0,1,2",
    launcher: Annotated[
        str,
        typer.Option(
            envvar="VIDEOSSR_ABLATION_LAUNCHER",
            show_envvar=True,
            help="What starts Python for training and exams, such as "
            '"accelerate launch --config_file zero2.yaml".',
        ),
    ] = "",
    folder: Folder = None,
    plugins_dir: PluginsDir = None,
    allow: Allow = None,
    quiet: Quiet = False,
) -> None:
    """Train with one thing changed for each seed, and examine before and after on held-out videos.

    `run` may be left out. The same command again goes on where it was ended, and does nothing over.
    What runs have in common is made once, by whichever comes first. A run that fails does not keep the
    others from being run; it is named at the end, and the exit code is 1.

    Example: videossr ablate run base strict_reward --videos videos.parquet -o runs build.held_out=0.3
    """
    from videossr.config.trust import trust  # noqa: PLC0415 - needs pydantic
    from videossr_trainers.ablations.presets import chosen  # noqa: PLC0415
    from videossr_trainers.ablations.running import run_all  # noqa: PLC0415 - needs torch
    from videossr_trainers.ablations.variants import Variants  # noqa: PLC0415
    from videossr_trainers.ablations.videos import table_of  # noqa: PLC0415

    names = [word for word in words if "=" not in word]
    overrides = [word for word in words if "=" in word]
    ablations = _ablations(folder)
    trust(plugins_dir or ())  # the stages are processes of their own
    found = Variants(ablations, scale, overrides, folders=plugins_dir or (), allow=allow or None)
    variants = found.variants(chosen(names, ablations))
    numbers, launched = _seeds(seeds), _launcher(launcher)

    def tell(line: str) -> None:
        if not quiet:
            typer.echo(line)

    to_run = []
    for one in variants:
        if one.same_as:
            tell(f"{one.name}: the same as {one.same_as} at {found.label}, not run")
        else:
            to_run.append(one)
    place = output.absolute() / found.label
    with _ended_by_signals():
        table = table_of(videos, output.absolute(), tell)
        failures = run_all(to_run, numbers, table, place, scale=scale, launcher=launched, tell=tell)
    for failure in failures:
        typer.echo(
            visible(f"error: {failure.name}, seed {failure.seed}: {failure.reason}"), err=True
        )
    if failures:
        raise typer.Exit(1)
    if not quiet:
        typer.echo(f"videossr ablate report {shlex.quote(str(output / found.label))}")


@app.command("list")
def list_ablations(
    folder: Folder = None,
) -> None:
    """Name every ablation, with what it changes and what it is compared with.

    Example: videossr ablate list
    """
    ablations = _ablations(folder)
    width = max(map(len, ablations))
    for one in ablations.values():
        against = f" (against {one.against})" if one.against else ""
        typer.echo(f"{one.name:{width}}  {one.summary}{against}")


@app.command()
def report(
    runs: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="The runs of a scale, as `ablate run` names it."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The HTML file; Markdown, JSON and CSV of the same name go beside it. By default "
            "report.html in the folder.",
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Say what each ablation did: held-out reward, what of it is sight, learning curves, cost.

    With intervals over seeds and videos, and paired with the ablation that each is compared with.

    Example: videossr ablate report ablation_runs/tiny
    """
    from videossr_trainers.ablations.report import Report  # noqa: PLC0415 - needs torch

    found = Report(runs)
    written = found.write(output or runs / "report.html")
    if as_json:
        typer.echo(json.dumps(found.tree()))
    elif not quiet:
        typer.echo(found.text())
        for path in written:
            typer.echo(f"report: {path}")


def _ablations(folders: list[Path] | None) -> dict[str, Ablation]:
    from videossr_trainers.ablations.presets import OWN, find_ablations  # noqa: PLC0415

    if folders is None:
        folders = [OWN] if OWN.is_dir() else []
    return find_ablations(folders)


def _seeds(text: str) -> list[int]:
    from videossr import ConfigError  # noqa: PLC0415
    from videossr.errors import Mistake  # noqa: PLC0415

    try:
        seeds = list(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        seeds = []
    if not seeds or not all(0 <= seed < 2**32 for seed in seeds):
        right = "give whole numbers from 0 to below 2**32, separated by commas, such as 0,1,2"
        raise ConfigError(Mistake("--seeds", f"{text!r} are no seeds", right))
    return seeds


def _launcher(text: str) -> list[str]:
    from videossr import ConfigError  # noqa: PLC0415
    from videossr.errors import Mistake  # noqa: PLC0415

    try:
        words = shlex.split(text)
    except ValueError as error:
        problem = f"{text!r} cannot be split into words ({error})"
        raise ConfigError(Mistake("--launcher", problem)) from error
    if words and shutil.which(words[0]) is None:
        right = "give a command that is on the path, such as `accelerate launch`"
        raise ConfigError(Mistake("--launcher", f"{words[0]!r} is no command here", right))
    return words


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let signals end what is under way, so that it saves and can be gone on with.

    A stage has a session of its own, so that none reaches it but by us. What comes within two seconds
    counts as one signal: tox passes on what the terminal has sent already.
    """
    from videossr_trainers.training.interrupts import tell_stderr  # noqa: PLC0415 - needs torch

    last = -_ONE_SIGNAL_S

    def end(number: int, _: object) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < _ONE_SIGNAL_S:
            return
        last = now
        tell_stderr("stopping; what is under way saves first, and a second signal kills it")
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

    names = ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # Under nohup one of them is to have no effect.
    heeded = [one for one in numbers if signal.getsignal(one) is not signal.SIG_IGN]
    before = {one: signal.signal(one, end) for one in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
